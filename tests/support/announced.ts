/** A speaker that knows what it was told to announce, and nothing else. */
import type { Route } from "../../src/bgp/routes/route.ts";

/** Routes by who wants them. */
export class Announced {
  readonly #bySource = new Map<string, readonly Route[]>();

  /** What these sources want now; gives the prefixes of all that anybody wants. */
  set(bySource: ReadonlyMap<string, readonly Route[]>): string[] {
    for (const [source, routes] of bySource) this.#bySource.set(source, routes);
    return [...this.#bySource.values()].flat().map(({ prefix }) => prefix.text);
  }
}
