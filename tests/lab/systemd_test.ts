// The service and its Debian package under a real systemd, in Debian systems that are booted for it (tests/lab/systemd).
import assert from "node:assert/strict";
import { makeTestPackages } from "../support/packages.ts";
import { ensurePackages } from "../support/setup.ts";
import { sayOnStderr } from "./setup.ts";
import { bootProblem, bootSystemd, installed, type Preparation } from "./systemd/boot.ts";
import { findCompiler, hasWideXstate } from "./wide_xstate.ts";

Deno.test("the service under a real systemd", (t) => follow(t, "walk.ts", installed));

Deno.test("the Debian package under a real systemd", (t) => follow(t, "package_walk.ts", withPackages));

/** Packages to install, and a runtime for the walk. */
async function withPackages(over: string): Promise<void> {
  for (const folder of ["usr/local/lib/bgp-lb", "var/tmp"]) {
    await Deno.mkdir(`${over}/${folder}`, { recursive: true });
  }
  await Deno.copyFile(Deno.execPath(), `${over}/usr/local/lib/bgp-lb/deno`);
  const { paths } = await makeTestPackages(`${over}/var/tmp`);
  await Promise.all(paths.map((path, index) => Deno.rename(path, `${over}/var/tmp/${index + 1}.deb`)));
}

/** Each step of a walk is a step of the test. */
async function follow(t: Deno.TestContext, walk: string, prepare: Preparation): Promise<void> {
  const compiler = await hasWideXstate() && findCompiler() === undefined ? ["tcc"] as const : [];
  await ensurePackages(["user-mode-linux", "kmod", "debootstrap", ...compiler], sayOnStderr);
  const notHere = (why: string) => t.step({ name: `not on this machine: ${why}`, ignore: true, fn() {} });
  const problem = bootProblem();
  if (problem !== undefined) return void await notHere(problem);
  const { steps, started, ended, console } = await bootSystemd(walk, prepare);
  if (!started) return void await notHere(`user-mode Linux does not work: ${console.slice(-3).join(" / ")}`);
  for (const step of steps) {
    await t.step(step.name, () => assert.ok(step.problem === undefined, step.problem));
  }
  assert.ok(ended && steps.length > 0, `the walk did not come to its end:\n${console.join("\n")}`);
}
