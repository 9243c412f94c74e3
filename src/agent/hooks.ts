/**
 * Hooks: a reader of the event stream that runs a service's `onChange` at each of its transitions: in order and one at a
 * time per service, so many at once over all, each in a turn of its own. Nothing waits for it but the end of a stop, and
 * that for a moment.
 */
import type { AgentEvent } from "../events/event.ts";
import type { EventStream } from "../events/stream.ts";
import { type Allowance, countedAllowance } from "../health/kinds/allowance.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { hookFacts, servicesOf } from "./hook_facts.ts";
import { type HookRun, runHook, type RunProgram } from "./hook_run.ts";

/** A service and its program. */
export interface HookedService {
  readonly name: string;
  readonly onChange: readonly string[] | undefined;
}

/** What hooks live on. */
export interface HooksOptions {
  readonly services: readonly HookedService[];
  readonly timeoutMs: number;
  readonly run: RunProgram;
  readonly clock: Clock;
  readonly events: EventStream;
}

/** Programs that run at once, over all services. */
const MAX_RUNNING = 16;
/** Transitions of a service that wait; of more the oldest are not told. */
const MAX_WAITING = 64;
/** Services that left the configuration, and may have something on its way out; of more the oldest are not told of. */
const MAX_LEAVING = 256;
/** At the end the last transitions are told within this. */
const FINISH_MS = 2000;
/** So long what was killed may take to end. */
const KILLED_MS = 500;

type Argv = readonly [string, ...string[]];

/** A service's transitions that wait for its program. */
interface Queue {
  readonly service: string;
  argv: Argv;
  readonly waiting: AgentEvent[];
  /** Events that were not told since the program was last started. */
  dropped: { readonly count: number; readonly last: AgentEvent } | undefined;
  /** What leaves the configuration is told of for as long as something happens to it. */
  life: "configured" | "leaving" | "gone";
}

/** The hooks of one agent. */
export class Hooks {
  readonly #options: HooksOptions;
  readonly #subscription: Disposable;
  readonly #slots: Allowance = countedAllowance(() => MAX_RUNNING);
  readonly #queues = new Map<string, Queue>();
  /** Those that have something waiting and nothing running, in the order in which that came. */
  readonly #ready: Queue[] = [];
  readonly #busy = new Set<Queue>();
  readonly #runs = new Set<HookRun>();
  #timeoutMs: number;
  /** Nothing new is heard of. */
  #closed = false;
  #turn: Disposable | undefined;
  #whenIdle: (() => void) | undefined;
  #finished: Promise<void> | undefined;

  constructor(options: HooksOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs;
    this.configure(options.services, options.timeoutMs);
    this.#subscription = options.events.subscribe("hooks", (event) => this.#observe(event));
  }

  /** Takes other programs and another timeout for what is run from now on; where a service has none any more, what waits is not told. */
  configure(services: readonly HookedService[], timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    const names = new Set(services.map(({ name }) => name));
    for (const queue of this.#queues.values()) {
      if (!names.has(queue.service) && queue.life === "configured") queue.life = "leaving";
    }
    for (const { name, onChange: [command, ...args] = [] } of services) {
      const queue = this.#queues.get(name);
      if (command !== undefined) this.#add(queue, name, [command, ...args]);
      else if (queue !== undefined) {
        queue.life = "gone";
        queue.waiting.splice(0);
      }
    }
    const leaving = [...this.#queues.values()].filter(({ life }) => life === "leaving");
    for (const queue of leaving.slice(0, -MAX_LEAVING)) queue.life = "gone";
    for (const queue of [...this.#queues.values()]) this.#release(queue);
  }

  /**
   * Hears of nothing new, and resolves when the last transitions are told: after `limitMs` what still runs is killed, and
   * what waits is not told. Called again, it is the same end.
   */
  finish(limitMs = FINISH_MS): Promise<void> {
    this.#finished ??= this.#finish(limitMs);
    return this.#finished;
  }

  #add(queue: Queue | undefined, service: string, argv: Argv): void {
    if (queue === undefined) {
      this.#queues.set(service, { service, argv, waiting: [], dropped: undefined, life: "configured" });
    } else {
      queue.argv = argv;
      queue.life = "configured";
    }
  }

  /** Keeps nothing of a queue that nothing comes to any more. */
  #release(queue: Queue): void {
    const { service, life, waiting } = queue;
    if (life === "gone" && waiting.length === 0 && !this.#busy.has(queue)) this.#queues.delete(service);
  }

  async #finish(limitMs: number): Promise<void> {
    this.#closed = true;
    using _subscription = this.#subscription;
    if (await this.#idleWithin(limitMs)) return;
    this.#cutOff();
    if (await this.#idleWithin(KILLED_MS)) return;
    for (const run of this.#runs) run.abandon();
  }

  /** Kills what runs, and tells what is not run. */
  #cutOff(): void {
    this.#closed = true;
    this.#turn?.[Symbol.dispose]();
    for (const queue of [...this.#ready.splice(0), ...this.#busy]) this.#forgo(queue);
    for (const run of this.#runs) run.kill("was killed: the agent ends");
  }

  #observe(event: AgentEvent): void {
    // The process ends with this turn or a later one, and waits for nobody.
    if (event.kind === "abort") return this.#cutOff();
    if (this.#closed) return;
    const services = servicesOf(event);
    const queues = services === "all"
      ? [...this.#queues.values()].filter(({ life }) => life === "configured")
      : services.flatMap((service) => this.#queues.get(service) ?? []);
    for (const queue of queues.filter(({ life }) => life !== "gone")) this.#enqueue(queue, event);
    this.#pump();
  }

  #enqueue(queue: Queue, event: AgentEvent): void {
    if (queue.waiting.push(event) > MAX_WAITING) this.#drop(queue);
    if (!this.#busy.has(queue) && queue.waiting.length === 1) this.#ready.push(queue);
  }

  /** The first of a row is told at once, the number of all when the program is next started. */
  #drop(queue: Queue): void {
    const last = queue.waiting.shift();
    if (last === undefined) return;
    if (queue.dropped === undefined) {
      this.#fail(queue, last, `not run: ${MAX_WAITING} transitions wait already, so the oldest gives way`);
    }
    queue.dropped = { count: (queue.dropped?.count ?? 0) + 1, last };
  }

  #tellDropped(queue: Queue): void {
    const { dropped } = queue;
    queue.dropped = undefined;
    if (dropped === undefined || dropped.count === 1) return;
    this.#fail(
      queue,
      dropped.last,
      `not run for ${dropped.count} transitions in a row: ${MAX_WAITING} waited already`,
    );
  }

  #forgo(queue: Queue): void {
    const last = queue.waiting.at(-1);
    const count = queue.waiting.splice(0).length;
    if (last !== undefined) {
      this.#fail(queue, last, `not run for the last transitions (${count}): the agent ends`);
    }
  }

  /** Starts one program in a turn of its own: that takes milliseconds, which nothing else shall wait for in a row. */
  #pump(): void {
    if (this.#ready.length === 0) return;
    const { clock } = this.#options;
    this.#turn ??= clock.at(clock.now(), () => {
      this.#turn = undefined;
      const slot = this.#slots.tryTake();
      // Where none is left, whoever gives one back goes on here.
      if (slot === undefined) return;
      const queue = this.#ready.shift();
      const event = queue?.waiting.shift();
      if (queue === undefined || event === undefined) {
        slot[Symbol.dispose]();
        this.#tellIdle();
      } else void this.#tell(queue, event, slot);
      this.#pump();
    });
  }

  async #tell(queue: Queue, event: AgentEvent, slot: Disposable): Promise<void> {
    this.#busy.add(queue);
    this.#tellDropped(queue);
    try {
      const problem = await this.#run(queue, event, slot);
      if (problem !== undefined) this.#fail(queue, event, problem);
    } catch (error) {
      this.#fail(queue, event, messageOf(error));
    } finally {
      slot[Symbol.dispose]();
      this.#busy.delete(queue);
      if (queue.waiting.length > 0) this.#ready.push(queue);
      this.#pump();
      this.#tellIdle();
    }
  }

  /** What was wrong. A run that nothing ends gives its slot back, but its service's next one goes on waiting for it. */
  async #run(queue: Queue, event: AgentEvent, slot: Disposable): Promise<string | undefined> {
    const { clock, run } = this.#options;
    const at = new Date(clock.wallTime().getTime() + event.at - clock.now());
    const program = { argv: queue.argv, ...hookFacts(event, queue.service, at) };
    const running = runHook(program, { run, clock, limitMs: this.#timeoutMs });
    this.#runs.add(running);
    void running.stuck.then(() => {
      this.#fail(
        queue,
        event,
        "does not end even after SIGKILL, and the next ones of the service wait for it",
      );
      slot[Symbol.dispose]();
      this.#pump();
    });
    try {
      return await running.ended;
    } finally {
      this.#runs.delete(running);
    }
  }

  #fail({ service }: Queue, event: AgentEvent, cause: string): void {
    this.#options.events.publish({ kind: "hook-failed", service, event: event.id, cause }, event.id);
  }

  #tellIdle(): void {
    if (this.#isIdle) this.#whenIdle?.();
  }

  get #isIdle(): boolean {
    return this.#busy.size === 0 && this.#ready.length === 0;
  }

  async #idleWithin(limitMs: number): Promise<boolean> {
    if (this.#isIdle) return true;
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenIdle = resolve;
    using _limit = clock.at(clock.now() + limitMs, resolve);
    await promise;
    return this.#isIdle;
  }
}
