/** What must not be given twice: names, addresses, prefixes, ports. */
import type { Finding, Path } from "./values/finding.ts";

/** Finds what is given twice, and says where first. */
export class Duplicates {
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
