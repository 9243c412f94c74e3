/**
 * One process of the agent's, as the world sees it: it can stand still, and it can be gone from one moment to the next. What a
 * dead one still does comes to nothing: its timers are gone, its sockets reset, and nothing it asks for is answered.
 */
import type { TcpSocket, Transport } from "../../src/bgp/transport/transport.ts";
import type { Probe, Tripped } from "../../src/health/kinds/probe.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { Clock } from "../../src/time/clock.ts";

/** Resolves never: nobody is there any more. */
const NEVER = new Promise<never>(() => {});

/** One process. */
export class AgentProcess implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<Disposable>();
  readonly #sockets = new Set<TcpSocket>();
  readonly #others = new Set<Disposable>();
  /** What waits for the process to go on, in order. */
  #held: (() => unknown)[] = [];
  #stalled = 0;
  #alive = true;
  /** When it last began to stand still. */
  stalledMs = -Infinity;
  /** When it last went on after it stood still. */
  resumedMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get stalled(): boolean {
    return this.#stalled > 0;
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Watches and listeners that are open. */
  get open(): number {
    return this.#others.size;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): Date {
    return this.#clock.wallTime();
  }

  at(atMs: number, callback: () => void): Disposable {
    if (!this.#alive) return { [Symbol.dispose]() {} };
    let cancelled = false;
    const inner = this.#clock.at(atMs, () =>
      this.#whenRunning(() => {
        this.#timers.delete(timer);
        if (!cancelled) callback();
      }));
    const timer = {
      [Symbol.dispose]: () => {
        cancelled = true;
        this.#timers.delete(timer);
        inner[Symbol.dispose]();
      },
    };
    this.#timers.add(timer);
    return timer;
  }

  /** Stands still for so long. */
  stall(ms: number): void {
    if (this.#stalled++ === 0) this.stalledMs = this.#clock.now();
    this.#clock.at(this.#clock.now() + ms, () => {
      if (--this.#stalled > 0) return;
      this.resumedMs = this.#clock.now();
      for (const go of this.#held.splice(0)) go();
    });
  }

  /** SIGKILL. */
  kill(): void {
    this.#alive = false;
    for (const timer of [...this.#timers]) timer[Symbol.dispose]();
    for (const each of [...this.#others]) each[Symbol.dispose]();
    for (const socket of this.#sockets) socket[Symbol.dispose]();
    this.#held = [];
    this.#timers.clear();
    this.#others.clear();
    this.#sockets.clear();
  }

  /** `transport`, as far as the process lives. */
  transport(transport: Transport): Transport {
    return {
      connect: async (...args) => {
        const socket = await this.#answer(transport.connect(...args));
        if (this.#alive) return this.#socket(socket);
        socket[Symbol.dispose]();
        return NEVER;
      },
      listen: (options, events) => {
        // What came while the process stood still is not told of a listener that is closed by then.
        let open = true;
        const whileOpen = (tell: () => void) => this.#whenRunning(() => open && tell());
        const listener = transport.listen(options, {
          connection: (socket, peer) => whileOpen(() => events.connection(this.#socket(socket), peer)),
          refused: (...args) => whileOpen(() => events.refused(...args)),
          fault: (error) => whileOpen(() => events.fault(error)),
        });
        const { local } = listener;
        const owned = this.#owned(listener);
        return {
          local,
          update: (who) => listener.update(who),
          [Symbol.dispose]: () => {
            open = false;
            owned[Symbol.dispose]();
          },
        };
      },
    };
  }

  /** `kernel`, as far as the process lives. */
  kernel(kernel: Kernel): Kernel {
    return {
      read: (interest) => this.#alive ? this.#answer(kernel.read(interest)) : NEVER,
      apply: (changes) => this.#alive ? this.#answer(kernel.apply(changes)) : NEVER,
      traffic: () => this.#answer(kernel.traffic()),
      probe: (needs) => this.#answer(kernel.probe(needs)),
      watch: (onChange) => this.#owned(kernel.watch((notices) => this.#whenRunning(() => onChange(notices)))),
      [Symbol.dispose]() {},
    };
  }

  /** `probe`, as far as the process lives. */
  probe(probe: Probe): Probe {
    return {
      run: (...args) => this.#answer(probe.run(...args)),
      watch: (tripped) => {
        const told: Tripped = (...end) => this.#whenRunning(() => tripped(...end));
        return this.#owned(probe.watch?.(told) ?? { [Symbol.dispose]() {} });
      },
    };
  }

  #socket(socket: TcpSocket): TcpSocket {
    this.#sockets.add(socket);
    const { local, remote } = socket;
    return {
      local,
      remote,
      read: () => this.#answer(socket.read()),
      write: (octets) => this.#alive ? this.#answer(socket.write(octets)) : NEVER,
      end: (limitMs) => this.#alive ? this.#answer(socket.end(limitMs)) : NEVER,
      [Symbol.dispose]: () => {
        if (this.#alive) socket[Symbol.dispose]();
      },
    };
  }

  #owned(inner: Disposable): Disposable {
    const owned = {
      [Symbol.dispose]: () => {
        this.#others.delete(owned);
        inner[Symbol.dispose]();
      },
    };
    this.#others.add(owned);
    return owned;
  }

  /** An answer comes when the process runs, and never to one that is gone. */
  async #answer<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } finally {
      if (!this.#alive) await NEVER;
      if (this.stalled) await new Promise<void>((resolve) => this.#held.push(resolve));
    }
  }

  #whenRunning(call: () => unknown): void {
    if (!this.#alive) return;
    if (this.stalled) this.#held.push(call);
    else call();
  }
}
