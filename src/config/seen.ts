/** What must not be given twice: names, addresses, ports, and the addresses that this host has already. */
import type { Finding, Path } from "./issue.ts";
import type { FileLocal } from "./schema/bgp.ts";

/** Finds what is given twice, and says where first. */
export class Seen {
  readonly #first = new Map<string, Path>();
  readonly #findings: Finding[];

  constructor(findings: Finding[]) {
    this.#findings = findings;
  }

  /** True where `key` is new. */
  add(kind: string, key: string, path: Path): boolean {
    const first = this.#first.get(`${kind} ${key}`);
    if (first === undefined) this.#first.set(`${kind} ${key}`, path);
    else this.#findings.push({ path, message: `is the same ${kind} as that of`, other: first });
    return first === undefined;
  }
}

/** This host's own addresses, and the key that says so. */
export function ownAddresses(local: FileLocal): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  if (local.address6 !== undefined) own.set(local.address6.text, "bgp.local.address6");
  if (local.address !== undefined) own.set(local.address.text, "bgp.local.address");
  own.set(local.routerID.text, "bgp.local.routerID");
  return own;
}
