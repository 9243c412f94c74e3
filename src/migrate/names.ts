/** Names of services: each is also the name of its interface, so it is short, plain, and given once. */

/** The longest (IFNAMSIZ - 1 of <linux/if.h>). */
const MAX_LENGTH = 15;

/** Gives out names of services. */
export class Names {
  readonly #given = new Set(["lo", "all", "default", ".", ".."]);

  /** The nearest to `wanted` that can be one and is free. */
  give(wanted: string): string {
    const plain = wanted.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^-+|-+$/g, "") || "service";
    let name = plain.slice(0, MAX_LENGTH);
    for (let count = 2; this.#given.has(name); count++) {
      const behind = `-${count}`;
      name = `${plain.slice(0, MAX_LENGTH - behind.length)}${behind}`;
    }
    this.#given.add(name);
    return name;
  }
}
