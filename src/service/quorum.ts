/** The gate of the ports' quorums, in words: who is short of live weight, and which destinations failed and why. Pure. */
import type { PortConfig } from "../config/config.ts";
import { destinationName } from "../config/destination_name.ts";
import type { Address } from "../net/address.ts";
import { foreignText } from "../text/foreign.ts";
import { portName, type PortState } from "./port_state.ts";
import type { Gate, ServiceFacts } from "./state.ts";
import { knownDestinations, quorumNeeds, standingCause, standingOf, weightSums } from "./weights.ts";

/** So many destinations, or ports, are named. */
const MAX_NAMED = 3;
/** What a destination's cause may have here, in characters. */
const MAX_CAUSE_LENGTH = 100;

/** Whether the quorum of a port depends on more than that it has a destination of weight. */
export function mayLackQuorum({ quorum, hysteresis, sorry, destinations }: PortConfig): boolean {
  return quorum !== 1 || hysteresis !== 0 || sorry.length > 0 ||
    destinations.some(({ checks }) => checks.length > 0);
}

/** Whether the quorum holds of every port that `address` leads to. */
export function quorumLook(
  { config, ports }: Pick<ServiceFacts, "config" | "ports">,
  { family }: Address,
): Pick<Gate, "open" | "reason"> {
  const asked = config.ports.filter((port) => {
    return mayLackQuorum(port) && (port.fwmark === 0 || port.families.includes(family));
  });
  const seen = asked.flatMap((port) => {
    const state = ports.get(portName(port));
    return state === undefined ? [] : [seenOf(port, state, family)];
  });
  if (seen.length === 0) return { open: true, reason: `no port needs live weight of IPv${family}` };
  const short = seen.filter(({ open }) => !open);
  const reasons = (short.length > 0 ? short : seen).map(({ reason }) => reason);
  return {
    open: short.length === 0,
    reason: [...reasons.slice(0, MAX_NAMED), ...moreThan(reasons.length)].join("; "),
  };
}

/** Whether first verdicts of destinations may open a quorum that is shut. */
export function awaitsDestinations({ config, ports }: Pick<ServiceFacts, "config" | "ports">): boolean {
  return config.ports.filter(mayLackQuorum).some((port) => {
    const state = ports.get(portName(port));
    if (state === undefined || [...state.families.values()].every(({ quorum }) => quorum)) return false;
    return port.families.some((family) =>
      knownDestinations(port, state, family).some(([config, known]) =>
        standingOf(config, known).verdict === "unknown"
      )
    );
  });
}

function seenOf(port: PortConfig, state: PortState, family: 4 | 6): Pick<Gate, "open" | "reason"> {
  const open = state.families.get(family)?.quorum ?? false;
  const { live, total } = weightSums(port, state, family);
  const needs = quorumNeeds(port, open);
  const sum = `port ${portName(port)}: live weight ${live} of ${total}, needs ${needs}`;
  if (open) return { open, reason: sum };
  const named: string[] = [];
  let failed = 0;
  for (const [config, known] of knownDestinations(port, state, family)) {
    if (standingOf(config, known).live || ++failed > MAX_NAMED) continue;
    const cause = foreignText(standingCause(config, known), MAX_CAUSE_LENGTH);
    named.push(`${destinationName(config)}: ${cause}`);
  }
  return { open, reason: [sum, ...named, ...moreThan(failed)].join("; ") };
}

function moreThan(count: number): readonly string[] {
  return count > MAX_NAMED ? [`and ${count - MAX_NAMED} more`] : [];
}
