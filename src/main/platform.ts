/** What the agent lives on, on this machine: `ffi/` and `src/os/` joined to the ports of the parts. */
import { Datagrams } from "../../ffi/datagrams.ts";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { mayUseFfi } from "../../ffi/library.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { cpuTime, raiseNoFile, trimMemory } from "../../ffi/limits.ts";
import { notify } from "../../ffi/notify.ts";
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
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { Config } from "../config/config.ts";
import type { EventStream } from "../events/stream.ts";
import { Names } from "../health/connect/names.ts";
import { createProbe, type ProbePorts } from "../health/create_probe.ts";
import { countedAllowance } from "../health/kinds/allowance.ts";
import type { LocalAddresses } from "../health/kinds/through.ts";
import { IcmpEchoer } from "../icmp/echoer.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { openNetlinkKernel } from "../kernel/netlink_kernel.ts";
import type { InterfaceAddress } from "../net/on_link.ts";
import { BoundedFiles } from "../os/bounded_files.ts";
import { denoSocketFiles } from "../os/deno_socket_files.ts";
import { denoStreams } from "../os/deno_streams.ts";
import { denoStateFiles } from "../os/state_files.ts";
import { lookUp } from "../os/resolver.ts";
import { nodeTls } from "../os/tls_client.ts";
import { mayRunPrograms, programRunner } from "../os/programs.ts";
import { HostTrustStore } from "../os/trust.ts";
import { type Address, addressOf, parseAddress } from "../net/address.ts";
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
    const icmp = native && stack.use(new IcmpEchoer(new Datagrams(native.sockets), systemClock));
    const streams = denoStreams();
    let share = shareDescriptors(config, native, events);
    const slots = countedAllowance(() => share.probes);
    const prepared = native && new Streams<Address>(native.sockets, addressOf);
    const probePorts = openProbePorts(probeStreams(streams, prepared), {
      icmp,
      slots,
      localAddresses: localAddressesOf(native),
    });
    const startedSeconds = startTime(systemClock, PROCESS_START_MS);
    return {
      random: Math.random,
      transport: openTransport(native, streams),
      kernel: config.network.setup || config.network.ipvs ? openKernel(native, stack) : undefined,
      processes: native && new Processes(native.libc),
      probe: (check) => createProbe(check, probePorts),
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

function openProbePorts(
  streams: Pick<StreamsPort, "connect">,
  { icmp, slots, localAddresses }: Pick<ProbePorts, "slots" | "localAddresses"> & {
    readonly icmp: IcmpEchoer | undefined;
  },
): ProbePorts {
  return {
    streams,
    names: new Names({ lookUp, clock: systemClock }),
    tls: nodeTls,
    trustStore: new HostTrustStore({ files: new BoundedFiles(), now: systemClock.now }),
    clock: systemClock,
    slots,
    icmp,
    localAddresses,
  };
}

/** Asked of the kernel where FFI is allowed, else of the list that the runtime gives. */
function localAddressesOf(native: Native | undefined): LocalAddresses {
  return {
    has: (address) =>
      native?.sockets.isLocal(address) ??
        Deno.networkInterfaces().some(({ address: text }) => parseAddress(text)?.text === address.text),
  };
}

/** What of `config` this process cannot do, and the cure. */
function refusals({ bgp, services }: Config, native: Native | undefined): readonly string[] {
  const hooked = mayRunPrograms() ? [] : services.filter(({ onChange }) => onChange !== undefined);
  const hooks = hooked.map(({ name }) =>
    `service ${name}: onChange needs --allow-run, for all programs: what hangs is ended with all that it started`
  );
  if (native !== undefined) return hooks;
  const having = (matches: (check: CheckConfig) => boolean) =>
    services.filter((service) => [...service.checks, ...destinationChecks([service])].some(matches));
  const pinging = having(({ type }) => type === "ping");
  const sourced = having(({ source, through }) =>
    source !== undefined || through.some(({ source, mark }) => source !== undefined || mark !== undefined)
  );
  const peers = bgp.peers.flatMap((peer) => {
    try {
      refuseUnsupported(peer);
      return [];
    } catch (error) {
      return [messageOf(error)];
    }
  });
  return [
    ...peers,
    ...pinging.map(({ name }) => `service ${name}: ping checks need --allow-ffi`),
    ...sourced.map(({ name }) =>
      `service ${name}: source of a check, and via: service to droute, tunnel or fwmark, need --allow-ffi`
    ),
    ...hooks,
  ];
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
