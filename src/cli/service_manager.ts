/**
 * What the service manager is told (sd_notify(3)): ready after the first full apply, each reload from its begin to its end,
 * the stop and how long it may take, in words how it goes, and that it is alive: only while everything that goes on by
 * itself does. A reader of events; nothing waits for it.
 */
import { Liveness, type Standstill } from "../agent/liveness.ts";
import { type AgentEvent, isBulk } from "../events/event.ts";
import type { EventStream } from "../events/stream.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import type { Loop } from "../time/loop.ts";

/** The way to the service manager that has started us. */
export interface ServiceManagerPorts {
  /** Sends lines such as `READY=1`; what fails is told by itself. */
  notify(state: string): void;
  /** CLOCK_MONOTONIC, in microseconds, which reloads are told with. */
  monotonicMicroseconds(): number;
  /** It wants a sign of life as often as that; undefined: never. */
  readonly watchdogMs: number | undefined;
}

/** What is told. */
export interface ServiceManagerOptions extends ServiceManagerPorts {
  readonly clock: Clock;
  readonly events: EventStream;
  /** How the agent is, in one line. */
  headline(): string;
  /** Everything that goes on by itself. */
  loops(): readonly Loop[];
  /** When the phase of a stop that is under way ends at the latest; Infinity: none is. */
  phaseEndMs(): number;
}

/** A start that takes longer is told to be ready all the same: what cannot be made is tried again, as later. */
const READY_LIMIT_MS = 60_000;
/** The words change so often at most, and so often while it stops, where connections end without an event. */
const STATUS_EVERY_MS = 2_000;
/** Signs of life in the time in which one is wanted. */
const BEATS = 3;
/** What follows on a phase of a stop: the next one, which is told of then, or to tell routers, kernel and clients. */
const STOP_MARGIN_MS = 30_000;
/** Of a line; systemd takes more. */
const MAX_STATUS = 600;

/** The service manager of one agent, until it is disposed. */
export class ServiceManager implements Disposable {
  readonly #options: ServiceManagerOptions;
  readonly #subscription: Disposable;
  readonly #liveness = new Liveness();
  #phase: "starting" | "running" | "stopping" | "leaving" = "starting";
  #reloads = 0;
  /** Of the last reload, where it was refused. */
  #refusal: string | undefined;
  #standing: readonly Standstill[] = [];
  #told = "";
  #toldMs = -Infinity;
  #timer: Disposable | undefined;
  #limit: Disposable | undefined;
  #beat: Disposable | undefined;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    this.#subscription = options.events.subscribe("service manager", (event) => this.#observe(event));
    this.#tellStatus();
    this.#watch();
  }

  /** The start is under way; ready when it is over, or has taken long. Where it fails nobody is told more. */
  starting(started: Promise<void>): void {
    const { clock } = this.#options;
    this.#limit = clock.at(clock.now() + READY_LIMIT_MS, () => this.#ready());
    started.then(() => this.#ready(), () => this.#limit?.[Symbol.dispose]());
  }

  /** A reload begins; disposing the answer ends it. */
  reloading(): Disposable {
    if (this.#reloads++ === 0 && this.#phase === "running") {
      this.#notify("RELOADING=1", `MONOTONIC_USEC=${this.#options.monotonicMicroseconds()}`);
    }
    return {
      [Symbol.dispose]: () => {
        if (--this.#reloads === 0 && this.#phase === "running") this.#notify("READY=1", this.#statusLine());
      },
    };
  }

  /** It stops in order: phase after phase, of which none is cut short for being long. */
  stopping(): void {
    this.#phase = "stopping";
    this.#notify("STOPPING=1", ...this.#extension(), this.#statusLine());
    this.#tellLater();
  }

  /** It ends for the next process to go on. */
  handingOver(): void {
    this.#phase = "leaving";
    this.#notify(
      "STATUS=handing over: sessions end silently, the kernel stays as it is for the next process",
    );
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    for (const timer of [this.#timer, this.#limit, this.#beat]) timer?.[Symbol.dispose]();
  }

  #ready(): void {
    this.#limit?.[Symbol.dispose]();
    if (this.#phase !== "starting") return;
    this.#phase = "running";
    this.#notify("READY=1", this.#statusLine());
  }

  #observe(event: AgentEvent): void {
    if (event.kind === "reload") {
      const [problem = event.cause] = event.details;
      this.#refusal = event.to === "refused" ? problem : undefined;
    }
    if (!isBulk(event.kind) && this.#phase !== "leaving") this.#tellLater();
  }

  /** In a turn of its own, and not more often than people read. */
  #tellLater(): void {
    const { clock } = this.#options;
    this.#timer ??= clock.at(Math.max(clock.now(), this.#toldMs + STATUS_EVERY_MS), () => {
      this.#timer = undefined;
      this.#tellStatus();
      if (this.#phase === "stopping") this.#tellLater();
    });
  }

  /** A phase that is overdue, for it does not turn any more, gets no more time. */
  #extension(): readonly string[] {
    const endMs = this.#options.phaseEndMs();
    if (endMs === Infinity) return [];
    const leftMs = Math.max(0, endMs + STOP_MARGIN_MS - this.#options.clock.now());
    return [`EXTEND_TIMEOUT_USEC=${Math.ceil(leftMs) * 1000}`];
  }

  #tellStatus(): void {
    const line = this.#statusLine();
    const lines = this.#phase === "stopping" ? [...this.#extension(), line] : [line];
    // What was looked at counts as told: the next look is not at once.
    this.#toldMs = this.#options.clock.now();
    if (lines.length > 1 || line !== this.#told) this.#notify(...lines);
    // Also where there was nothing to say: it is asked again in a while, and not in the same moment.
    this.#toldMs = this.#options.clock.now();
  }

  #statusLine(): string {
    const refusal = this.#refusal === undefined ? [] : [`the last reload was refused: ${this.#refusal}`];
    const text = escapeUnprintable([...this.#standing.map(wordsOf), ...refusal, this.#headline()].join("; "));
    return `STATUS=${text.length > MAX_STATUS ? `${text.slice(0, MAX_STATUS)}...` : text}`;
  }

  /** Words that cannot be had are no reason to say nothing else. */
  #headline(): string {
    try {
      return this.#options.headline();
    } catch (error) {
      return messageOf(error);
    }
  }

  #notify(...lines: readonly string[]): void {
    const words = lines.find((line) => line.startsWith("STATUS="));
    if (words !== undefined) [this.#told, this.#toldMs] = [words, this.#options.clock.now()];
    this.#options.notify(lines.join("\n"));
  }

  /** Looks at everything, and gives the sign of life where nothing stands still. */
  #watch(): void {
    const { clock, watchdogMs } = this.#options;
    if (watchdogMs === undefined) return;
    this.#beat = clock.at(clock.now() + watchdogMs / BEATS, () => {
      this.#watch();
      this.#look();
    });
  }

  #look(): void {
    const { clock, events, loops } = this.#options;
    const before = new Set(this.#standing.map(({ name }) => name));
    this.#standing = this.#liveness.look(loops(), clock.now());
    for (const standing of this.#standing.filter(({ name }) => !before.has(name))) {
      const cause = `${wordsOf(standing)}; no sign of life is given, so that the service manager starts anew`;
      events.publish({ kind: "fault", part: "agent", name: "watchdog", cause });
    }
    if (this.#standing.length === 0) this.#options.notify("WATCHDOG=1");
    else this.#tellStatus();
  }
}

function wordsOf({ name }: Standstill): string {
  return `${name} stands still`;
}
