/** The composition root: joins `ffi/` to `src/`, gives the commands their ports, and is the only place that exits. */
import process from "node:process";
import type { Logger } from "@logtape/logtape";
import { messageOf } from "./src/text/error_message.ts";
import denoJson from "./deno.json" with { type: "json" };
import { IcmpEchoer } from "./ffi/icmp.ts";
import { type Libc, openLibc } from "./ffi/libc.ts";
import { openLibnl } from "./ffi/libnl.ts";
import { notify } from "./ffi/notify.ts";
import { Reactor } from "./ffi/reactor.ts";
import { Sockets } from "./ffi/sockets.ts";
import { HostNotFitError } from "./src/agent/ports.ts";
import type { Transport } from "./src/bgp/transport/transport.ts";
import { denoTransport, refuseUnsupported } from "./src/bgp/transport/transport_deno.ts";
import { socketTransport } from "./src/bgp/transport/transport_socket.ts";
import { ask } from "./src/cli/ask.ts";
import { check } from "./src/cli/check.ts";
import { LogQueue } from "./src/cli/log_queue.ts";
import { migrate } from "./src/cli/migrate.ts";
import { ExitStatus, runProgram } from "./src/cli/program.ts";
import { type Platform, run } from "./src/cli/run.ts";
import { schema } from "./src/cli/schema.ts";
import type { Config, ListenAddress } from "./src/config/config.ts";
import { askControl, listenControl } from "./src/control/socket.ts";
import { MAX_FILE_OCTETS } from "./src/config/load.ts";
import { createProbe, type ProbePorts } from "./src/health/create_probe.ts";
import { Names } from "./src/health/connect/names.ts";
import { countedAllowance } from "./src/health/kinds/allowance.ts";
import { denoStreams } from "./src/os/deno_streams.ts";
import { BoundedFiles } from "./src/os/files.ts";
import { lookUp } from "./src/os/resolver.ts";
import { nodeTls } from "./src/os/tls_client.ts";
import { HostTrustStore } from "./src/os/trust.ts";
import type { Kernel } from "./src/kernel/kernel.ts";
import { openNetlinkKernel } from "./src/kernel/netlink_kernel.ts";
import type { InterfaceAddress } from "./src/net/on_link.ts";
import { systemClock } from "./src/time/clock.ts";

/** What FFI gives, closed in the opposite order of opening. */
interface Native {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly sockets: Sockets;
}

function openPlatform(config: Config, log: Logger): Platform {
  const stack = new AsyncDisposableStack();
  try {
    const native = mayUseFfi() ? openNative(stack, log) : undefined;
    if (native === undefined) refusePing(config);
    const probePorts = openProbePorts(native && stack.use(new IcmpEchoer(native.sockets)));
    return {
      clock: systemClock,
      random: Math.random,
      transport: openTransport(config, native, log),
      kernel: config.network.setup || config.network.ipvs ? openKernel(native, stack) : undefined,
      probe: (check) => createProbe(check, probePorts),
      serve,
      listenControl,
      interfaces,
      processFigures,
      notify: (state) => notifyServiceManager(state, native, log),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    stack.disposeAsync();
    throw new HostNotFitError(messageOf(error));
  }
}

function mayUseFfi(): boolean {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

function openNative(stack: AsyncDisposableStack, log: Logger): Native {
  const libc = stack.use(openLibc());
  const onError = (error: unknown) => log.getChild("agent").error("unexpected: {error}", { error });
  const reactor = stack.use(new Reactor(libc, { onError }));
  return { libc, reactor, sockets: new Sockets(libc, reactor) };
}

/** Prepared sockets where FFI is allowed; else Deno's own, which refuse peers that ask for more than they can do. */
function openTransport({ bgp }: Config, native: Native | undefined, log: Logger): Transport {
  if (native === undefined) {
    bgp.peers.forEach(refuseUnsupported);
    return denoTransport();
  }
  return socketTransport({
    sockets: native.sockets,
    localAs: bgp.local.as,
    onRefused: ({ remote, reason }) =>
      log.getChild("bgp").warning("connection refused", { remote: remote?.address.text, reason }),
  });
}

/** Probes have so many descriptors of the soft limit that is usual, and leave the rest to BGP and the kernel. */
const PROBE_SLOTS = 512;

function openProbePorts(icmp: IcmpEchoer | undefined): ProbePorts {
  return {
    streams: denoStreams(),
    names: new Names({ lookUp, clock: systemClock }),
    tls: nodeTls,
    trustStore: new HostTrustStore({ files: new BoundedFiles(), now: systemClock.now }),
    clock: systemClock,
    slots: countedAllowance(PROBE_SLOTS),
    icmp,
  };
}

/** @throws {Error} where a check needs ICMP, which Deno has not */
function refusePing({ services }: Config): void {
  const pinging = services.find(({ checks }) => checks.some(({ type }) => type === "ping"));
  if (pinging !== undefined) throw new Error(`service ${pinging.name}: ping checks need --allow-ffi`);
}

function openKernel(native: Native | undefined, stack: AsyncDisposableStack): Kernel {
  if (native === undefined) {
    throw new Error(
      "interfaces and IPVS need --allow-ffi; give it, or set network.setup: false and leave network.ipvs out, to only announce",
    );
  }
  const transport = stack.use(openLibnl(native.libc));
  return stack.use(openNetlinkKernel({ transport, reactor: native.reactor, clock: systemClock }));
}

function serve({ hostname, port }: ListenAddress, handler: (request: Request) => Promise<Response>) {
  const listen = (address: string) => Deno.serve({ hostname: address, port, onListen() {} }, handler);
  if (hostname !== "") return listen(hostname);
  try {
    return listen("::");
  } catch (error) {
    // A host without IPv6 has no "::".
    if (error instanceof Deno.errors.AddrInUse) throw error;
    return listen("0.0.0.0");
  }
}

function notifyServiceManager(state: string, native: Native | undefined, log: Logger): void {
  const path = Deno.env.get("NOTIFY_SOCKET");
  if (native === undefined || path === undefined || path === "") return;
  try {
    notify(native.libc, path, state);
  } catch (error) {
    log.getChild("agent").warning("cannot notify the service manager: {error}", { error });
  }
}

/** Nothing where the process may not ask: then no link-local next hop goes beside a global one. */
function interfaces(): readonly InterfaceAddress[] {
  try {
    return Deno.networkInterfaces();
  } catch {
    return [];
  }
}

function processFigures() {
  const { user, system } = process.cpuUsage();
  return {
    residentMemoryBytes: Deno.memoryUsage().rss,
    cpuSeconds: (user + system) / 1e6,
    startTimeSeconds: performance.timeOrigin / 1000,
  };
}

/** @throws {Error} in words for people */
function readFile(path: string): Uint8Array {
  try {
    using file = Deno.openSync(path);
    // One more than may be: whoever asked sees that it is too large.
    const bytes = new Uint8Array(MAX_FILE_OCTETS + 1);
    let length = 0;
    for (let read: number | null = 0; read !== null && length < bytes.length; length += read ?? 0) {
      read = file.readSync(bytes.subarray(length));
    }
    return bytes.subarray(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error("does not exist");
    if (error instanceof Deno.errors.IsADirectory) throw new Error("is a folder, not a file");
    if (error instanceof Deno.errors.PermissionDenied) throw new Error("may not be read by this user");
    throw new Error(`cannot be read: ${messageOf(error)}`);
  }
}

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}

/** The last log lines may take so long, where nobody reads them. */
const LAST_LINES_MS = 500;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A reader that has had enough, such as head(1), is no failure. */
function stdout(text: string): void {
  try {
    write(Deno.stdout, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(ExitStatus.OK);
    throw error;
  }
}

/** A log that nobody reads any more is no reason to end. */
function stderr(text: string): void {
  try {
    write(Deno.stderr, text);
  } catch {
    // Nothing is left to tell it to.
  }
}

function sayUnexpected(error: unknown): void {
  stderr(`unexpected: ${error instanceof Error ? error.stack : error}\n`);
}

/** An exception that nobody expected ends the turn that it came in, and never the agent. */
function surviveExceptions(): void {
  addEventListener("error", (event) => {
    event.preventDefault();
    sayUnexpected(event.error);
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    sayUnexpected(event.reason);
  });
}

function main(args: readonly string[]): Promise<number> {
  const version = denoJson.version;
  const files = { readFile, stdout, stderr };
  const log = new LogQueue({ write: (octets) => Deno.stderr.write(octets) });
  return runProgram(args, {
    run: (file, overrides) =>
      run(file, overrides, {
        ...files,
        version,
        logOutput: { isTerminal: Deno.stderr.isTerminal(), write: (line) => log.write(line) },
        openPlatform,
        onSignal(signal, callback) {
          Deno.addSignalListener(signal, callback);
          return { [Symbol.dispose]: () => Deno.removeSignalListener(signal, callback) };
        },
      }).finally(() => Promise.race([log.drained, sleep(LAST_LINES_MS)])),
    check: (file, print, overrides) => check({ file, print, overrides }, files),
    migrate: (file, overrides) => migrate({ file, overrides }, files),
    schema: () => schema(files),
    ask: (question) => ask(question, { ...files, askControl }),
  }, { version, stdout, stderr });
}

if (import.meta.main) {
  surviveExceptions();
  const status = await main(Deno.args).catch((error) => {
    sayUnexpected(error);
    return ExitStatus.FAILED;
  });
  Deno.exit(status);
}
