/** What an agent does for itself while it runs: it measures its event loop, and gives back what the start took. */
import { measureLoopLag } from "./loop_lag.ts";
import type { AgentPorts } from "./ports.ts";

/** What the start took is free by then, and kept for good where nobody asks for it. */
const RELEASE_MEMORY_MS = 1000;

/** The upkeep of one agent, until it is disposed. */
export class Upkeep implements Disposable {
  readonly #ports: Pick<AgentPorts, "clock" | "releaseMemory">;
  readonly #lag: ReturnType<typeof measureLoopLag>;
  #release: Disposable | undefined;

  /** Tells each lag of the event loop, as `measureLoopLag` does. */
  constructor(
    ports: Pick<AgentPorts, "clock" | "releaseMemory">,
    observeLag: (nowMs: number, lagMs: number) => void,
  ) {
    this.#ports = ports;
    this.#lag = measureLoopLag(ports.clock, observeLag);
  }

  /** By when the event loop has to turn again (time/loop.ts). */
  get dueMs(): number {
    return this.#lag.dueMs;
  }

  /** The start is over: its memory goes back in a moment. */
  releaseMemory(): void {
    const { clock, releaseMemory } = this.#ports;
    this.#release = clock.at(clock.now() + RELEASE_MEMORY_MS, () => releaseMemory());
  }

  [Symbol.dispose](): void {
    this.#release?.[Symbol.dispose]();
    this.#lag[Symbol.dispose]();
  }
}
