/**
 * Which `Host` is answered. A page of a stranger can lead its own name to this host's address (DNS rebinding) and so
 * read in a browser what is meant for this host's users: only names that a stranger cannot have are answered. Pure.
 */
import { parseAddress } from "../net/address.ts";

/** Whether the value of a Host field names this host: an address, localhost, or one of `names` (in lower case). */
export function isOurHost(host: string, names: readonly string[]): boolean {
  const [, name] = /^(\[[^\]]*\]|[^:[\]]*)(?::\d*)?$/.exec(host.toLowerCase()) ?? [];
  if (name === undefined) return false;
  // Without a name nothing has been led anywhere.
  if (name === "") return true;
  if (name.startsWith("[")) return parseAddress(name.slice(1, -1))?.family === 6;
  const plain = name.endsWith(".") ? name.slice(0, -1) : name;
  return plain === "localhost" || names.includes(plain) || parseAddress(plain)?.family === 4;
}

/** A host's own name, as it is and without its domain, and names that were configured, as `isOurHost` has them. */
export function namesOfHost(hostname: string | undefined, configured: readonly string[]): readonly string[] {
  const own = hostname === undefined || hostname === "" ? [] : [hostname, hostname.split(".")[0] ?? ""];
  return [...own, ...configured].map((name) => name.toLowerCase());
}
