/** What scenarios have in every place: hosts with agents and applications, a router's routes, and traffic. */
import type { Host } from "./host.ts";
import type { RouteChange, RouteHistory } from "./route_history.ts";
import type { LabService, Topology } from "./topology.ts";
import type { Client } from "./traffic.ts";

/** How long anything may take that is not measured: this may be a slow machine inside a slow machine. */
export const PATIENCE_MS = 30_000;

/** How the router came to forward to some hosts. */
export interface Converged {
  /** The last change, of each prefix. */
  readonly changes: readonly RouteChange[];
  /** When that was so for all of them: wall-clock milliseconds. */
  readonly atMs: number;
}

/** Waits until the router forwards each prefix to its own hosts. @throws after the limit */
export async function untilConverged(
  routes: RouteHistory,
  wanted: ReadonlyMap<string, readonly string[]>,
  limitMs: number,
): Promise<Converged> {
  const waiting = [...wanted].map(([prefix, nextHops]) => routes.until(prefix, nextHops, limitMs));
  const changes = await Promise.all(waiting);
  return { changes, atMs: Math.max(...changes.map(({ atMs }) => atMs)) };
}

/** A running lab, whatever it runs on. */
export interface LabWorld extends AsyncDisposable {
  readonly topology: Topology;
  readonly hosts: readonly Host[];
  /** What the router forwards by. */
  readonly routes: RouteHistory;
  readonly client: Client;
  /** The service that scenarios look at. */
  readonly service: LabService;
  /** Its host routes, one for each family that it has, IPv4 first. */
  readonly prefixes: readonly string[];
  /** Everything works and announces, and the router forwards to all hosts: where every scenario begins. */
  steady(): Promise<void>;
  /**
   * Waits until the router forwards every family of the service to exactly these hosts; the changes that made it so.
   * @throws after the limit
   */
  untilVia(hosts: readonly string[], limitMs?: number): Promise<Converged>;
  /** The last words of everybody, to explain a failure. */
  evidence(): string[];
}

/** The first two hosts: the one that scenarios break, and the one that takes over. */
export function pair(world: LabWorld): readonly [Host, Host] {
  const [broken, other] = world.hosts;
  if (broken === undefined || other === undefined) throw new Error("a lab needs two hosts");
  return [broken, other];
}

/** Waits until the router forwards to the hosts of `world` again, all of them. @throws at once where an agent ends */
export function untilAll(world: LabWorld): Promise<Converged> {
  const all = world.untilVia(world.hosts.map(({ name }) => name));
  return world.hosts.reduce((waiting, host) => host.whileAgentRuns(waiting), all);
}
