/**
 * The whole of what should be announced, and what a new whole changes of it. Neighbours are brought to the changes
 * alone: to withdraw one route costs as much among a hundred thousand as among ten.
 */
import type { Prefix } from "../net/prefix.ts";
import type { Route, RouteAttributes } from "./route.ts";

const NONE: readonly Route[] = [];

/** A prefix with the route that a peer should have to it; undefined: none. */
export interface Desired {
  readonly prefix: Prefix;
  readonly route: Route | undefined;
}

/** The desired routes by prefix. */
export class DesiredRoutes {
  #all: readonly Route[] = NONE;
  /** Nearly always one each; several where peers get a prefix with different attributes. */
  readonly #byPrefix = new Map<string, readonly Route[]>();

  /**
   * What is desired of every prefix, for a peer. What is added while this goes on comes, too; what is taken away before
   * its turn does not.
   */
  *all(peerName: string): Generator<Desired> {
    for (const routes of this.#byPrefix.values()) {
      const [one] = routes;
      if (one !== undefined) yield { prefix: one.prefix, route: firstFor(peerName, routes) };
    }
  }

  /** What is desired of one prefix, for a peer. */
  of(prefix: Prefix, peerName: string): Desired {
    return { prefix, route: firstFor(peerName, this.#byPrefix.get(prefix.text) ?? NONE) };
  }

  /** Replaces the whole. The prefixes whose routes are not what they were. */
  replace(routes: readonly Route[]): readonly Prefix[] {
    const all = this.#all;
    const [head, tail] = commonEnds(all, routes);
    const old = all.slice(head, all.length - tail);
    const fresh = routes.slice(head, routes.length - tail);
    this.#all = routes;
    const taken = new Map<string, readonly Route[]>();
    let outside = -old.length;
    for (const part of [old, fresh]) {
      for (const { prefix: { text } } of part) {
        const was = this.#byPrefix.get(text);
        if (was === undefined) continue;
        outside += was.length;
        taken.set(text, was);
        this.#byPrefix.delete(text);
      }
    }
    if (outside > 0) {
      // Routes to one prefix stand in the changed part and outside of it; their order decides, so it is made anew.
      this.#byPrefix.clear();
      this.#add(routes);
    } else {
      this.#add(fresh);
    }
    const changed: Prefix[] = [];
    for (const [text, was] of taken) {
      const [one] = was;
      if (one !== undefined && !sameRoutes(was, this.#byPrefix.get(text) ?? NONE)) changed.push(one.prefix);
    }
    for (const { prefix } of fresh) if (!taken.has(prefix.text)) changed.push(prefix);
    return changed;
  }

  #add(routes: readonly Route[]): void {
    for (const route of routes) {
      const others = this.#byPrefix.get(route.prefix.text);
      this.#byPrefix.set(route.prefix.text, others === undefined ? [route] : [...others, route]);
    }
  }
}

function firstFor(peerName: string, routes: readonly Route[]): Route | undefined {
  for (const route of routes) if (route.peers === undefined || route.peers.includes(peerName)) return route;
  return undefined;
}

/** How many equal routes two lists begin and end with. */
function commonEnds(
  before: readonly Route[],
  after: readonly Route[],
): readonly [head: number, tail: number] {
  // Most often they are the same objects, and nearly all of the time of a change would go by in a call for each.
  const same = (a: Route | undefined, b: Route | undefined) => a === b || sameRoute(a, b);
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && same(before[head], after[head])) head++;
  const moved = after.length - before.length;
  let tail = before.length;
  while (tail > head && tail + moved > head && same(before[tail - 1], after[tail - 1 + moved])) tail--;
  return [head, before.length - tail];
}

function sameRoutes(a: readonly Route[], b: readonly Route[]): boolean {
  return a.length === b.length && a.every((route, index) => route === b[index] || sameRoute(route, b[index]));
}

function sameRoute(a: Route | undefined, b: Route | undefined): boolean {
  return a !== undefined && b !== undefined && a.prefix.text === b.prefix.text &&
    sameAttributes(a.attributes, b.attributes) &&
    (a.peers === b.peers || (a.peers !== undefined && b.peers !== undefined && sameList(a.peers, b.peers)));
}

function sameAttributes(a: RouteAttributes, b: RouteAttributes): boolean {
  return a === b ||
    (a.med === b.med && a.localPreference === b.localPreference && a.asPathPrepend === b.asPathPrepend &&
      sameList(a.communities, b.communities) &&
      sameLists(a.largeCommunities, b.largeCommunities) &&
      sameLists(a.extendedCommunities, b.extendedCommunities));
}

function sameLists(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): boolean {
  return a === b || (a.length === b.length && a.every((list, index) => sameList(list, b[index] ?? [])));
}

function sameList<T>(a: ArrayLike<T>, b: ArrayLike<T>): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
