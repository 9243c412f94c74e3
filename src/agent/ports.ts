/** The world that the agent lives in, and how it says that this world will not do. */
import type { ClientLimits } from "./descriptors.ts";
import type { Transport } from "../bgp/transport/transport.ts";
import type { EventStream } from "../events/stream.ts";
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { Config } from "../config/config.ts";
import type { NamedText } from "../config/load.ts";
import type { StateFiles } from "./drain_keeper.ts";
import type { SocketFiles } from "../control/socket_files.ts";
import type { Probe } from "../health/kinds/probe.ts";
import type { CheckTarget } from "../health/target.ts";
import type { ProcessFigures } from "../http/metrics.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Processes } from "../kernel/suspects.ts";
import type { HostAddresses } from "../net/host_addresses.ts";
import type { Neighbours } from "../net/neighbours.ts";
import type { Streams } from "../net/sockets.ts";
import type { Clock, Random } from "../time/clock.ts";
import type { RunProgram } from "./hook_run.ts";
import type { BfdSockets } from "./peer_bfd.ts";
import type { BootMoment } from "./session_record.ts";

/** The world that the agent lives in. */
export interface AgentPorts {
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Where everything that happens is told. */
  readonly events: EventStream;
  readonly transport: Transport;
  /** The addresses of this host. Undefined: they cannot be known. */
  readonly addresses?: HostAddresses | undefined;
  /** For BFD. Undefined: there are no such sockets, and `refuse` says so. */
  readonly bfd?: BfdSockets | undefined;
  /** Finds peers that are known by their interface alone. Undefined: nobody can. */
  readonly neighbours?: Neighbours | undefined;
  /** Undefined where the configuration leaves nothing of the kernel to us. */
  readonly kernel: Kernel | undefined;
  /** Calls back in the turn in which a link or an address that leads from this host is lost. Undefined: that is not heard of. */
  readonly watchLosses?: ((onLoss: () => void) => Disposable) | undefined;
  /** Of this host: who it may be that changes what is ours. Undefined: that cannot be known. */
  readonly processes?: Processes | undefined;
  probe(config: CheckConfig, target: CheckTarget): Probe;
  /** For the servers of HTTP and of the control socket. */
  readonly streams: Streams;
  readonly socketFiles: SocketFiles;
  /** This host's name; undefined where the process may not know it. */
  hostname(): string | undefined;
  /** Of this process. */
  readonly pid: number;
  /** So many clients may be open at once under `config`: as configured, or as many as there are descriptors for. */
  maxClients(config: Config): ClientLimits;
  /** Reads the configuration again, as at the start; or the text of a file that somebody else has read. Never throws. */
  load(file?: NamedText): Loaded | Promise<Loaded>;
  /** A reload begins; disposing ends it, however it went. Default: nobody is told beside the events. */
  readonly beginReload?: (() => Disposable) | undefined;
  /** What of `config` this host or process cannot do, and the cure; empty where it can do all. */
  refuse(config: Config): readonly string[];
  /** This moment of the kernel's, whatever the time of day. Undefined: one boot of the machine cannot be told from another. */
  readonly boot?: (() => BootMoment) | undefined;
  /** Files that outlive the process. */
  readonly stateFiles: StateFiles;
  /** Logs as `config` says from now on. */
  setLog(config: Config["log"]): void;
  /** Ends this process by a handover, after the answer to whoever asked for it. */
  requestHandover(): void;
  /** For `onChange`. */
  readonly runProgram: RunProgram;
  /** Gives memory that the start took back to the kernel. */
  releaseMemory(): void;
  processFigures(): ProcessFigures;
}

/** A configuration as it was read, with warnings, or every problem; in words, with file, line and column. */
export type Loaded =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Something about this host that must be mended before the agent can start: exit status 3. */
export class HostNotFitError extends Error {
  override readonly name = "HostNotFitError";
}
