/**
 * What changes from one configuration to another, in words: for the answer of `reload`, its log lines and `plan`. Names and
 * keys as the file has them, and no values, so that no secret is ever among them. Pure.
 */
import type {
  ConfigChange,
  LocalChange,
  PeerChange,
  ServiceChange,
  SessionConsequence,
} from "../config/difference.ts";

/** A line for each change, and for each part of a service that changes; many destinations of a port to which the same happens have one. */
export function changeLines(changes: readonly ConfigChange[]): readonly string[] {
  return changes.flatMap(linesOf);
}

/** Keys of the checked configuration as the file has them, without units. */
export function fileKeys(keys: readonly string[]): string {
  return keys.map((key) => key.replace(/(Seconds|Ms)$/, "")).join(", ");
}

function linesOf(change: ConfigChange): readonly string[] {
  switch (change.of) {
    case "local":
      return [localLine(change)];
    case "peer":
      return [peerLine(change)];
    case "service":
      return change.change === "changed"
        ? partLines(change.parts, change.service)
        : [`service ${change.service} ${change.change}`];
    default:
      return [`${change.of}: ${fileKeys(change.keys)} changed`];
  }
}

/** So many peers are named. */
const NAMED = 5;

const EVERY_SESSION: Readonly<Record<SessionConsequence, string>> = {
  reset: ", every session is reset (6/6)",
  advertise: ", all routes are looked at again",
  "next session": ", for sessions to come",
  none: "",
};

const ITS_SESSION: Readonly<Record<SessionConsequence, string>> = {
  reset: ", its session is reset (6/6)",
  advertise: ", its routes are looked at again",
  "next session": ", for its next session",
  none: "",
};

function localLine({ keys, sessions, listen, except = [] }: LocalChange): string {
  const sockets = listen ? ", listening sockets are opened anew" : "";
  const others = except.length > NAMED
    ? [...except.slice(0, NAMED), `${except.length - NAMED} more`]
    : except;
  const but = others.length === 0 ? "" : `, not those of ${others.join(", ")}`;
  return `bgp.local: ${fileKeys(keys)} changed${EVERY_SESSION[sessions]}${but}${sockets}`;
}

function peerLine(change: PeerChange): string {
  const { name, address } = change;
  const peer = name === address ? name : `${name} (${address})`;
  switch (change.change) {
    case "added":
      return `peer ${peer} added`;
    case "removed":
      return `peer ${peer} removed, its session ends (6/3)`;
    case "changed":
      return `peer ${name}: ${fileKeys(change.keys)} changed${ITS_SESSION[change.session]}`;
    default:
      return change satisfies never;
  }
}

type DestinationChange = Extract<ServiceChange, { of: "destination" }>;

/** So many destinations to which the same happens have a line each. */
const MAX_TOLD_APART = 3;

function partLines(parts: readonly ServiceChange[], service: string): readonly string[] {
  const same = Map.groupBy(
    parts.filter((part) => part.of === "destination"),
    sameness,
  );
  return parts.flatMap((part) => {
    const group = part.of === "destination" ? same.get(sameness(part)) ?? [] : [];
    if (part.of !== "destination" || group.length <= MAX_TOLD_APART) return [partLine(part, service)];
    const names = group.slice(0, MAX_TOLD_APART).map(({ destination }) => destination).join(", ");
    const more = `and ${group.length - MAX_TOLD_APART} more`;
    const where = `of ${portName(part.port)} of ${service}`;
    return part === group[0]
      ? [`destinations ${names} ${more} ${where} ${part.change}${which(part.keys)}`]
      : [];
  });
}

function sameness({ port, change, keys }: DestinationChange): string {
  return [port, change, ...keys].join();
}

function partLine(part: ServiceChange, service: string): string {
  const where = `service ${service}:`;
  switch (part.of) {
    case "enabled":
      return `${where} ${part.enabled ? "enabled" : "disabled"}`;
    case "interface":
      return `${where} interface ${part.to} in place of ${part.from}`;
    case "address":
      return `${where} address ${part.address} ${part.change}`;
    case "prefix length":
      return `${where} address ${part.address} is announced as /${part.to} in place of /${part.from}`;
    case "announce":
    case "stop":
      return `${where} ${part.of}: ${fileKeys(part.keys)} changed`;
    case "onChange":
      return `${where} onChange changed`;
    case "port":
      return `${portName(part.port)} of ${service} ${part.change}${which(part.keys)}`;
    case "destination":
      return `destination ${part.destination} of ${portName(part.port)} of ${service} ${part.change}${
        which(part.keys)
      }`;
    case "check":
      return `check ${part.check} of ${service} ${part.change}${which(part.keys)}`;
    default:
      return part satisfies never;
  }
}

/** `port tcp 80`, and `fwmark 7` without that word. */
function portName(port: string): string {
  return port.startsWith("fwmark ") ? port : `port ${port}`;
}

function which(keys: readonly string[]): string {
  return keys.length === 0 ? "" : `: ${fileKeys(keys)}`;
}
