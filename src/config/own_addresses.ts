/** The addresses that this host has already, which nothing else may have. */
import type { FileLocal } from "./schema/bgp.ts";

/** This host's own addresses, and the key that says so. */
export function ownAddresses(local: FileLocal): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  if (local.address6 !== undefined) own.set(local.address6.text, "bgp.local.address6");
  if (local.address !== undefined) own.set(local.address.text, "bgp.local.address");
  own.set(local.routerID.text, "bgp.local.routerID");
  return own;
}
