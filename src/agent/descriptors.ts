/**
 * How many descriptors a configuration may need at once, and who gets how many where there are fewer: BGP and the kernel
 * keep theirs, then clients that ask, then probes, then watches beside them; a probe without one is our own shortage and
 * says nothing. Pure.
 */
import type { Config } from "../config/config.ts";
import { destinationChecks } from "./check_identity.ts";
import { maxInFlight } from "../health/schedule.ts";

/** What the runtime, the log, netlink, epoll and files that are read for a moment may have open. */
const OWN = 64;
/** Two connections that collide, those that are told why not and those that linger (RFC 4271 section 6.8). */
const PER_PEER = 16;
/** Clients of the control socket at once: commands of people, and nobody has as many terminals. */
export const CONTROL_CLIENTS = 32;
/** A connection, and a moment's more for a name or a certificate. */
const PER_PROBE = 2;
/** Of what there is for clients the control socket gets a quarter, and room for a question and one more at least. */
const CONTROL_PART = 0.25;
const CONTROL_LEAST = 2;

/** Descriptors by who needs them. */
export interface DescriptorNeeds {
  /** The agent itself, BGP and the kernel. */
  readonly core: number;
  /** HTTP and the control socket. */
  readonly clients: number;
  readonly probes: number;
  /** One for each tripwire. */
  readonly watches: number;
}

/** How many may be open at once. */
export interface ClientLimits {
  readonly http: number;
  readonly control: number;
}

/** What `config` may need at most. */
export function descriptorNeeds({ bgp, http, limits, control, services }: Config): DescriptorNeeds {
  const listeners = bgp.local.listenPort < 0 ? 0 : bgp.local.listenAddresses.length;
  const checks = [...services.flatMap((service) => service.checks), ...destinationChecks(services)];
  // One that goes through the service opens a connection to each of its addresses.
  const probes = checks.map((check) => maxInFlight(check) * Math.max(1, check.through.length));
  return {
    core: OWN + PER_PEER * bgp.peers.length + listeners,
    clients: (http.listen === undefined ? 0 : limits.httpConnections) +
      (control.socket === undefined ? 0 : CONTROL_CLIENTS),
    probes: PER_PROBE * probes.reduce((sum, count) => sum + count, 0),
    watches: checks.filter(({ tripwire }) => tripwire).length,
  };
}

/** All of it together. */
export function totalNeed({ core, clients, probes, watches }: DescriptorNeeds): number {
  return core + clients + probes + watches;
}

/**
 * How the process shares out `limit` descriptors: probes that may run at once, watches that may stand, and clients. The core's needs come
 * first, but are the most that it may ever need: of a small limit a quarter is for the others all the same.
 */
export function shareOut(
  { core, clients, probes, watches }: DescriptorNeeds,
  limit: number,
): Omit<DescriptorNeeds, "core"> {
  const free = Math.max(limit - core, Math.floor(limit / 4));
  // Who asks what is wrong must get an answer: a quarter is the clients' at least, and half of it theirs at most.
  const least = Math.min(Math.floor(free / 2), free - probes);
  const forClients = Math.min(clients, Math.max(Math.floor(free / 4), least));
  const forProbes = Math.min(probes, free - forClients);
  return {
    probes: Math.floor(forProbes / PER_PROBE),
    clients: forClients,
    watches: Math.min(watches, free - forClients - forProbes),
  };
}

/** How those of `clients`, which may be open at once, are shared out: whoever has too few displaces those that keep waiting. */
export function clientLimits({ http, limits, control }: Config, clients: number): ClientLimits {
  const share = Math.max(CONTROL_LEAST, Math.floor(clients * CONTROL_PART));
  const controlClients = control.socket === undefined ? 0 : Math.min(CONTROL_CLIENTS, share);
  const httpClients = http.listen === undefined
    ? 0
    : Math.min(limits.httpConnections, clients - controlClients);
  return { http: Math.max(httpClients, 1), control: Math.max(controlClients, 1) };
}

/** What is told where `limit` is below what may be needed. */
export function shortageText(needed: number, limit: number, share: ReturnType<typeof shareOut>): string {
  return `this process may have ${limit} open files, and this configuration may need ${needed}: at most ${share.probes} ` +
    `probes and ${share.clients} clients are served at once and ${share.watches} watches stand, what is beyond says nothing ` +
    "of a service. " +
    "Raise the hard limit: LimitNOFILE= of the unit, or ulimit -Hn";
}
