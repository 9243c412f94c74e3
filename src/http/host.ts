/**
 * Which `Host` is answered. A page of a stranger can lead its own name to this host's address (DNS rebinding) and so
 * read in a browser what is meant for this host's users: only names that a stranger cannot have, or would have to
 * guess, are answered. Pure.
 */
import { parseAddress } from "../net/address.ts";

/** What this host is called. */
export interface HostNames {
  /** Whole names, in lower case. */
  readonly names: readonly string[];
  /** First labels, in lower case, that count with any domain. */
  readonly labels: readonly string[];
}

/**
 * What a host is called that has the name `hostname`, if that is known, and other names by configuration.
 * @param reachable whether it is listened on more than loopback: then others know it by its name and a domain that it
 * may not know itself. On loopback nobody does but its own browsers, and a name may be easy to guess.
 */
export function hostNames(
  hostname: string | undefined,
  configured: readonly string[],
  reachable: boolean,
): HostNames {
  const own = hostname === undefined || hostname === "" ? undefined : hostname.toLowerCase();
  const label = own?.split(".")[0];
  const short = [own, label].filter((name) => name !== undefined);
  return {
    names: [...short, ...configured.map((name) => name.toLowerCase())],
    labels: reachable && label !== undefined ? [label] : [],
  };
}

/** Whether the value of a Host field names this host: an address, localhost, or what it is called. */
export function isOurHost(host: string, { names, labels }: HostNames): boolean {
  const [, name] = /^(\[[^\]]*\]|[^:[\]]*)(?::\d*)?$/.exec(host.toLowerCase()) ?? [];
  if (name === undefined) return false;
  // Without a name nothing has been led anywhere.
  if (name === "") return true;
  if (name.startsWith("[")) return parseAddress(name.slice(1, -1))?.family === 6;
  const plain = name.endsWith(".") ? name.slice(0, -1) : name;
  return plain === "localhost" || names.includes(plain) || labels.includes(plain.split(".")[0] ?? "") ||
    parseAddress(plain)?.family === 4;
}
