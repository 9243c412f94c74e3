/** File and process checks where the host does not answer, or shows little; what it shows is in tests/integration. */
import assert from "node:assert/strict";
import { fileProbe } from "../../../src/health/kinds/file.ts";
import type { FileSight, HostFiles, HostPorts, HostProcesses } from "../../../src/health/kinds/host.ts";
import type { Probe } from "../../../src/health/kinds/probe.ts";
import { processProbe } from "../../../src/health/kinds/process.ts";
import { PLAIN_CHECK } from "../../support/config.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const TIMING = {
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
} as const;
const FILE = {
  type: "file",
  name: "f",
  path: "/mnt/a",
  absent: false,
  contains: undefined,
  ...TIMING,
} as const;
const PROCESS = { type: "process", name: "p", pidFile: "/mnt/a", unit: undefined, ...TIMING } as const;
const NO_PROCESSES: HostProcesses = { find: () => undefined, onEnd: () => undefined };

function sight(text: string): FileSight {
  return { type: "regular", modifiedMs: 0, head: new TextEncoder().encode(text) };
}

/** A probe of each kind over the same files. */
function probes(look: HostFiles["look"], clock: VirtualClock, processes = NO_PROCESSES): readonly Probe[] {
  const host: HostPorts = { files: { look }, processes };
  const startProgram = () => assert.fail("nothing is to be run");
  return [
    fileProbe(FILE, host, clock),
    fileProbe({ ...FILE, absent: true }, host, clock),
    processProbe(PROCESS, { host, clock, startProgram }),
  ];
}

Deno.test("a file system that does not answer is our own, and said before the probe is cut off", async () => {
  const clock = new VirtualClock();
  const late = Promise.withResolvers<FileSight | undefined>();
  for (const probe of probes(() => late.promise, clock)) {
    const steps: string[] = [];
    const running = probe.run(new AbortController().signal, (step) => steps.push(step));
    await clock.advance(TIMING.timeoutMs * 0.9);
    assert.deepEqual(await running, { kind: "unknown", detail: "the file system of /mnt/a does not answer" });
    assert.deepEqual(steps, ["waiting for the file system"]);
    assert.equal(clock.pending, 0);
  }
  // Nobody listens any more.
  late.reject(new Error("stale file handle"));
});

Deno.test("a probe of a file system that does not answer ends when it is cut off", async () => {
  const clock = new VirtualClock();
  for (const probe of probes(() => new Promise(() => {}), clock)) {
    const cut = new AbortController();
    const running = probe.run(cut.signal, () => {});
    cut.abort(new Error("cut off"));
    await running;
    assert.equal(clock.pending, 0);
  }
});

Deno.test("where too many looks have no answer the next one is not begun", async () => {
  for (const probe of probes(() => undefined, new VirtualClock())) {
    assert.deepEqual(await probe.run(new AbortController().signal, () => {}), {
      kind: "unknown",
      detail: "too many file systems of this host do not answer",
    });
  }
});

Deno.test("without FFI file and process checks say so", async () => {
  const clock = new VirtualClock();
  const startProgram = () => assert.fail("nothing is to be run");
  for (
    const [type, probe] of [
      ["file", fileProbe(FILE, undefined, clock)],
      ["process", processProbe(PROCESS, { host: undefined, clock, startProgram })],
    ] as const
  ) {
    assert.deepEqual(await probe.run(new AbortController().signal, () => {}), {
      kind: "unknown",
      detail: `${type} checks need --allow-ffi`,
    });
  }
});

Deno.test("a process whose name and age may not be known runs all the same", async () => {
  const processes = { ...NO_PROCESSES, find: () => ({ name: undefined, startedMs: undefined }) };
  const probe = probes(() => Promise.resolve(sight("12\n")), new VirtualClock(), processes)[2];
  assert.deepEqual(await probe?.run(new AbortController().signal, () => {}), {
    kind: "pass",
    detail: "process 12 runs",
  });
});

for (
  const [afterMs, kind] of [[-5000, "pass"], [0, "pass"], [1000, "pass"], [1001, "fail"]] as const
) {
  Deno.test(`a process that began ${afterMs} ms after its pid file was written: ${kind}`, async () => {
    const processes = { ...NO_PROCESSES, find: () => ({ name: "app", startedMs: afterMs }) };
    const probe = probes(() => Promise.resolve(sight("12\n")), new VirtualClock(), processes)[2];
    assert.equal((await probe?.run(new AbortController().signal, () => {}))?.kind, kind);
  });
}

Deno.test("what is short for a process check is our own, also for its watch", async () => {
  const short = () => {
    throw Object.assign(new Error("pidfd_open 12: too many open files"), { code: "EMFILE" });
  };
  const look = () => Promise.resolve(sight("12"));
  const blind = probes(look, new VirtualClock(), { find: short, onEnd: short })[2];
  assert.deepEqual(await blind?.run(new AbortController().signal, () => {}), {
    kind: "unknown",
    detail: "this process has too many open files",
  });
  const find = () => ({ name: "app", startedMs: 0 });
  const unwatched = probes(look, new VirtualClock(), { find, onEnd: short })[2];
  using _watch = unwatched?.watch?.(() => assert.fail("nothing was watched"));
  assert.equal((await unwatched?.run(new AbortController().signal, () => {}))?.kind, "pass");
});
