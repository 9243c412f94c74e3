/**
 * The whole of what should be announced, and what a new whole changes of it. Neighbours are brought to the changes
 * alone: to withdraw one route costs as much among a hundred thousand as among ten.
 */
import type { Prefix } from "../net/prefix.ts";
import type { Route, RouteAttributes } from "./route.ts";

const NONE: readonly Route[] = [];

/** The desired routes by prefix. */
export class DesiredRoutes {
  #all: readonly Route[] = NONE;
  /** Nearly always one each; several where peers get a prefix with different attributes. */
  readonly #byPrefix = new Map<string, readonly Route[]>();

  /** Every route, in the order given. */
  get all(): readonly Route[] {
    return this.#all;
  }

  /** The route to `prefix` for a peer: the first that is for it. */
  routeTo(prefix: Prefix, peerName: string): Route | undefined {
    const routes = this.#byPrefix.get(prefix.text) ?? NONE;
    return routes.find(({ peers }) => peers === undefined || peers.includes(peerName));
  }

  /** Replaces the whole. The prefixes whose routes are not what they were, each once. */
  replace(routes: readonly Route[]): readonly Prefix[] {
    const { old, fresh } = differingPart(this.#all, routes);
    this.#all = routes;
    if (this.#byPrefix.size === 0) {
      this.#add(fresh);
      return [...this.#byPrefix.values()].flatMap(([route]) => route === undefined ? [] : [route.prefix]);
    }
    const touched = new Map<string, { readonly prefix: Prefix; readonly was: readonly Route[] }>();
    for (const { prefix } of [...old, ...fresh]) {
      touched.set(prefix.text, { prefix, was: this.#byPrefix.get(prefix.text) ?? NONE });
    }
    this.#exchange(old, fresh);
    const changed: Prefix[] = [];
    for (const [key, { prefix, was }] of touched) {
      if (!sameRoutes(was, this.#byPrefix.get(key) ?? NONE)) changed.push(prefix);
    }
    return changed;
  }

  #exchange(old: readonly Route[], fresh: readonly Route[]): void {
    let shared = false;
    for (const route of old) {
      const routes = this.#byPrefix.get(route.prefix.text) ?? NONE;
      const left = routes.filter((other) => other !== route);
      // One object may stand in the list more than once.
      shared ||= routes.length - left.length > 1;
      if (left.length === 0) this.#byPrefix.delete(route.prefix.text);
      else this.#byPrefix.set(route.prefix.text, left);
    }
    for (const { prefix } of fresh) shared ||= this.#byPrefix.has(prefix.text);
    if (shared) {
      // Routes to one prefix stand in the changed part and outside of it; their order decides, so it is made anew.
      this.#byPrefix.clear();
      this.#add(this.#all);
    } else {
      this.#add(fresh);
    }
  }

  #add(routes: readonly Route[]): void {
    for (const route of routes) {
      const others = this.#byPrefix.get(route.prefix.text);
      this.#byPrefix.set(route.prefix.text, others === undefined ? [route] : [...others, route]);
    }
  }
}

/** What is left of two lists without the objects that both begin and end with. */
function differingPart(
  before: readonly Route[],
  after: readonly Route[],
): { readonly old: readonly Route[]; readonly fresh: readonly Route[] } {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { old: before.slice(head, before.length - tail), fresh: after.slice(head, after.length - tail) };
}

function sameRoutes(a: readonly Route[], b: readonly Route[]): boolean {
  return a.length === b.length && a.every((route, index) => {
    const other = b[index];
    return other !== undefined && (route === other || sameRoute(route, other));
  });
}

function sameRoute(a: Route, b: Route): boolean {
  return sameAttributes(a.attributes, b.attributes) &&
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
