/** How the agent is in one line, for the service manager's status: what is announced, and of what is not the reason. Pure. */
import type { Speaker } from "../bgp/speaker.ts";
import type { Config } from "../config/config.ts";
import type { AgentState } from "../events/event.ts";
import type { ServiceDriver } from "../service/driver.ts";
import { openConnections } from "../service/phase_facts.ts";
import type { ServiceState } from "../service/state.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import type { Clock } from "../time/clock.ts";

/** So many services are named that are not announced. */
const NAMED = 3;
/** A reason may be of any length, and of others' words. */
const MAX_REASON = 120;

/** What the line is made of. */
export interface HeadlineSource {
  readonly state: AgentState;
  readonly clock: Clock;
  readonly config: Pick<Config, "bgp">;
  readonly services: Pick<ServiceDriver, "states" | "leaving">;
  readonly speaker: Pick<Speaker, "sessions"> | undefined;
}

/** One line, bounded, and printable whatever it quotes. */
export function headline(source: HeadlineSource): string {
  switch (source.state) {
    case "starting":
      return "starting: what the kernel is to have is being made";
    case "running":
      return running(source);
    case "stopping":
      return stopping(source);
    case "stopped":
      return "stopped";
    default:
      return source.state satisfies never;
  }
}

function running({ clock, config, services, speaker }: HeadlineSource): string {
  const wanted = services.states.filter(({ config, removed }) => config.enabled && !removed);
  const silent = wanted.filter((service) => !isAnnounced(service));
  const up = speaker?.sessions().length ?? 0;
  const text = `announcing ${wanted.length - silent.length} of ${count(wanted.length, "service")} to ` +
    `${up} of ${count(config.bgp.peers.length, "router")}`;
  const named = silent.slice(0, NAMED).map((service) => reasonOf(service, clock));
  const more = silent.length - named.length;
  return [text, ...named, ...more > 0 ? [`and ${more} more are not announced`] : []].join("; ");
}

/** Where everything is on its way out. */
function stopping({ services: { states, leaving } }: HeadlineSource): string {
  const phases = [...states, ...leaving].map(({ phase }) => phase.name);
  const number = (...names: readonly string[]) => phases.filter((name) => names.includes(name)).length;
  const open = states.filter(({ phase }) => phase.name === "quiescing")
    .reduce((sum, { actual }) => sum + (openConnections(actual) ?? 0), 0);
  const parts = [
    [number("serving", "shifting"), "shifting away"],
    [number("withdrawn", "converging"), "withdrawn, routers converge"],
    [number("quiescing"), `withdrawn, waiting for ${count(open, "connection")}`],
    [number("down"), "down"],
  ] as const;
  const said = parts.filter(([amount]) => amount > 0).map(([amount, words]) => `${amount} ${words}`);
  return `stopping: ${said.length === 0 ? "nothing is left to withdraw" : said.join(", ")}`;
}

function isAnnounced({ routes }: ServiceState): boolean {
  return [...routes.values()].some(({ announce }) => announce);
}

/** The first gate that is closed, and since when. */
function reasonOf({ config, routes }: ServiceState, clock: Clock): string {
  const gate = [...routes.values()].flatMap(({ gates }) => gates).find(({ open }) => !open);
  if (gate === undefined) return `${config.name}: nothing to announce`;
  const reason = escapeUnprintable(gate.reason);
  const short = reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}...` : reason;
  const since = new Date(clock.wallTime().getTime() - (clock.now() - gate.sinceMs));
  return `${config.name}: ${short} since ${since.toISOString().slice(0, 19)}Z`;
}

function count(amount: number, thing: string): string {
  return `${amount} ${thing}${amount === 1 ? "" : "s"}`;
}
