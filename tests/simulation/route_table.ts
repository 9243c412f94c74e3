/** What a router was told: routes by prefix, those that it keeps for an agent that restarts, and how each was lost. */
import type { UpdateMessage } from "../../src/bgp/wire/update.ts";

/** How a route came to be lost. */
export type Loss = "withdrawn" | "not refreshed" | "session" | "restart time";

/** A route as the router has it. */
export interface KnownRoute {
  /** The attributes that matter, in words. */
  readonly attributes: string;
  /** Kept for an agent that is restarting. */
  readonly stale: boolean;
  /** Until when it is kept. */
  readonly keptUntilMs: number;
}

/** Who is told what becomes of routes. */
export interface RouteReader {
  announced(prefix: string): void;
  lost(prefix: string, how: Loss): void;
}

/** The routes of one router. */
export class RouteTable {
  readonly routes = new Map<string, KnownRoute>();
  /** Every prefix that an UPDATE was about. */
  readonly heard: string[] = [];
  readonly #tell: RouteReader;

  constructor(tell: RouteReader) {
    this.#tell = tell;
  }

  /** Takes an UPDATE in. */
  apply(update: UpdateMessage): void {
    for (const { nlri } of update.unreach) {
      for (const { text } of nlri.prefixes()) {
        this.heard.push(text);
        this.#lose(text, "withdrawn");
      }
    }
    for (const { nlri, nextHops } of update.reach) {
      const { med, localPref, communities = [], asPath = [] } = update.attributes;
      const words = [
        `next hop ${nextHops.map(({ text }) => text).join(" ")}`,
        `med ${med}`,
        `preference ${localPref}`,
        `communities ${communities.join(" ")}`,
        `path ${asPath.length}`,
      ];
      for (const { text } of nlri.prefixes()) {
        this.heard.push(text);
        this.routes.set(text, { attributes: words.join(", "), stale: false, keptUntilMs: Infinity });
        this.#tell.announced(text);
      }
    }
  }

  /** All of them are kept, until they are told again, or until then. */
  markStale(keptUntilMs: number): void {
    for (const [prefix, route] of this.routes) {
      this.routes.set(prefix, { ...route, stale: true, keptUntilMs });
    }
  }

  /** Loses those that are meant. */
  loseAll(which: (prefix: string, route: KnownRoute) => boolean, how: Loss): void {
    for (const [prefix, route] of [...this.routes]) if (which(prefix, route)) this.#lose(prefix, how);
  }

  #lose(prefix: string, how: Loss): void {
    if (this.routes.delete(prefix)) this.#tell.lost(prefix, how);
  }
}
