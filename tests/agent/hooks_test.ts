// Programs of onChange: which events they are run for, in which order, within which bounds, and what becomes of the rest.
import assert from "node:assert/strict";
import { Hooks } from "../../src/agent/hooks.ts";
import type { AgentFact } from "../../src/events/event.ts";
import { RecordedEvents } from "../support/events.ts";
import { FakePrograms } from "../support/fake_programs.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const TIMEOUT_MS = 10_000;

/** Hooks of services `web` and `dns`, and `bare`, which has no program. */
class Scene implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly events = new RecordedEvents(this.clock);
  readonly programs = new FakePrograms();
  readonly hooks: Hooks;

  constructor(
    services: readonly { readonly name: string; readonly onChange: readonly string[] | undefined }[] =
      SERVICES,
  ) {
    const { clock, programs } = this;
    const { stream: events } = this.events;
    this.hooks = new Hooks({ services, timeoutMs: TIMEOUT_MS, run: programs.run, clock, events });
  }

  /** Lets what is due begin and end. */
  turn(ms = 0): Promise<void> {
    return this.clock.advance(ms);
  }

  publish(...facts: readonly AgentFact[]): void {
    for (const fact of facts) this.events.stream.publish(fact);
  }

  get failures(): readonly string[] {
    return this.events.of("hook-failed").map(({ service, event, cause }) => `${service} ${event}: ${cause}`);
  }

  get started(): readonly string[] {
    return this.programs.runs.map(({ what }) => what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const finished = this.hooks.finish();
    await this.turn(10_000);
    await finished;
    assert.equal(this.clock.pending, 0);
  }
}

const SERVICES = [
  { name: "web", onChange: ["/bin/web", "-x", "a b; c"] },
  { name: "dns", onChange: ["/bin/dns"] },
  { name: "bare", onChange: undefined },
];

function route(service = "web", to: "announced" | "withdrawn" = "announced"): AgentFact {
  return { kind: "route", service, address: "10.99.0.1", to, cause: "status 200" };
}

Deno.test("a program is told what happened in its environment and as a record on its standard input", async () => {
  await using scene = new Scene();
  await scene.turn(1500);
  const { stream } = scene.events;
  const { id: order } = stream.publish({ kind: "order", order: "drain", services: ["web"], cause: "root" });
  stream.publish({
    kind: "verdict",
    service: "web",
    check: "http-1",
    from: "unknown",
    to: "unhealthy",
    cause: "said \u001b[31m\0\n€",
  }, order);
  assert.deepEqual(scene.started, [], "not in the turn of the event");
  await scene.turn();
  const [run] = scene.programs.runs;
  assert.deepEqual(run?.program.argv, ["/bin/web", "-x", "a b; c"]);
  assert.deepEqual(run?.program.environment, {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    BGP_LB_EVENT: "verdict",
    BGP_LB_ID: "2",
    BGP_LB_AT: "2026-01-01T00:00:01.500Z",
    BGP_LB_SERVICE: "web",
    BGP_LB_CHECK: "http-1",
    BGP_LB_FROM: "unknown",
    BGP_LB_TO: "unhealthy",
    BGP_LB_CAUSE: "said \\u001b[31m\\u0000\\u000a€",
    BGP_LB_BECAUSE: "1",
  });
  const { input = "" } = run?.program ?? {};
  assert.match(input, /^[ -~]+\n$/);
  assert.deepEqual(JSON.parse(input), {
    id: 2,
    at: "2026-01-01T00:00:01.500Z",
    kind: "verdict",
    service: "web",
    check: "http-1",
    from: "unknown",
    to: "unhealthy",
    cause: "said \u001b[31m\0\n€",
    because: 1,
  });
  run?.end();
});

Deno.test("programs are run for a service's transitions and for nothing else", async () => {
  await using scene = new Scene();
  scene.programs.onStart = (run) => run.end();
  const cause = "";
  scene.publish(
    { kind: "probe", service: "web", check: "http-1", result: "pass", durationMs: 1, cause },
    { kind: "check-blind", service: "web", check: "http-1", blind: true, cause },
    { kind: "order", order: "drain", services: ["web"], cause },
    { kind: "hook-failed", service: "web", event: 1, cause },
    { kind: "fault", part: "service", name: "web", cause },
    route("bare"),
    route("unknown"),
  );
  await scene.turn();
  assert.deepEqual(scene.started, []);
  scene.publish(
    route("web"),
    { kind: "phase", service: "web", from: "serving", to: "shifting", cause },
    { kind: "verdict", service: "web", check: "http-1", from: "unknown", to: "healthy", cause },
    { kind: "leaving", service: "dns", what: ["address 10.99.1.1"], to: "gone", cause },
    { kind: "drained", services: ["dns", "bare"], until: "2026-01-01T02:00:00.000Z", cause },
    { kind: "undrained", services: undefined, cause },
  );
  await scene.turn();
  assert.deepEqual([...scene.started].sort(), [
    "dns drained 11",
    "dns leaving 10",
    "dns undrained 12",
    "web phase 8",
    "web route 7",
    "web undrained 12",
    "web verdict 9",
  ]);
  const drained = scene.programs.runs.find(({ what }) => what === "dns drained 11")?.program.environment;
  assert.equal(drained?.BGP_LB_UNTIL, "2026-01-01T02:00:00.000Z");
  assert.equal(drained?.BGP_LB_SERVICES, "dns, bare");
});

Deno.test("a service's programs run in order and one at a time; another service's do not wait for them", async () => {
  await using scene = new Scene();
  scene.publish(route("web"), route("web", "withdrawn"), route("dns"), route("web"));
  await scene.turn();
  assert.deepEqual(scene.started, ["web route 1", "dns route 3"]);
  for (const last of ["web route 2", "web route 4"]) {
    await scene.turn(4000);
    scene.programs.open.find(({ what }) => what.startsWith("web"))?.end();
    await scene.turn();
    assert.equal(scene.started.at(-1), last);
  }
  for (const run of scene.programs.open) run.end();
  await scene.turn();
  assert.deepEqual(scene.failures, []);
});

Deno.test("a program is started in a turn of its own, and over all services 16 run at once", async () => {
  const services = Array.from({ length: 40 }, (_, at) => ({ name: `s${at}`, onChange: ["/bin/x"] }));
  await using scene = new Scene(services);
  const perTurn: number[] = [];
  scene.programs.onStart = () => {
    // A timer of this turn that comes after the start is due before the next start.
    const count = scene.programs.runs.length;
    scene.clock.at(scene.clock.now(), () => perTurn.push(scene.programs.runs.length - count));
  };
  scene.publish(...services.map(({ name }) => route(name)));
  await scene.turn();
  assert.equal(scene.programs.open.length, 16);
  scene.programs.open[3]?.end();
  await scene.turn();
  assert.equal(scene.programs.open.length, 16);
  assert.equal(scene.started.at(-1), "s16 route 17");
  while (scene.programs.open.length > 0) {
    for (const run of scene.programs.open) run.end();
    await scene.turn();
  }
  assert.deepEqual(scene.started, services.map(({ name }, at) => `${name} route ${at + 1}`));
  assert.deepEqual([...new Set(perTurn)], [0]);
});

Deno.test("64 transitions of a service wait; of more the oldest are not told: the first at once, all in number", async () => {
  await using scene = new Scene();
  scene.publish(route());
  await scene.turn();
  for (let count = 0; count < 70; count++) scene.publish(route());
  assert.deepEqual(scene.failures, ["web 2: not run: 64 transitions wait already, so the oldest gives way"]);
  scene.programs.onStart = (run) => run.end();
  scene.programs.open[0]?.end();
  await scene.turn();
  assert.deepEqual(scene.failures.slice(1), ["web 7: not run for 6 transitions in a row: 64 waited already"]);
  assert.equal(scene.started.length, 65);
  assert.equal(scene.started[1], "web route 8");
  assert.equal(scene.events.of("hook-failed")[0]?.because, 2);
});

Deno.test("a program that takes longer than hooks.timeout gets SIGTERM, a second later SIGKILL, and the next one runs", async () => {
  await using scene = new Scene();
  scene.programs.onStart = (run) => run.dies = ["SIGKILL"];
  scene.publish(route(), route());
  await scene.turn(TIMEOUT_MS - 1);
  const [first] = scene.programs.runs;
  assert.deepEqual(first?.signals, []);
  await scene.turn(1);
  assert.deepEqual(first?.signals, ["SIGTERM"]);
  await scene.turn(999);
  assert.deepEqual(first?.signals, ["SIGTERM"]);
  scene.programs.onStart = (run) => run.dies = ["SIGTERM"];
  await scene.turn(1);
  assert.deepEqual(first?.signals, ["SIGTERM", "SIGKILL"]);
  await scene.turn(TIMEOUT_MS);
  assert.deepEqual(scene.programs.runs[1]?.signals, ["SIGTERM"]);
  assert.deepEqual(scene.failures, [
    "web 1: took longer than 10s (hooks.timeout) and was ended by SIGKILL",
    "web 2: took longer than 10s (hooks.timeout) and was ended by SIGTERM",
  ]);
});

Deno.test("a program that not even SIGKILL ends holds up its own service alone", async () => {
  const services = Array.from({ length: 17 }, (_, at) => ({ name: `s${at}`, onChange: ["/bin/x"] }));
  await using scene = new Scene(services);
  scene.programs.onStart = (run) => run.dies = [];
  scene.publish(...services.slice(0, 16).map(({ name }) => route(name)));
  await scene.turn();
  scene.publish(route("s0"), route("s16"));
  await scene.turn(TIMEOUT_MS + 2000 - 1);
  assert.equal(scene.programs.runs.length, 16);
  await scene.turn(1);
  assert.equal(scene.started.at(-1), "s16 route 18");
  assert.match(scene.failures[0] ?? "", /^s0 1: does not end even after SIGKILL/);
  assert.equal(scene.failures.length, 16);
  for (const run of scene.programs.open) run.end();
  await scene.turn();
  assert.equal(scene.started.at(-1), "s0 route 17");
  scene.programs.open[0]?.end();
});

Deno.test("what is wrong with a program is told in words, with the event that it was run for", async () => {
  await using scene = new Scene();
  const ends = [
    [{ code: 3, stderr: "" }, "exit status 3"],
    [
      { code: 1, stderr: " no\u001b[31m route\n\n  to host \n" },
      "exit status 1: no\\u001b[31m route; to host",
    ],
    [{ code: 139, signal: "SIGSEGV", stderr: "" }, "was ended by SIGSEGV"],
    [{ code: 0, stderr: "a warning" }, undefined],
  ] as const;
  for (const [end] of ends) {
    scene.publish(route("dns"));
    await scene.turn();
    scene.programs.open[0]?.end(end);
    await scene.turn();
  }
  scene.programs.refusal = new Error("/bin/dns does not exist");
  scene.publish(route("dns"), route("dns"));
  await scene.turn();
  const words = [...ends.flatMap(([, words]) => words ?? []), ...Array(2).fill("/bin/dns does not exist")];
  assert.deepEqual(scene.events.of("hook-failed").map(({ cause }) => cause), words);
  assert.ok(scene.events.of("hook-failed").every(({ because, event }) => because === event));
});

Deno.test("configure() takes other programs and another timeout for what is run from then on", async () => {
  await using scene = new Scene();
  scene.publish(route("web"), route("web"), route("dns"), route("dns"));
  await scene.turn();
  scene.hooks.configure([
    { name: "web", onChange: ["/bin/new"] },
    { name: "dns", onChange: undefined },
    { name: "bare", onChange: ["/bin/bare"] },
  ], 1000);
  for (const run of scene.programs.open) run.end();
  scene.publish(route("bare"), route("dns"));
  await scene.turn();
  assert.deepEqual(scene.started.slice(2), ["bare route 5", "web route 2"]);
  assert.deepEqual(scene.programs.open.map(({ program }) => program.argv[0]), ["/bin/bare", "/bin/new"]);
  await scene.turn(1000);
  assert.deepEqual(scene.programs.open, []);
});

Deno.test("a service that left the configuration is told of what still happens to it, and of no order for all", async () => {
  await using scene = new Scene();
  scene.programs.onStart = (run) => run.end();
  scene.hooks.configure([{ name: "dns", onChange: ["/bin/dns"] }], TIMEOUT_MS);
  const leaving = (to: "withdrawn" | "gone"): AgentFact => ({
    kind: "leaving",
    service: "web",
    what: ["address 10.99.0.1", "virtual service 10.99.0.1:80"],
    to,
    cause: "not in the configuration any more",
  });
  scene.publish(route("web", "withdrawn"), leaving("withdrawn"), leaving("gone"), {
    kind: "drained",
    services: undefined,
    cause: "",
  });
  await scene.turn();
  assert.deepEqual(scene.started, ["web route 1", "dns drained 4", "web leaving 2", "web leaving 3"]);
  assert.equal(
    scene.programs.runs[2]?.program.environment.BGP_LB_WHAT,
    "address 10.99.0.1, virtual service 10.99.0.1:80",
  );
  // However many configurations come meanwhile, and not without a bound.
  for (let count = 0; count < 255; count++) {
    scene.hooks.configure([{ name: `s${count}`, onChange: ["/bin/x"] }], TIMEOUT_MS);
  }
  scene.publish(route("dns"));
  await scene.turn();
  assert.equal(scene.started.length, 5);
  scene.hooks.configure([], TIMEOUT_MS);
  scene.hooks.configure([{ name: "s999", onChange: ["/bin/x"] }], TIMEOUT_MS);
  scene.hooks.configure([], TIMEOUT_MS);
  scene.publish(route("web"), route("dns"), route("s0"));
  await scene.turn();
  assert.deepEqual(scene.started.slice(5), ["s0 route 8"]);
  scene.hooks.configure(SERVICES, TIMEOUT_MS);
  scene.publish(route("web"), route("dns"));
  await scene.turn();
  assert.equal(scene.started.length, 8);
});

Deno.test("finish() waits for what is under way, within a limit; then it kills, and tells what was not run", async () => {
  const quick = new Scene();
  quick.programs.onStart = (run) => void quick.clock.at(quick.clock.now() + 600, () => run.end());
  quick.publish(route(), route(), route());
  const told = quick.hooks.finish();
  quick.publish(route("dns"));
  await quick.turn(1799);
  assert.equal(quick.started.length, 3);
  await quick.turn(1);
  await told;
  assert.equal(quick.clock.pending, 0);
  assert.deepEqual([quick.started.length, quick.failures], [3, []]);

  const slow = new Scene();
  slow.programs.onStart = (run) => run.dies = ["SIGKILL"];
  slow.publish(route(), route(), route("dns"));
  await slow.turn(1000);
  const killed = slow.hooks.finish();
  await slow.turn(2000);
  await killed;
  assert.deepEqual(slow.programs.runs.map(({ signals }) => signals), [["SIGKILL"], ["SIGKILL"]]);
  assert.deepEqual(slow.failures, [
    "web 2: not run for the last transitions (1): the agent ends",
    "web 1: was killed: the agent ends",
    "dns 3: was killed: the agent ends",
  ]);
  assert.equal(slow.clock.pending, 0);
});

Deno.test("an agent that ends as it is kills what runs in that very turn, also while it was ending in order", async () => {
  for (const ending of [false, true]) {
    const scene = new Scene();
    scene.programs.onStart = (run) => run.dies = ["SIGKILL"];
    scene.publish(route(), route(), route("dns"));
    await scene.turn();
    const finished = ending ? scene.hooks.finish() : undefined;
    await scene.turn(100);
    scene.publish({ kind: "abort", cause: "SIGTERM again" });
    assert.deepEqual(scene.programs.runs.map(({ signals }) => signals), [["SIGKILL"], ["SIGKILL"]]);
    scene.publish(route("dns"));
    await scene.turn(10_000);
    await finished;
    assert.equal(scene.started.length, 2);
    await scene.hooks.finish();
    assert.equal(scene.clock.pending, 0);
  }
});

Deno.test("finish() comes to its end where nothing ends a program, and where nothing runs at once", async () => {
  const scene = new Scene();
  scene.programs.onStart = (run) => run.dies = [];
  scene.publish(route());
  await scene.turn();
  const finished = scene.hooks.finish();
  await scene.turn(2500);
  await finished;
  scene.programs.open[0]?.end();
  await scene.turn();
  assert.equal(scene.clock.pending, 0);
  const idle = new Scene();
  await idle.hooks.finish();
  assert.equal(idle.clock.pending, 0);
});

Deno.test("at the end a program that not even SIGKILL ends is waited for no longer, and leaves no timer", async () => {
  const scene = new Scene();
  scene.programs.onStart = (run) => run.dies = [];
  scene.publish(route());
  await scene.turn();
  const finished = scene.hooks.finish();
  await scene.turn(2500);
  await finished;
  assert.equal(scene.clock.pending, 0);
});
