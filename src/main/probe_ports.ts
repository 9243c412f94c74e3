/** What probes live on, on this machine: streams, datagrams, echoes, names, programs, files and processes. */
import { confineChild } from "../../ffi/confine_child.ts";
import { Datagrams } from "../../ffi/datagrams.ts";
import { HostFiles } from "../../ffi/host_files.ts";
import { HostProcesses } from "../../ffi/pidfd.ts";
import { Names } from "../health/connect/names.ts";
import type { ProbePorts } from "../health/create_probe.ts";
import { type Allowance, countedAllowance } from "../health/kinds/allowance.ts";
import { IcmpEchoer } from "../icmp/echoer.ts";
import { type Address, parseAddress } from "../net/address.ts";
import type { Streams } from "../net/sockets.ts";
import { BoundedFiles } from "../os/bounded_files.ts";
import { checkPrograms } from "../os/check_programs.ts";
import { loadDnsCodec } from "../os/dns_packet.ts";
import { lookUp } from "../os/resolver.ts";
import { nodeTls } from "../os/tls_client.ts";
import { HostTrustStore } from "../os/trust.ts";
import { systemClock } from "../time/clock.ts";
import type { Native } from "./native.ts";

/** Programs of checks that run at once: each is a process or more, and what they use is the application's to have. */
const MAX_PROGRAMS = 32;

/** The streams of the runtime, and those of the C library, which can be prepared before they connect. */
export interface ProbeStreams {
  readonly plain: Streams;
  readonly prepared: Streams | undefined;
}

/** What probes live on; without FFI some kinds have nothing to live on, and say so. */
export function openProbePorts(
  native: Native | undefined,
  { plain, prepared }: ProbeStreams,
  slots: Allowance,
  stack: AsyncDisposableStack,
): ProbePorts {
  const datagrams = native && new Datagrams(native.sockets);
  return {
    streams: {
      connect: (to, signal, source) =>
        (source === undefined ? plain : prepared ?? plain).connect(to, signal, source),
    },
    datagrams,
    icmp: datagrams && stack.use(new IcmpEchoer(datagrams, systemClock)),
    names: new Names({ lookUp, clock: systemClock }),
    tls: nodeTls,
    trustStore: new HostTrustStore({ files: new BoundedFiles(), now: systemClock.now }),
    clock: systemClock,
    slots,
    programSlots: countedAllowance(() => MAX_PROGRAMS),
    startProgram: checkPrograms({ confine: native && ((pid) => confineChild(native.libc, pid)) }),
    host: native &&
      { files: new HostFiles(native.libc), processes: new HostProcesses(native.libc, native.reactor) },
    localAddresses: { has: (address) => native?.sockets.isLocal(address) ?? isListed(address) },
    dnsCodec: loadedOnce(loadDnsCodec),
    random: unforeseeable,
  };
}

/** By the list that the runtime gives. */
function isListed(address: Address): boolean {
  return Deno.networkInterfaces().some(({ address: text }) => parseAddress(text)?.text === address.text);
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
