/** What the agent lives on, on this machine: `ffi/` and `src/os/` joined to the ports of the parts. */
import { Datagrams } from "../../ffi/datagrams.ts";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { mayUseFfi } from "../../ffi/library.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { confineChild } from "../../ffi/confine_child.ts";
import { HostFiles } from "../../ffi/host_files.ts";
import { cpuTime, raiseNoFile, trimMemory } from "../../ffi/limits.ts";
import { notify } from "../../ffi/notify.ts";
import { HostProcesses } from "../../ffi/pidfd.ts";
import { Processes } from "../../ffi/processes.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Streams } from "../../ffi/streams.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { destinationChecks } from "../agent/check_identity.ts";
import { clientLimits, descriptorNeeds, shareOut, shortageText, totalNeed } from "../agent/descriptors.ts";
import { HostNotFitError } from "../agent/ports.ts";
import type { Transport } from "../bgp/transport/transport.ts";
import { refuseUnsupported, streamsTransport } from "../bgp/transport/transport_streams.ts";
import { socketTransport } from "../bgp/transport/transport_socket.ts";
import type { Platform } from "../cli/run.ts";
import type { CheckConfig, CheckType } from "../config/checks/kinds.ts";
import type { Config, ServiceConfig } from "../config/config.ts";
import type { EventStream } from "../events/stream.ts";
import { Names } from "../health/connect/names.ts";
import { createProbe, type ProbePorts } from "../health/create_probe.ts";
import { countedAllowance } from "../health/kinds/allowance.ts";
import { IcmpEchoer } from "../icmp/echoer.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { openNetlinkKernel } from "../kernel/netlink_kernel.ts";
import type { InterfaceAddress } from "../net/on_link.ts";
import { BoundedFiles } from "../os/bounded_files.ts";
import { denoSocketFiles } from "../os/deno_socket_files.ts";
import { denoStreams } from "../os/deno_streams.ts";
import { denoStateFiles } from "../os/state_files.ts";
import { loadDnsCodec } from "../os/dns_packet.ts";
import { lookUp } from "../os/resolver.ts";
import { nodeTls } from "../os/tls_client.ts";
import { checkPrograms } from "../os/check_programs.ts";
import { mayRunPrograms, programRunner } from "../os/programs.ts";
import { HostTrustStore } from "../os/trust.ts";
import { type Address, addressOf } from "../net/address.ts";
import type { Streams as StreamsPort } from "../net/sockets.ts";
import { messageOf } from "../text/error_message.ts";
import { systemClock } from "../time/clock.ts";
import { startTime } from "../time/start_time.ts";

/** The origin of this process's clock. */
const PROCESS_START_MS = 0;

/** What FFI gives, closed in the opposite order of opening. */
interface Native {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly sockets: Sockets;
}

/** Opens what `config` needs. @throws {HostNotFitError} what is missing and how to mend it */
export function openPlatform(config: Config, events: EventStream): Platform {
  const stack = new AsyncDisposableStack();
  try {
    const native = mayUseFfi() ? openNative(stack, events) : undefined;
    const [refusal] = refusals(config, native);
    if (refusal !== undefined) throw new Error(refusal);
    const datagrams = native && new Datagrams(native.sockets);
    const icmp = datagrams && stack.use(new IcmpEchoer(datagrams, systemClock));
    const streams = denoStreams();
    let share = shareDescriptors(config, native, events);
    const slots = countedAllowance(() => share.probes, countedAllowance(() => share.watches));
    const prepared = native && new Streams<Address>(native.sockets, addressOf);
    const probePorts = openProbePorts(probeStreams(streams, prepared), { icmp, slots, datagrams }, native);
    const startedSeconds = startTime(systemClock, PROCESS_START_MS);
    return {
      random: Math.random,
      transport: openTransport(native, streams),
      kernel: config.network.setup || config.network.ipvs ? openKernel(native, stack) : undefined,
      processes: native && new Processes(native.libc),
      probe: (check, target) => createProbe(check, probePorts, target),
      streams: prepared ?? streams,
      socketFiles: denoSocketFiles(),
      hostname,
      pid: Deno.pid,
      maxClients(next) {
        // A reload may need other limits than the start did.
        if (next !== config) share = shareDescriptors(next, native, events);
        return clientLimits(next, share.clients);
      },
      refuse: (next) => refusals(next, native),
      stateFiles: denoStateFiles(),
      runProgram: programRunner(),
      releaseMemory: () => void (native && trimMemory(native.libc)),
      interfaces,
      processFigures: () => processFigures(native, startedSeconds()),
      notify: (state) => notifyServiceManager(state, native, events),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    stack.disposeAsync();
    throw new HostNotFitError(messageOf(error));
  }
}

function openNative(stack: AsyncDisposableStack, events: EventStream): Native {
  const libc = stack.use(openLibc());
  const onError = (error: unknown) =>
    events.publish({ kind: "fault", part: "agent", name: "socket callback", cause: messageOf(error) });
  const reactor = stack.use(new Reactor(libc, { onError }));
  return { libc, reactor, sockets: new Sockets(libc, reactor) };
}

/** Prepared sockets where FFI is allowed, else plain streams. */
function openTransport(native: Native | undefined, streams: StreamsPort): Transport {
  return native === undefined ? streamsTransport({ streams, interfaces }) : socketTransport(native.sockets);
}

/** The soft limit that is usual, for where it cannot be asked for. */
const USUAL_LIMIT = 1024;

/** Raises RLIMIT_NOFILE to what the configuration may need; where it cannot be, BGP and the kernel come first. */
function shareDescriptors(config: Config, native: Native | undefined, events: EventStream) {
  const needs = descriptorNeeds(config);
  const needed = totalNeed(needs);
  const limit = native === undefined ? USUAL_LIMIT : raiseNoFile(native.libc, needed).soft;
  const share = shareOut(needs, limit);
  if (limit < needed) events.publish({ kind: "warning", cause: shortageText(needed, limit, share) });
  return share;
}

/** The runtime's own, and prepared ones where the source is given. */
function probeStreams(
  plain: StreamsPort,
  prepared: StreamsPort | undefined,
): Pick<StreamsPort, "connect"> {
  return {
    connect: (to, signal, source) =>
      (source === undefined ? plain : prepared ?? plain).connect(to, signal, source),
  };
}

/** Programs of checks that run at once: each is a process or more, and what they use is the application's to have. */
const MAX_PROGRAMS = 32;

function openProbePorts(
  streams: Pick<StreamsPort, "connect">,
  sockets: Pick<ProbePorts, "icmp" | "slots" | "datagrams">,
  native: Native | undefined,
): ProbePorts {
  return {
    streams,
    names: new Names({ lookUp, clock: systemClock }),
    tls: nodeTls,
    trustStore: new HostTrustStore({ files: new BoundedFiles(), now: systemClock.now }),
    clock: systemClock,
    ...sockets,
    programSlots: countedAllowance(() => MAX_PROGRAMS),
    startProgram: checkPrograms({ confine: native && ((pid) => confineChild(native.libc, pid)) }),
    host: native &&
      { files: new HostFiles(native.libc), processes: new HostProcesses(native.libc, native.reactor) },
    dnsCodec: loadedOnce(loadDnsCodec),
    random: unforeseeable,
  };
}

/** What `load` gives, for everybody who asks; where it fails, it is tried again for whoever asks next. */
function loadedOnce<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () =>
    loading ??= load().catch((error) => {
      loading = undefined;
      throw error;
    });
}

/** A random number that nobody can know from those before it. */
function unforeseeable(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}

/** Kinds of checks that only the C library makes possible. */
const FFI_TYPES: readonly CheckType[] = ["ping", "udp", "file", "process"];

function needsFfi(check: CheckConfig): boolean {
  return FFI_TYPES.includes(check.type) || (check.type === "dns" && check.protocol === "udp");
}

/** What of `config` this process cannot do, and the cure. */
function refusals({ bgp, services }: Config, native: Native | undefined): readonly string[] {
  const programs = mayRunPrograms() ? [] : services.flatMap((service) => {
    const { name, onChange } = service;
    const all = "needs --allow-run, for all programs: what hangs is ended with all that it started";
    const users = checksOf(service).filter(runsProgram);
    return [
      ...onChange === undefined ? [] : [`service ${name}: onChange ${all}`],
      ...users.slice(0, 1).map((check) => `service ${name}: check ${check.name} ${all}`),
    ];
  });
  if (native !== undefined) return programs;
  const checks = services.flatMap((service) => {
    const all = checksOf(service);
    const types = new Set(all.filter(needsFfi).map(({ type }) => type));
    const sourced = all.some((check) => "source" in check && check.source !== undefined);
    return [
      ...[...types].map((type) =>
        `service ${service.name}: ${type} checks need --allow-ffi${
          type === "dns" ? ", or protocol: tcp" : ""
        }`
      ),
      ...sourced ? [`service ${service.name}: source of a check needs --allow-ffi`] : [],
    ];
  });
  const peers = bgp.peers.flatMap((peer) => {
    try {
      refuseUnsupported(peer);
      return [];
    } catch (error) {
      return [messageOf(error)];
    }
  });
  return [...peers, ...checks, ...programs];
}

function checksOf(service: ServiceConfig): readonly CheckConfig[] {
  return [...service.checks, ...destinationChecks([service])];
}

function runsProgram(check: CheckConfig): boolean {
  return check.type === "exec" || (check.type === "process" && check.unit !== undefined);
}

function openKernel(native: Native | undefined, stack: AsyncDisposableStack): Kernel {
  if (native === undefined) {
    throw new Error(
      "interfaces and IPVS need --allow-ffi; give it, or set network.setup: false and leave network.ipvs out, to only announce",
    );
  }
  const transport = stack.use(openLibnl(native.libc));
  const { libc, reactor } = native;
  return stack.use(openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls: new Sysctls(libc) }));
}

/** Undefined where the process may not ask. */
function hostname(): string | undefined {
  try {
    return Deno.hostname();
  } catch {
    return undefined;
  }
}

function notifyServiceManager(state: string, native: Native | undefined, events: EventStream): void {
  const path = Deno.env.get("NOTIFY_SOCKET");
  if (native === undefined || path === undefined || path === "") return;
  try {
    notify(native.libc, path, state);
  } catch (error) {
    events.publish({ kind: "warning", cause: `cannot notify the service manager: ${messageOf(error)}` });
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

/** CPU time is the kernel's to tell, which needs FFI; without it there is none. */
function processFigures(native: Native | undefined, startTimeSeconds: number) {
  const { user, system } = native === undefined ? { user: 0, system: 0 } : cpuTime(native.libc);
  return {
    residentMemoryBytes: Deno.memoryUsage().rss,
    cpuSeconds: user + system,
    startTimeSeconds,
  };
}
