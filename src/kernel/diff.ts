/**
 * What to change so that the kernel has what it should: the smallest change of each object, make before break.
 *
 * Make: interface, address, virtual service, destination. Break: destination, virtual service, address, interface.
 */
import { atOnce } from "../time/steps.ts";
import type { Change } from "./change.ts";
import { diffServices } from "./diff_ipvs.ts";
import { type Conflict, diffInterfaces } from "./diff_links.ts";
import { dropMarks } from "./diff_marks.ts";
import { owns } from "./merge.ts";
import type { Steps } from "./steps.ts";
import {
  type ActualInterface,
  type ActualKernel,
  type ActualVirtualService,
  type DesiredInterface,
  type DesiredKernel,
  isOurs,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "./state.ts";

/** What differs. `changes` are in the order in which they are to be made. */
export interface Difference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** The changes that lead from `actual` to `desired`. Nothing that is not ours is in them. */
export function diff(desired: DesiredKernel, actual: ActualKernel): Difference {
  return atOnce(new Differ().compare(desired, actual));
}

/** So many objects are compared in one step; a destination counts as one. */
const STEP = 256;

/** Compares again and again: what it found equal is known by its objects, and not looked into while they are the same. */
export class Differ {
  readonly #equalLinks = new WeakMap<ActualInterface, DesiredInterface>();
  readonly #equalServices = new WeakMap<ActualVirtualService, VirtualService>();
  readonly #keys = new WeakMap<VirtualServiceId, string>();
  #last:
    | { readonly desired: DesiredKernel; readonly actual: ActualKernel; readonly found: Difference }
    | undefined;

  /** What `diff` gives, in steps: it yields wherever other work may be done. */
  *compare(desired: DesiredKernel, actual: ActualKernel): Generator<void, Difference> {
    const last = this.#last;
    if (
      last?.desired === desired && last.actual.interfaces === actual.interfaces &&
      last.actual.virtualServices === actual.virtualServices
    ) return last.found;
    const conflicts: Conflict[] = [];
    const links = yield* this.#compareLinks(desired, actual, conflicts);
    const services = yield* this.#compareServices(desired, actual);
    const marks = dropMarks(desired, actual);
    const made = services.made.filter(mayBeMade(desired, actual, conflicts));
    const found = {
      changes: [...links.made, ...made, ...services.broken, ...marks, ...links.broken],
      conflicts,
    };
    this.#last = { desired, actual, found };
    return found;
  }

  *#compareLinks(desired: DesiredKernel, actual: ActualKernel, conflicts: Conflict[]) {
    const steps = new OrderedSteps();
    const have = new Map(actual.interfaces.map((link) => [link.name, link]));
    let step: DesiredInterface[] = [];
    const compare = () => {
      const there = step.flatMap(({ name }) => have.get(name) ?? []);
      const found = diffInterfaces(step, there);
      steps.add(found);
      conflicts.push(...found.conflicts);
      const unequal = new Set([
        ...[...found.make, ...found.break].map((change) => linkOf(change)),
        ...found.conflicts.map((conflict) => conflict.interface),
      ]);
      for (const want of step) {
        const link = have.get(want.name);
        if (link !== undefined && !unequal.has(want.name)) this.#equalLinks.set(link, want);
      }
      step = [];
    };
    for (const want of desired.interfaces) {
      const link = have.get(want.name);
      if (link !== undefined && this.#equalLinks.get(link) === want) continue;
      step.push(want);
      if (step.length < STEP / 4) continue;
      compare();
      yield;
    }
    if (step.length > 0) compare();
    const wanted = new Set(desired.interfaces.map(({ name }) => name));
    steps.add(diffInterfaces([], actual.interfaces.filter(({ name }) => !wanted.has(name))));
    return steps;
  }

  *#compareServices(desired: DesiredKernel, actual: ActualKernel) {
    const steps = new OrderedSteps();
    const have = new Map(actual.virtualServices.map((service) => [this.#keyOf(service), service]));
    const wanted = new Map(desired.virtualServices.map((service) => [this.#keyOf(service), service]));
    let step: VirtualService[] = [];
    let size = 0;
    const compare = () => {
      const there = step.flatMap((want) => have.get(this.#keyOf(want)) ?? []);
      const found = diffServices({ ...NOTHING_OWNED, virtualServices: step }, {
        interfaces: [],
        virtualServices: there,
      });
      steps.add(found);
      const unequal = new Set([...found.make, ...found.break].map((change) => this.#serviceOf(change)));
      for (const want of step) {
        const key = this.#keyOf(want);
        const service = have.get(key);
        if (service !== undefined && !unequal.has(key)) this.#equalServices.set(service, want);
      }
      step = [];
      size = 0;
    };
    for (const [key, want] of wanted) {
      const service = have.get(key);
      if (service !== undefined && this.#equalServices.get(service) === want) continue;
      step.push(want);
      size += 1 + want.destinations.length;
      if (size < STEP) continue;
      compare();
      yield;
    }
    if (step.length > 0) compare();
    const unwanted = actual.virtualServices.filter((service) => !wanted.has(this.#keyOf(service)));
    if (unwanted.length > 0) {
      const interfaces = actual.interfaces.filter(isOurs);
      steps.add(diffServices({ ...desired, virtualServices: [] }, { interfaces, virtualServices: unwanted }));
    }
    return steps;
  }

  #keyOf(service: VirtualServiceId): string {
    let key = this.#keys.get(service);
    if (key === undefined) {
      key = virtualServiceKey(service);
      this.#keys.set(service, key);
    }
    return key;
  }

  #serviceOf(change: Change): string | undefined {
    return "service" in change && typeof change.service === "object"
      ? this.#keyOf(change.service)
      : undefined;
  }
}

/** Nothing is made of what leads to a taken interface: without a mark of ours there, nobody would know later whose it is. */
function mayBeMade(
  desired: DesiredKernel,
  { virtualServices }: ActualKernel,
  conflicts: readonly Conflict[],
): (change: Change) => boolean {
  if (conflicts.length === 0) return () => true;
  const taken = new Set(conflicts.map((conflict) => conflict.interface));
  const isLed = ledToBy(desired.interfaces.filter(({ name }) => !taken.has(name)));
  const isLost = ledToBy(desired.interfaces.filter(({ name }) => taken.has(name)));
  const present = new Set(virtualServices.map(virtualServiceKey));
  return (change) =>
    (change.type !== "create-service" && change.type !== "create-destination") ||
    !isLost(change.service) || isLed(change.service) || present.has(virtualServiceKey(change.service));
}

/** Tells virtual services on the addresses and marks of interfaces. */
function ledToBy(links: readonly DesiredInterface[]): (id: VirtualServiceId) => boolean {
  return owns({
    ownedAddresses: links.flatMap(({ addresses }) => addresses),
    ownedFwmarks: links.flatMap(({ fwmarks = [] }) => fwmarks),
  });
}

const NOTHING_OWNED = { interfaces: [], ownedAddresses: [], ownedFwmarks: [] } as const;

/** Changes of several steps in one order: what others rest on is made first and broken last. */
class OrderedSteps {
  readonly #carriers: Steps = { make: [], break: [] };
  readonly #carried: Steps = { make: [], break: [] };

  add(steps: Steps): void {
    for (const change of steps.make) (carries(change) ? this.#carriers : this.#carried).make.push(change);
    for (const change of steps.break) (carries(change) ? this.#carriers : this.#carried).break.push(change);
  }

  get made(): readonly Change[] {
    return [...this.#carriers.make, ...this.#carried.make];
  }

  get broken(): readonly Change[] {
    return [...this.#carried.break, ...this.#carriers.break];
  }
}

/** Interfaces carry addresses, virtual services destinations. */
function carries({ type }: Change): boolean {
  return type.endsWith("-interface") || type.endsWith("-service");
}

function linkOf(change: Change): string | undefined {
  if ("interface" in change) return change.interface;
  return "name" in change ? change.name : undefined;
}
