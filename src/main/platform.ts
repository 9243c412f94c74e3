/** What the agent lives on, on this machine: `ffi/` and `src/os/` joined to the ports of the parts. */
import { bootClock, monotonicMicroseconds } from "../../ffi/boot.ts";
import { Datagrams } from "../../ffi/datagrams.ts";
import type { Libc } from "../../ffi/libc.ts";
import { mayUseFfi } from "../../ffi/library.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { openDescriptors } from "../../ffi/files.ts";
import { cpuTime, descriptorLimit, raiseNoFile, trimMemory } from "../../ffi/limits.ts";
import { notify } from "../../ffi/notify.ts";
import { Processes } from "../../ffi/processes.ts";
import { Streams } from "../../ffi/streams.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { clientLimits, descriptorNeeds, shareOut, shortageText, totalNeed } from "../agent/descriptors.ts";
import { HostNotFitError } from "../agent/ports.ts";
import type { Transport } from "../bgp/transport/transport.ts";
import { streamsTransport } from "../bgp/transport/transport_streams.ts";
import { socketTransport } from "../bgp/transport/transport_socket.ts";
import type { Platform } from "../cli/run.ts";
import type { ServiceManagerPorts } from "../cli/service_manager.ts";
import type { Config } from "../config/config.ts";
import type { EventStream } from "../events/stream.ts";
import { createProbe } from "../health/create_probe.ts";
import { countedAllowance } from "../health/kinds/allowance.ts";
import { RouterFinder } from "../icmp/router_finder.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { AddressWatch } from "../kernel/address_watch.ts";
import { LossWatch } from "../kernel/loss_watch.ts";
import { openNetlinkKernel } from "../kernel/netlink_kernel.ts";
import type { NetlinkTransport } from "../netlink/transport.ts";
import type { HostAddresses } from "../net/host_addresses.ts";
import type { InterfaceAddress } from "../net/on_link.ts";
import { listedAddresses } from "../os/host_addresses.ts";
import { denoSocketFiles } from "../os/deno_socket_files.ts";
import { denoStreams } from "../os/deno_streams.ts";
import { denoStateFiles } from "../os/state_files.ts";
import { mayRunPrograms, programRunner } from "../os/programs.ts";
import { type Address, addressOf } from "../net/address.ts";
import type { Streams as StreamsPort } from "../net/sockets.ts";
import { messageOf } from "../text/error_message.ts";
import { systemClock } from "../time/clock.ts";
import { startTime } from "../time/start_time.ts";
import { type Native, openNative } from "./native.ts";
import { openProbePorts } from "./probe_ports.ts";
import { refusals } from "./refusals.ts";

/** The origin of this process's clock. */
const PROCESS_START_MS = 0;

/** Opens what `config` needs. @throws {HostNotFitError} what is missing and how to mend it */
export function openPlatform(config: Config, events: EventStream): Platform {
  const stack = new AsyncDisposableStack();
  try {
    const native = mayUseFfi() ? openNative(stack, events) : undefined;
    const netlink = onFirstUse((libc: Libc) => stack.use(openLibnl(libc)));
    const refused = (next: Config) =>
      refusals(next, { ffi: native !== undefined, programs: mayRunPrograms() });
    const [refusal] = refused(config);
    if (refusal !== undefined) throw new Error(refusal);
    const streams = denoStreams();
    let share = shareDescriptors(config, native, events);
    const slots = countedAllowance(() => share.probes, countedAllowance(() => share.watches));
    const prepared = native && new Streams<Address>(native.sockets, addressOf);
    const probePorts = openProbePorts(native, { plain: streams, prepared }, slots, stack);
    const addresses = hostAddresses(native, netlink, events, stack);
    const startedSeconds = startTime(systemClock, PROCESS_START_MS);
    return {
      random: Math.random,
      transport: openTransport(native, streams),
      bfd: native && probePorts.datagrams && {
        datagrams: probePorts.datagrams,
        interfaceIndex: (name) => native.sockets.interfaceIndex(name),
        random: probePorts.random,
      },
      kernel: config.network.setup || config.network.ipvs ? openKernel(native, netlink, stack) : undefined,
      watchLosses: native && lossWatcher(native, netlink, events),
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
      refuse: refused,
      boot: native && seenBoot(native, events),
      stateFiles: denoStateFiles(),
      runProgram: programRunner(),
      releaseMemory: () => void (native && trimMemory(native.libc)),
      addresses,
      neighbours: native && stack.use(openRouterFinder(native, addresses)),
      processFigures: () => processFigures(native, startedSeconds()),
      serviceManager: native && serviceManager(native, events),
      loops: () => native === undefined ? [] : [{ name: "the reactor", dueMs: native.reactor.dueMs }],
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    stack.disposeAsync();
    throw new HostNotFitError(messageOf(error));
  }
}

/** Prepared sockets where FFI is allowed, else plain streams. */
function openTransport(native: Native | undefined, streams: StreamsPort): Transport {
  return native === undefined
    ? streamsTransport({ streams, interfaces: () => listInterfaces() ?? [] })
    : socketTransport(native.sockets);
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

function openKernel(native: Native | undefined, netlink: OpenNetlink, stack: AsyncDisposableStack): Kernel {
  if (native === undefined) {
    throw new Error(
      "interfaces and IPVS need --allow-ffi; give it, or set network.setup: false and leave network.ipvs out, to only announce",
    );
  }
  const { libc, reactor } = native;
  const transport = netlink(libc);
  return stack.use(openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls: new Sysctls(libc) }));
}

/** An agent that manages nothing of the kernel and checks nothing beyond this host needs no libnl. */
type OpenNetlink = (libc: Libc) => NetlinkTransport;

function onFirstUse<Given, Made>(make: (given: Given) => Made): (given: Given) => Made {
  let made: Made | undefined;
  return (given) => made ??= make(given);
}

/** By rtnetlink where FFI is allowed; else, or where that cannot be, as Deno lists them. */
function hostAddresses(
  native: Native | undefined,
  netlink: OpenNetlink,
  events: EventStream,
  stack: AsyncDisposableStack,
): HostAddresses {
  const warn = (cause: string) => void events.publish({ kind: "warning", cause });
  if (native !== undefined) {
    const { libc, reactor } = native;
    try {
      const onFault = (cause: string) =>
        void events.publish({ kind: "fault", part: "bgp", name: "host addresses", cause });
      return stack.use(new AddressWatch({ transport: netlink(libc), reactor, clock: systemClock, onFault }));
    } catch (error) {
      warn(`changes of this host's addresses are seen within seconds, not at once: ${messageOf(error)}`);
    }
  }
  const addresses = listedAddresses(listInterfaces, systemClock);
  if (addresses.current() === undefined) {
    warn(
      "next hops are believed as they are configured: this host's addresses need --allow-sys=networkInterfaces to be known",
    );
  }
  return addresses;
}

function openRouterFinder({ sockets }: Native, addresses: HostAddresses): RouterFinder {
  const datagrams = new Datagrams(sockets);
  return new RouterFinder({ datagrams, addresses, clock: systemClock, random: Math.random });
}

function lossWatcher({ libc, reactor }: Native, netlink: OpenNetlink, events: EventStream) {
  const onFault = (cause: string) =>
    void events.publish({ kind: "fault", part: "kernel", name: "loss watch", cause });
  return (onLoss: () => void): Disposable => {
    try {
      return new LossWatch({ transport: netlink(libc), reactor, clock: systemClock, onLoss, onFault });
    } catch (error) {
      events.publish({ kind: "warning", cause: `no check is tripped by lost links: ${messageOf(error)}` });
      return { [Symbol.dispose]() {} };
    }
  };
}

/** Undefined where the process may not ask. */
function hostname(): string | undefined {
  try {
    return Deno.hostname();
  } catch {
    return undefined;
  }
}

/** Undefined where none has started us. */
function serviceManager({ libc }: Native, events: EventStream): ServiceManagerPorts | undefined {
  const path = Deno.env.get("NOTIFY_SOCKET") ?? "";
  if (path === "") return undefined;
  return {
    notify(state) {
      try {
        notify(libc, path, state);
      } catch (error) {
        events.publish({ kind: "warning", cause: `cannot notify the service manager: ${messageOf(error)}` });
      }
    },
    monotonicMicroseconds: () => monotonicMicroseconds(libc),
    watchdogMs: watchdogMs(),
  };
}

/** What sd_watchdog_enabled(3) says: how often this very process is to give a sign of life. */
function watchdogMs(): number | undefined {
  const [limit, pid] = [Deno.env.get("WATCHDOG_USEC") ?? "", Deno.env.get("WATCHDOG_PID") ?? ""];
  const isOurs = pid === "" || pid === String(Deno.pid);
  return isOurs && /^[1-9][0-9]{3,15}$/.test(limit) ? Number(limit) / 1000 : undefined;
}

/** Undefined where the process may not ask. */
function listInterfaces(): readonly InterfaceAddress[] | undefined {
  try {
    return Deno.networkInterfaces();
  } catch {
    return undefined;
  }
}

/** Undefined where /proc may not be read. */
function seenBoot({ libc }: Native, events: EventStream): ReturnType<typeof bootClock> {
  try {
    return bootClock(libc);
  } catch (error) {
    events.publish({ kind: "warning", cause: `nothing will be known of restarts: ${messageOf(error)}` });
    return undefined;
  }
}

/** CPU time and descriptors are the kernel's to tell, which needs FFI; without it there are none. */
function processFigures(native: Native | undefined, startTimeSeconds: number) {
  const residentMemoryBytes = Deno.memoryUsage().rss;
  if (native === undefined) return { residentMemoryBytes, cpuSeconds: 0, startTimeSeconds };
  const { user, system } = cpuTime(native.libc);
  const open = openDescriptors(native.libc);
  const descriptors = open === undefined ? undefined : { open, limit: descriptorLimit(native.libc).soft };
  return { residentMemoryBytes, cpuSeconds: user + system, startTimeSeconds, descriptors };
}
