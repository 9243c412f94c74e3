// The installed service under a real systemd, in a Debian system that is booted for it once (tests/lab/systemd/walk.ts).
import assert from "node:assert/strict";
import { ensurePackages } from "../support/setup.ts";
import { sayOnStderr } from "./setup.ts";
import { bootProblem, bootSystemd } from "./systemd/boot.ts";
import { findCompiler, hasWideXstate } from "./wide_xstate.ts";

Deno.test("the service under a real systemd", async (t) => {
  const compiler = await hasWideXstate() && findCompiler() === undefined ? ["tcc"] as const : [];
  await ensurePackages(["user-mode-linux", "kmod", "debootstrap", ...compiler], sayOnStderr);
  const notHere = (why: string) => t.step({ name: `not on this machine: ${why}`, ignore: true, fn() {} });
  const problem = bootProblem();
  if (problem !== undefined) return void await notHere(problem);
  const { steps, started, ended, console } = await bootSystemd();
  if (!started) return void await notHere(`user-mode Linux does not work: ${console.slice(-3).join(" / ")}`);
  for (const step of steps) {
    await t.step(step.name, () => assert.ok(step.problem === undefined, step.problem));
  }
  assert.ok(ended && steps.length > 0, `the walk did not come to its end:\n${console.join("\n")}`);
});
