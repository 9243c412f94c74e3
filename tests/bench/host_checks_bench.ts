/**
 * What the checks of this host cost: CPU of this process and of its children for one probe of each kind, beside a child that
 * nothing is asked of; and how soon the end of a process is told, of a stranger by its pidfd and of a child by the runtime.
 */
import process from "node:process";
import { confineChild } from "../../ffi/confine_child.ts";
import { HostFiles } from "../../ffi/host_files.ts";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { HostProcesses } from "../../ffi/pidfd.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { parseConfig } from "../../src/config/load.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import type { Probe } from "../../src/health/kinds/probe.ts";
import { checkPrograms } from "../../src/os/check_programs.ts";
import { probePorts } from "../integration/health_servers.ts";

const ROUNDS = 300;
const ENDS = 100;
const RUSAGE_CHILDREN = -1;

/** CPU of the children that have ended, in microseconds. */
function childrenMicros(libc: Libc): number {
  const usage = new DataView(new ArrayBuffer(144));
  libc.check("getrusage", libc.symbols.getrusage(RUSAGE_CHILDREN, new Uint8Array(usage.buffer)));
  const part = (at: number) =>
    Number(usage.getBigInt64(at, true)) * 1e6 + Number(usage.getBigInt64(at + 8, true));
  return part(0) + part(16);
}

async function cost(libc: Libc, name: string, once: () => Promise<unknown>): Promise<void> {
  for (let round = 0; round < ROUNDS / 10; round++) await once();
  const [cpu, children, beganMs] = [process.cpuUsage(), childrenMicros(libc), performance.now()];
  for (let round = 0; round < ROUNDS; round++) await once();
  const { user, system } = process.cpuUsage(cpu);
  const [own, theirs] = [user + system, childrenMicros(libc) - children].map((sum) =>
    (sum / ROUNDS).toFixed(0)
  );
  const ms = ((performance.now() - beganMs) / ROUNDS).toFixed(2);
  console.log(`${name.padEnd(44)} ${own} us of this process, ${theirs} us of children, ${ms} ms`);
}

/** How long after a child was killed its end was told. */
async function measureEnds(
  name: string,
  ended: (child: Deno.ChildProcess) => Promise<unknown>,
): Promise<void> {
  const lags: number[] = [];
  for (let round = 0; round < ENDS; round++) {
    const child = new Deno.Command("/bin/sleep", { args: ["1000"] }).spawn();
    const told = ended(child).then(() => performance.now());
    // So that the loop waits.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const killedMs = performance.now();
    child.kill("SIGKILL");
    lags.push(await told - killedMs);
    await child.status;
  }
  const [median, worst] = [lags.sort((a, b) => a - b)[ENDS / 2] ?? NaN, lags.at(-1) ?? NaN];
  console.log(`${name.padEnd(44)} median ${median.toFixed(2)} ms, worst of ${ENDS} ${worst.toFixed(2)} ms`);
}

if (import.meta.main) {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  const processes = new HostProcesses(libc, reactor);
  const ports = probePorts({
    startProgram: checkPrograms({ confine: (pid) => confineChild(libc, pid) }),
    host: { files: new HostFiles(libc), processes },
  });
  const pidFile = Deno.makeTempFileSync();
  Deno.writeTextFileSync(pidFile, String(Deno.pid));
  const checks = {
    "exec /bin/true": { type: "exec", command: ["/bin/true"] },
    "exec /bin/true as nobody": { type: "exec", command: ["/bin/true"], user: "nobody" },
    "exec of a shell script's two lines": { type: "exec", command: ["/bin/sh", "-c", "echo well\nexit 0"] },
    "file that is there": { type: "file", path: pidFile },
    "file that is absent": { type: "file", path: `${pidFile}-`, absent: true },
    "file that contains a text": { type: "file", path: pidFile, contains: String(Deno.pid) },
    "process by its pid file": { type: "process", pidFile },
  };
  const bare = new Deno.Command("/bin/true", { stdin: "null", stdout: "null", stderr: "null" });
  await cost(libc, "a bare child, /bin/true", () => bare.spawn().status);
  for (const [name, check] of Object.entries(checks)) {
    const probe = probeOf(check, ports);
    const signal = new AbortController().signal;
    await cost(libc, name, async () => {
      const { kind, detail } = await probe.run(signal, () => {});
      if (kind !== "pass") throw new Error(`${name}: ${kind}, ${detail}`);
    });
  }
  await measureEnds("killed to told, a stranger's pidfd", ({ pid }) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (processes.onEnd(pid, resolve) === undefined) throw new Error("it is not there");
    return promise;
  });
  await measureEnds("killed to told, a child of our own", ({ status }) => status);
  Deno.removeSync(pidFile);
}

function probeOf(check: unknown, ports: ReturnType<typeof probePorts>): Probe {
  const file = {
    bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.2", as: 65512 }] },
    services: [{ name: "web", addresses: ["10.99.0.1"], checks: [check] }],
  };
  const result = parseConfig(JSON.stringify(file), { fileName: "x", readSecretFile: () => ({ text: "" }) });
  const config = result.ok ? result.config.services[0]?.checks[0] : undefined;
  if (config === undefined) throw new Error(JSON.stringify(result));
  return createProbe(config, ports, { type: "service", service: "web" });
}
