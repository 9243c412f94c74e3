/**
 * What a round of the soak has seen, as plain data: whoever judges it needs no network, and tests make their own. Moments are
 * wall-clock milliseconds. A round begins and ends with everything in service.
 */

/** A time, and what was so in it. */
export interface Span {
  readonly fromMs: number;
  /** Infinity: it is so still. */
  readonly untilMs: number;
}

/** Something that was done to the world, or ordered. */
export interface DoneTrouble extends Span {
  readonly number: number;
  readonly fault: string;
  /** A host, a server or a router. */
  readonly target: string;
  readonly words: string;
}

/** An order that must cost no client anything. */
export interface PlannedWindow extends Span {
  readonly order: string;
  readonly host: string;
}

/** What a router forwards a prefix to, from then on. */
export interface RouteSeen {
  readonly atMs: number;
  readonly router: string;
  readonly prefix: string;
  readonly nextHops: readonly string[];
}

/** One look at a host's kernel. */
export interface KernelSeen {
  readonly atMs: number;
  readonly host: string;
  /** What each address of a service lacks, in words; an address that lacks nothing is left out. */
  readonly lacks: readonly { readonly address: string; readonly what: string }[];
  /** Of others: what should be there and is not, and what is there and should not. */
  readonly missing: readonly string[];
  readonly strange: readonly string[];
}

/** One request of the client. */
export interface RequestSeen {
  readonly atMs: number;
  readonly to: string;
  readonly host?: string | undefined;
  readonly failure?: string | undefined;
}

/** One event as a reader of the stream got it. */
export interface EventSeen {
  readonly atMs: number;
  readonly host: string;
  readonly run: string;
  readonly id: number;
  readonly kind: string;
  readonly cause: string;
  readonly because?: number | undefined;
  readonly service?: string | undefined;
  readonly address?: string | undefined;
  readonly destination?: string | undefined;
  readonly peer?: string | undefined;
  readonly to?: string | undefined;
}

/** One look at an agent's process, while nothing was going on where `calm`. */
export interface ProcessSeen {
  readonly atMs: number;
  readonly host: string;
  readonly pid: number;
  readonly residentKiB: number;
  readonly descriptors: number;
  readonly children: number;
  readonly calm: boolean;
}

/** An address of a service on a host, and what stands behind it. */
export interface Place {
  readonly host: string;
  readonly service: string;
  readonly address: string;
  /** Any one of these serves it. */
  readonly nodes: readonly string[];
  /** By which each router reaches the host. */
  readonly nextHops: Readonly<Record<string, string>>;
}

/** When everything was to come back, and whether it did. */
export interface Recovery extends Span {
  /** Undefined: all is back. */
  readonly lacking: string | undefined;
}

/** A round. */
export interface Observed extends Span {
  readonly places: readonly Place[];
  readonly troubles: readonly DoneTrouble[];
  readonly planned: readonly PlannedWindow[];
  /** What each router had at first, then every change. */
  readonly routes: readonly RouteSeen[];
  readonly kernels: readonly KernelSeen[];
  /** When a node did not serve; with a host, that one alone. */
  readonly broken:
    readonly (Span & { readonly node: string; readonly host?: string; readonly how: string })[];
  /** When no agent ran on a host, or it stood still, or it could not be reached. */
  readonly away: readonly (Span & { readonly host: string; readonly how: string })[];
  /** When a router and a host had no session, by what we did; undefined: all hosts. */
  readonly apart: readonly (Span & { readonly router: string; readonly host: string | undefined })[];
  /** When a host was ordered out of service: with a service, that one. */
  readonly drained: readonly (Span & { readonly host: string; readonly service: string | undefined })[];
  readonly requests: readonly RequestSeen[];
  readonly events: readonly EventSeen[];
  /** Events that a reader was told to have missed. */
  readonly gaps: readonly { readonly atMs: number; readonly host: string; readonly words: string }[];
  /** Of the whole soak. */
  readonly processes: readonly ProcessSeen[];
  readonly recoveries: readonly Recovery[];
  /** What was left after the last stop, in words; empty in every other round. */
  readonly leftovers: readonly string[];
}
