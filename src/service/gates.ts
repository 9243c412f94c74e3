/**
 * The gates between a service and the announcement of one of its addresses, a row each, in the order in which they are
 * asked (DESIGN Gate chain); those of each peer are the speaker's. The chain is the one ordering rule seen from the
 * announcing side: nothing is announced before the kernel, read back, can serve it. Pure.
 */
import type { Refusal } from "../kernel/refusal.ts";
import {
  destinationKey,
  isOurs,
  type VirtualServiceId,
  virtualServiceKey,
  virtualServiceText,
} from "../kernel/state.ts";
import { type Address, hostBits } from "../net/address.ts";
import { contestedText, contestedUnder } from "./contested.ts";
import { idsOf } from "./desired.ts";
import { mayAnnounce } from "./phase.ts";
import { type HealthFacts, isPathBroken, PATH_BROKEN } from "./path.ts";
import { portName } from "./port_state.ts";
import { mayLackQuorum, quorumLook } from "./quorum.ts";
import type { CheckVerdict, Gate, GateName, ServiceFacts } from "./state.ts";

/** What a gate sees. */
type Look = Pick<Gate, "open" | "reason"> & Partial<Pick<Gate, "degraded">>;

interface GateRow {
  readonly name: GateName;
  applies(facts: ServiceFacts): boolean;
  /** @param wasOpen every gate was open until now */
  look(facts: ServiceFacts, address: Address, wasOpen: boolean): Look;
}

const always = () => true;

const GATES: readonly GateRow[] = [
  {
    name: "agent works",
    applies: ({ fault }) => fault !== undefined,
    look: ({ fault }) => shut(faultReason(fault?.cause ?? "")),
  },
  {
    name: "enabled",
    applies: always,
    look: ({ config }) => config.enabled ? open("enabled") : shut("disabled in configuration"),
  },
  {
    name: "not drained",
    applies: always,
    look({ phase }, _address, wasOpen) {
      if (phase.drain === undefined) return open("in service");
      // What is on its way out is not announced anew.
      return mayAnnounce(phase) && wasOpen
        ? open(`shifting: ${phase.drain.reason}`)
        : shut(phase.drain.reason);
    },
  },
  {
    name: "healthy",
    applies: always,
    look(facts) {
      const { verdict, cause } = healthOf(facts);
      // What is unknown is not unhealthy: it is announced neither way before the first verdicts.
      const degraded = verdict === "unhealthy" && facts.config.announce.whenUnhealthy !== "withdraw";
      return { open: verdict === "healthy" || degraded, reason: cause, degraded };
    },
  },
  {
    name: "let alone",
    applies: ({ contested }) => contested.length > 0,
    look({ contested }, address) {
      const [first] = contestedUnder(contested, address);
      return openUnless(first && contestedText(first), "nobody else changes what it rests on");
    },
  },
  {
    name: "quorum",
    applies: ({ config }) => config.ports.some(mayLackQuorum),
    look: quorumLook,
  },
  {
    name: "address present",
    applies: ({ managed }) => managed.interfaces,
    look: (facts, address) => {
      const words = refusalWords(
        facts,
        (each) => each.virtualService === undefined && (each.address ?? address.text) === address.text,
      );
      return openUnless(addressFault(facts, address), "link up, address present and local", words);
    },
  },
  {
    name: "virtual services present",
    applies: ({ managed, config }) => managed.ipvs && config.ports.length > 0,
    look: (facts, address) =>
      openUnless(
        virtualServiceFault(facts, address),
        "virtual services present, with a live destination of weight",
        refusalWords(facts, ({ interface: name, virtualService: id }) =>
          id === undefined ? name === undefined : isAt(id, address)),
      ),
  },
];

/** The chain of a service whose decision failed: one gate, shut. */
export function faultGates(cause: string, nowMs: number): readonly Gate[] {
  return [{ name: "agent works", degraded: false, ...shut(faultReason(cause)), sinceMs: nowMs }];
}

/** Every gate that applies, as it stands; `before` are those of the last decision. */
export function gatesOf(
  facts: ServiceFacts,
  address: Address,
  before: readonly Gate[],
  nowMs: number,
): readonly Gate[] {
  const wasOpen = before.length > 0 && before.every((gate) => gate.open);
  return GATES.filter((gate) => gate.applies(facts)).map(({ name, look }) => {
    const { degraded = false, ...seen } = look(facts, address, wasOpen);
    const last = before.find((gate) => gate.name === name);
    const isSame = last?.open === seen.open && last.degraded === degraded;
    return { name, degraded, ...seen, sinceMs: isSame ? last.sinceMs : nowMs };
  });
}

/** The service's verdict over all its checks: the worst of them, and how many have it; healthy where there is none. */
export function serviceVerdict(verdicts: ReadonlyMap<string, CheckVerdict>): CheckVerdict {
  const entries = [...verdicts];
  for (const [wanted, words] of [["unhealthy", "fail"], ["unknown", "have no verdict yet"]] as const) {
    const [first, ...more] = entries.filter(([, { verdict }]) => verdict === wanted);
    if (first === undefined) continue;
    const count = more.length === 0 ? "" : `${more.length + 1} of ${entries.length} checks ${words}, first `;
    return { verdict: wanted, cause: `${count}${first[0]}: ${first[1].cause}` };
  }
  const [first, ...more] = entries;
  // What each of many found stands beside it, in every view.
  if (more.length > 0) return { verdict: "healthy", cause: `all ${entries.length} checks pass` };
  return { verdict: "healthy", cause: first ? `${first[0]}: ${first[1].cause}` : "no checks configured" };
}

/** The same, which says so where all that is wrong is the way to what serves. */
export function healthOf(facts: HealthFacts): CheckVerdict {
  const { verdict, cause } = serviceVerdict(facts.verdicts);
  return { verdict, cause: isPathBroken(facts) ? `${PATH_BROKEN}: ${cause}` : cause };
}

function faultReason(cause: string): string {
  return `a fault of this agent: ${cause}; it is tried again`;
}

function open(reason: string): Look {
  return { open: true, reason };
}

function shut(reason: string): Look {
  return { open: false, reason };
}

function openUnless(fault: string | undefined, reason: string, refusals = ""): Look {
  return fault === undefined ? open(reason) : shut(`${fault}${refusals}`);
}

/** What the kernel has against it. */
function refusalWords({ refusals }: ServiceFacts, concerns: (refusal: Refusal) => boolean): string {
  const words = new Set(refusals.filter(concerns).map(({ message }) => message));
  return words.size === 0 ? "" : `: ${[...words].join("; ")}`;
}

function isAt(id: VirtualServiceId, address: Address): boolean {
  return id.fwmark > 0 ? id.address.family === address.family : id.address.text === address.text;
}

const NOT_READ = "the kernel has not been read yet";

function addressFault({ config, actual }: ServiceFacts, address: Address): string | undefined {
  if (actual === undefined) return NOT_READ;
  const link = actual.interfaces.find((candidate) => candidate.name === config.interface);
  if (link === undefined) return `interface ${config.interface} does not exist`;
  // Marked for another service it is ours all the same: so it is for a moment where services change places.
  if (!isOurs(link)) return `interface ${config.interface} is not ours`;
  if (!link.up) return `interface ${config.interface} is down`;
  if (link.master !== undefined) return `interface ${config.interface} is part of master ${link.master}`;
  const present = link.addresses.filter((entry) => entry.address.text === address.text);
  const host = present.find(({ prefixLength }) => prefixLength === hostBits(address));
  const name = `address ${address.text}`;
  if (host === undefined) {
    const other = present[0];
    if (other === undefined) return `${name} is not on interface ${config.interface}`;
    return `${name} is on interface ${config.interface} with length ${other.prefixLength} alone`;
  }
  if (host.duplicateDetection === "failed") return `${name} is taken for a duplicate by the kernel`;
  if (host.duplicateDetection === "running") return `${name} is tentative: the kernel looks for a duplicate`;
  return host.localRoute ? undefined : `${name} has no local route: the kernel takes no packets to it`;
}

function virtualServiceFault({ config, ports, actual }: ServiceFacts, address: Address): string | undefined {
  if (actual === undefined) return NOT_READ;
  const present = new Map(actual.virtualServices.map((service) => [virtualServiceKey(service), service]));
  for (const port of config.ports) {
    const known = ports.get(portName(port))?.destinations;
    for (const id of idsOf(port, config).filter((id) => isAt(id, address))) {
      const service = present.get(virtualServiceKey(id));
      const name = `virtual service ${virtualServiceText(id)}`;
      if (service === undefined) return `${name} does not exist`;
      const weighted = service.destinations.filter(({ weight }) => weight > 0);
      if (weighted.length === 0) return `${name} has no destination of weight`;
      // Where no quorum is asked for the last resort serves, too.
      const isLive = port.quorum === 0 || weighted.some((each) => known?.get(destinationKey(each))?.live);
      if (!isLive) return `${name} has no destination of weight that is live`;
    }
  }
  return undefined;
}
