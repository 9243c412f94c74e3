/** What would open a shut gate of a service, in words: a row for each gate (src/service/gates.ts). Pure. */
import type { CheckStatusEntry, GateStatus, ServiceStatus, Status } from "./status.ts";
import { age } from "../text/table.ts";

/** What a cure speaks of. */
export interface CurePlace {
  readonly status: Pick<Status, "state" | "kernel">;
  readonly service: ServiceStatus;
  readonly now: Date;
}

type Cure = (gate: GateStatus, place: CurePlace) => string;

const CURES: Readonly<Record<string, Cure>> = {
  "agent works": () => "it is tried again every second; report it with the agent's log",
  "enabled": (_gate, { service }) =>
    `set enabled: true for ${service.name} in the configuration, then bgp-lb reload`,
  "not drained": drainCure,
  "healthy": healthCure,
  "let alone": (_gate, { service }) =>
    `end what changes it (ip monitor, ipvsadm, another balancer); ${service.name} is announced again once it was let ` +
    "alone for network.contention.hold",
  "quorum": quorumCure,
  "address present": (gate, place) => kernelCure(gate, place, addressCure),
  "virtual services present": (gate, place) => kernelCure(gate, place, virtualServiceCure),
};

/** What would open `gate`. */
export function gateCure(gate: GateStatus, place: CurePlace): string {
  const cure = Object.hasOwn(CURES, gate.name) ? CURES[gate.name] : undefined;
  return cure === undefined ? "what it saw must end" : cure(gate, place);
}

function drainCure(_gate: GateStatus, { status, service, now }: CurePlace): string {
  const { name, drain, phase } = service;
  const ends = status.state === "stopping" || status.state === "stopped";
  if (ends) return "nothing while the agent stops; the next one that starts announces it";
  if (drain === undefined) return `what took it out of service has to end: ${phase.reason ?? phase.name}`;
  const until = drain.until === undefined ? "" : `, or by itself in ${age(now, drain.until)}`;
  return `bgp-lb undrain ${name}${until}`;
}

/** Every check that keeps it shut, and how far it has come. */
function healthCure({ reason }: GateStatus, { service, now }: CurePlace): string {
  const missing = service.checks.filter(({ verdict }) => verdict !== "healthy");
  if (missing.length === 0) return "the next result of its checks";
  const path = reason.startsWith("backend well, path broken") ? `${PATH_CURE}: ` : "";
  return path + missing.map((check) => checkCure(check, now)).join("; ");
}

const PATH_CURE =
  "what serves is well, so look at the way to it (ipvsadm -Ln, firewall, routes of the real servers, bgp-lb doctor)";

function quorumCure(_gate: GateStatus, { service }: CurePlace): string {
  return `more live destinations of ${service.name}: their checks must pass, or quorum and weights be configured otherwise`;
}

/** What a check that keeps it shut has to do. */
export function checkCure(check: CheckStatusEntry, now: Date): string {
  const { name, expects, rise, consecutivePasses, lastResult, lastUnknown, flapping } = check;
  if (flapping !== undefined) {
    const still = `another ${age(now, flapping.until)} without flapping`;
    return `${still}, and check ${name} must have passed ${rise === 1 ? "" : `${rise} times in a row `}then${
      expects === "" ? "" : ` (it passes where ${expects})`
    }`;
  }
  const times = rise === 1 ? "once" : `${rise} times in a row`;
  const soFar = consecutivePasses === 0 ? "" : `, ${consecutivePasses} so far`;
  const blind = lastResult?.result === "unknown" && lastUnknown !== undefined
    ? `; what is short on this host has to end first: ${lastUnknown}`
    : "";
  return `check ${name} must pass ${times}${soFar}${
    expects === "" ? "" : ` (it passes where ${expects})`
  }${blind}${mayBlockItself(check) ? ONE_AT_A_TIME : ""}`;
}

const ONE_AT_A_TIME =
  "; a server that serves one connection at a time is busy with the idle one of tripwire, which is not for it";

/** Whether a probe got no answer in time while the idle connection of the tripwire stood. */
function mayBlockItself({ watch, lastResult }: CheckStatusEntry): boolean {
  if (watch?.since === undefined || lastResult?.result !== "fail") return false;
  return lastResult.at > watch.since && lastResult.detail.startsWith("timed out");
}

/** What the kernel refused of it is in the gate's reason. */
function kernelCure(gate: GateStatus, { status, ...place }: CurePlace, own: Cure): string {
  const { at } = status.kernel;
  if (at === undefined || gate.reason.includes("has not been read")) {
    return "comes with the first reading of the kernel";
  }
  return own(gate, { status, ...place });
}

function addressCure({ reason }: GateStatus, { service }: CurePlace): string {
  if (reason.includes("is not ours")) {
    return `another interface has that name: remove it, or choose another with interface of ${service.name}`;
  }
  if (reason.includes("master")) {
    return "the agent takes it out by itself; where it does not stay, find what puts it in (networkd, NetworkManager)";
  }
  if (reason.includes("duplicate")) {
    return "the agent adds it again without looking for duplicates; where it does not stay, find what adds it (ip monitor address)";
  }
  if (reason.includes("local route")) {
    return "the agent puts it back by itself; where it does not stay, find what removes it (ip monitor route), or a rule " +
      "before table local (ip rule)";
  }
  return "the agent puts it back by itself; where it does not stay, find what removes it (ip monitor)";
}

function virtualServiceCure({ reason }: GateStatus, { service }: CurePlace): string {
  if (!reason.includes("no destination of weight")) {
    return "the agent puts it back within 5 s; where it does not stay, find what removes it (ipvsadm, another balancer)";
  }
  return `a destination of ${service.name} with a weight above 0: its checks must pass, or its configured weight is 0`;
}
