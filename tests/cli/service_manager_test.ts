// What the service manager is told, on a virtual clock: sd_notify(3), sd_watchdog_enabled(3).
import assert from "node:assert/strict";
import { ServiceManager, type ServiceManagerOptions } from "../../src/cli/service_manager.ts";
import { EventStream } from "../../src/events/stream.ts";
import type { Loop } from "../../src/time/loop.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const REFUSED = { kind: "reload", to: "refused", hash: "", restart: [], cause: "a problem" } as const;

/** A service manager that hears everything, and an agent that is words and loops. */
class Scene {
  readonly clock = new VirtualClock();
  readonly events = new EventStream(this.clock);
  /** Each datagram with its moment. */
  readonly heard: string[] = [];
  readonly manager: ServiceManager;
  readonly started = Promise.withResolvers<void>();
  words = "all is well";
  loops: readonly Loop[] = [];
  phaseEndMs = Infinity;

  constructor(changed: Partial<ServiceManagerOptions> = {}) {
    this.manager = new ServiceManager({
      clock: this.clock,
      events: this.events,
      notify: (state) => void this.heard.push(`${this.clock.now()} ${state.replaceAll("\n", " | ")}`),
      monotonicMicroseconds: () => 7_000_000 + this.clock.now() * 1000,
      watchdogMs: undefined,
      headline: () => this.words,
      loops: () => this.loops,
      phaseEndMs: () => this.phaseEndMs,
      ...changed,
    });
    this.manager.starting(this.started.promise);
  }

  /** What came in that time. */
  async during(ms: number): Promise<readonly string[]> {
    await this.clock.advance(ms);
    return this.heard.splice(0);
  }

  /** Ready, and quiet. */
  async ready(): Promise<void> {
    this.started.resolve();
    await this.during(10_000);
  }

  warn(): void {
    this.events.publish({ kind: "warning", cause: "something" });
  }
}

Deno.test("ServiceManager says READY=1 when the start is over, not before, and words with it", async () => {
  const scene = new Scene();
  assert.deepEqual(await scene.during(30_000), ["0 STATUS=all is well"]);
  scene.started.resolve();
  assert.deepEqual(await scene.during(60_000), ["30000 READY=1 | STATUS=all is well"]);
});

Deno.test("ServiceManager says READY=1 after a minute where the start takes longer, and nothing where it fails", async () => {
  const late = new Scene();
  assert.deepEqual((await late.during(70_000)).slice(1), ["60000 READY=1 | STATUS=all is well"]);
  late.started.resolve();
  assert.deepEqual(await late.during(70_000), []);
  const failed = new Scene();
  failed.started.reject(new Error("not fit"));
  assert.deepEqual((await failed.during(70_000)).slice(1), []);
});

Deno.test("ServiceManager tells of reloads from begin to end, one within another as one, with the reason where one is refused", async () => {
  const scene = new Scene();
  await scene.ready();
  const [one, other] = [scene.manager.reloading(), scene.manager.reloading()];
  assert.deepEqual(await scene.during(500), ["10000 RELOADING=1 | MONOTONIC_USEC=17000000"]);
  one[Symbol.dispose]();
  scene.events.publish({ ...REFUSED, details: ["line 1: \u001b[2Jno", "line 2"] });
  other[Symbol.dispose]();
  const words = "STATUS=the last reload was refused: line 1: \\u001b[2Jno; all is well";
  assert.deepEqual(await scene.during(5000), [`10500 READY=1 | ${words}`]);
  scene.events.publish({ ...REFUSED, to: "applied", details: [] });
  assert.deepEqual(await scene.during(5000), ["15500 STATUS=all is well"]);
});

Deno.test("ServiceManager says its words anew after an event, not more often than every two seconds, and no word twice", async () => {
  const scene = new Scene();
  await scene.ready();
  for (let time = 0; time < 100; time++) {
    scene.words = `state ${time}`;
    scene.warn();
    await scene.clock.advance(100);
  }
  assert.equal((await scene.during(2000)).length, 6);
  scene.warn();
  assert.deepEqual(await scene.during(60_000), []);
  scene.words = "x\ny".repeat(1000);
  scene.warn();
  const [line = "", ...others] = await scene.during(60_000);
  assert.deepEqual(others, []);
  assert.match(line, /^\d+ STATUS=x\\u000ay.*\.\.\.$/);
  assert.ok(line.length < 700);
});

Deno.test("ServiceManager gives a stop the time that each of its phases takes, and none to one that is overdue", async () => {
  const scene = new Scene();
  await scene.ready();
  scene.phaseEndMs = 310_000;
  scene.words = "stopping";
  scene.manager.stopping();
  assert.deepEqual(await scene.during(0), [
    "10000 STOPPING=1 | EXTEND_TIMEOUT_USEC=330000000 | STATUS=stopping",
  ]);
  const extensions = (await scene.during(400_000)).map((line) => Number(/USEC=(\d+)/.exec(line)?.[1]) / 1000);
  // Always to the same moment, and no further.
  assert.ok(
    extensions.every((ms, index) =>
      ms === 0 || ms === 340_000 - (10_000 + (index + 1) * 2000) || index === 0
    ),
  );
  assert.equal(extensions.at(-1), 0);
  scene.phaseEndMs = Infinity;
  assert.deepEqual(await scene.during(10_000), [], "what is over needs no time");
  const handover = new Scene();
  await handover.ready();
  handover.manager.handingOver();
  assert.match((await handover.during(10_000)).join(), /^10000 STATUS=handing over[^,]*, [^,]*$/);
});

Deno.test("ServiceManager gives a sign of life three times as often as one is wanted, from the start to the end", async () => {
  const scene = new Scene({ watchdogMs: 30_000 });
  const lives = async (ms: number) => (await scene.during(ms)).filter((line) => line.endsWith("WATCHDOG=1"));
  assert.equal((await lives(60_000)).length, 6, "while it starts");
  scene.started.resolve();
  assert.equal((await lives(60_000)).length, 6);
  scene.manager.stopping();
  assert.equal((await lives(60_000)).length, 6, "while it stops");
  scene.manager[Symbol.dispose]();
  assert.deepEqual(await scene.during(60_000), []);
});

Deno.test("ServiceManager gives no sign of life while a loop stands still, says which one, and goes on when it turns again", async () => {
  const scene = new Scene({ watchdogMs: 30_000 });
  await scene.ready();
  const faults: string[] = [];
  scene.events.subscribe(
    "test",
    (event) => void (event.kind === "fault" && faults.push(`${event.name}: ${event.cause}`)),
  );
  scene.loops = [{ name: "BFD", dueMs: scene.clock.now() }, { name: "peer a", dueMs: Infinity }];
  const heard = await scene.during(60_000);
  const alive = heard.filter((line) => line.endsWith("WATCHDOG=1"));
  assert.deepEqual(alive, ["20000 WATCHDOG=1"], "late once may be a pause");
  assert.ok(heard.some((line) => line.endsWith("STATUS=BFD stands still; all is well")), heard.join("\n"));
  assert.deepEqual(faults, [
    "watchdog: BFD stands still; no sign of life is given, so that the service manager starts anew",
  ]);
  scene.loops = [];
  assert.match((await scene.during(10_000)).join("\n"), /WATCHDOG=1/);
});

Deno.test("ServiceManager goes on where words cannot be had", async () => {
  const scene = new Scene({
    headline: () => {
      throw new Error("no words");
    },
  });
  scene.started.resolve();
  assert.deepEqual(await scene.during(0), ["0 STATUS=no words", "0 READY=1 | STATUS=no words"]);
});
