/**
 * The whole of what should be announced, and what a new whole, or another part of it, changes. Peers are brought to the
 * changes alone: to withdraw one route costs as much among a hundred thousand as among ten.
 */
import type { Prefix } from "../../net/prefix.ts";
import type { Route, RouteAttributes } from "./route.ts";

/** Prefixes whose routes are not what they were; beside them may be others where a prefix has several routes. */
export interface RouteChanges {
  /** Some peer may have to lose its route: there is none any more, or it is for other peers. */
  readonly withdrawn: readonly Prefix[];
  readonly changed: readonly Prefix[];
}

/** Who wants all of what is set as a whole. */
const ONE_SOURCE = "";

/**
 * The desired routes by prefix, and by who wants them: each source has a list of its own, so that a change of one costs as
 * much among thousands as among ten. A prefix has one route, which the configuration sees to; of several the first counts,
 * as a fault there should not end what goes well otherwise.
 */
export class DesiredRoutes {
  readonly #bySource = new Map<string, readonly Route[]>();
  /** Routes of all sources. */
  #count = 0;
  readonly #byPrefix = new Map<string, Route>();

  /**
   * The route to every prefix. What is added while this goes on comes, too; what is taken away before its turn does not; no
   * change makes it begin anew.
   */
  all(): IteratorObject<Route, undefined> {
    return this.#byPrefix.values();
  }

  /** The route to one prefix that a peer should have; undefined: none. */
  of(prefix: Prefix, peerName: string): Route | undefined {
    return routeFor(this.#byPrefix.get(prefix.text), peerName);
  }

  /** Replaces the whole. The prefixes whose routes are not what they were. */
  replace(routes: readonly Route[]): RouteChanges {
    const nothing = [...this.#bySource.keys()].map((source) => [source, []] as const);
    return this.replaceOf(new Map<string, readonly Route[]>([...nothing, [ONE_SOURCE, routes]]));
  }

  /** Replaces what each of these sources wants; the others want what they did. @returns as `replace` does */
  replaceOf(bySource: ReadonlyMap<string, readonly Route[]>): RouteChanges {
    const wasUnique = this.#isUnique;
    const old: (readonly Route[])[] = [];
    const added: (readonly Route[])[] = [];
    for (const [source, routes] of bySource) {
      const before = this.#bySource.get(source) ?? [];
      const [head, tail] = commonEnds(before, routes);
      old.push(before.slice(head, before.length - tail));
      added.push(routes.slice(head, routes.length - tail));
      this.#count += routes.length - before.length;
      if (routes.length === 0) this.#bySource.delete(source);
      else this.#bySource.set(source, routes);
    }
    const changes = this.#exchange(joined(old), joined(added));
    if (wasUnique && this.#isUnique) return changes;
    const more = this.#exchangeAll();
    return {
      withdrawn: [...changes.withdrawn, ...more.withdrawn],
      changed: [...changes.changed, ...more.changed],
    };
  }

  /** Has every prefix one route? */
  get #isUnique(): boolean {
    return this.#byPrefix.size === this.#count;
  }

  /** Where a prefix has several routes, all are looked at. */
  #exchangeAll(): RouteChanges {
    const fresh = byPrefix([...this.#bySource.values()].flat());
    return this.#exchange([...this.#byPrefix.values()], [...fresh.values()]);
  }

  #exchange(old: readonly Route[], added: readonly Route[]): RouteChanges {
    if (added.length === 0 && old.length === this.#byPrefix.size) return this.#clear(old);
    const withdrawn: Prefix[] = [];
    const changed: Prefix[] = [];
    // Most often there are either none or few of one kind.
    const staying = new Set(old.length === 0 ? [] : added.map(({ prefix }) => prefix.text));
    for (const { prefix } of old) {
      if (!staying.has(prefix.text) && this.#byPrefix.delete(prefix.text)) withdrawn.push(prefix);
    }
    for (const route of added) {
      const { text } = route.prefix;
      const was = this.#byPrefix.get(text);
      // It keeps its place, and whoever is on the way through all of them does not meet it again.
      this.#byPrefix.set(text, route);
      if (was !== undefined && !samePeers(was, route)) withdrawn.push(route.prefix);
      else if (!sameRoute(was, route)) changed.push(route.prefix);
    }
    return { withdrawn, changed };
  }

  /** All goes, as at a stop: one by one it would take several times as long. */
  #clear(all: readonly Route[]): RouteChanges {
    this.#byPrefix.clear();
    return { withdrawn: all.map(({ prefix }) => prefix), changed: [] };
  }
}

/** A route where it is for the peer; otherwise none. */
export function routeFor(route: Route | undefined, peerName: string): Route | undefined {
  return route?.peers === undefined || route.peers.includes(peerName) ? route : undefined;
}

/** All lists as one; most often it is one. */
function joined(lists: readonly (readonly Route[])[]): readonly Route[] {
  const [first = [], ...more] = lists;
  return more.length === 0 ? first : lists.flat();
}

/** The first route to each prefix. */
function byPrefix(routes: readonly Route[]): Map<string, Route> {
  const found = new Map<string, Route>();
  for (const route of routes) if (!found.has(route.prefix.text)) found.set(route.prefix.text, route);
  return found;
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

function sameRoute(a: Route | undefined, b: Route | undefined): boolean {
  return a !== undefined && b !== undefined && a.prefix.text === b.prefix.text &&
    sameAttributes(a.attributes, b.attributes) && samePeers(a, b);
}

function samePeers({ peers: a }: Route, { peers: b }: Route): boolean {
  return a === b || (a !== undefined && b !== undefined && sameList(a, b));
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
