/** The exec check over programs that end when the test says; real ones are in tests/integration. */
import assert from "node:assert/strict";
import type { ExecCheckConfig } from "../../../src/config/checks/exec.ts";
import { execProbe } from "../../../src/health/kinds/exec.ts";
import type { ProgramOrder, ProgramResult } from "../../../src/health/kinds/programs.ts";
import { PLAIN_CHECK } from "../../support/config.ts";

const CONFIG: ExecCheckConfig = {
  type: "exec",
  name: "c",
  command: ["/bin/check", "-v"],
  environment: { A: "b" },
  user: "nobody",
  destination: undefined,
  alone: true,
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
};
const WELL: ProgramResult = { type: "ended", code: 0, signal: undefined, stdout: "", stderr: "" };

/** A probe, and the programs that it has started. */
function scene() {
  const started: { readonly order: ProgramOrder; end(result: ProgramResult): void; kills: number }[] = [];
  const probe = execProbe(CONFIG, { service: "web" }, (order) => {
    const { promise, resolve } = Promise.withResolvers<ProgramResult>();
    const program = { order, end: resolve, kills: 0 };
    started.push(program);
    return { ended: promise, kill: () => void program.kills++ };
  });
  const steps: string[] = [];
  const run = (signal = new AbortController().signal) => probe.run(signal, (step) => steps.push(step));
  return { run, started, steps };
}

/** Lets everything happen that waits for nothing from outside. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("execProbe() says what is run, by whom, and where it waits", async () => {
  const { run, started, steps } = scene();
  const running = run();
  await settled();
  const { order } = started[0] ?? assert.fail("nothing was started");
  assert.deepEqual(order.argv, ["/bin/check", "-v"]);
  assert.equal(order.user, "nobody");
  assert.deepEqual(Object.keys(order.environment), ["PATH", "A", "BGP_LB_CHECK", "BGP_LB_SERVICE"]);
  assert.deepEqual(steps, [
    "waiting for the program of the probe before to end",
    "waiting for the program to end",
  ]);
  started[0]?.end(WELL);
  assert.deepEqual(await running, { kind: "pass", detail: "status 0" });
  assert.equal(started[0]?.kills, 0);
});

Deno.test("execProbe() starts nothing before the program of an earlier probe has ended, whoever was cut off between", async () => {
  const { run, started } = scene();
  const [cut, gone] = [new AbortController(), new AbortController()];
  const first = run(cut.signal);
  const second = assert.rejects(run(gone.signal));
  const third = run();
  await settled();
  assert.equal(started.length, 1);
  gone.abort();
  await second;
  cut.abort();
  await settled();
  assert.deepEqual(started.map(({ kills }) => kills), [1], "killed, and it has not ended yet");
  started[0]?.end({ ...WELL, code: 137, signal: "SIGKILL" });
  assert.deepEqual(await first, { kind: "fail", detail: "ended by SIGKILL" });
  await settled();
  assert.equal(started.length, 2);
  started[1]?.end(WELL);
  assert.equal((await third).kind, "pass");
});

Deno.test("execProbe() tells a program that cannot be run from a host that is short of something", async () => {
  const { run, started } = scene();
  for (const [ours, kind] of [[true, "unknown"], [false, "fail"]] as const) {
    const running = run();
    await settled();
    started.at(-1)?.end({ type: "refused", cause: "why", ours });
    assert.deepEqual(await running, { kind, detail: "why" });
  }
});
