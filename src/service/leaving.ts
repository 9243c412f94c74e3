/**
 * What is wanted no more and still in the kernel goes the way of a service that is drained: addresses after the withdrawal
 * and the routers' time to converge, ports and destinations once their connections have ended. So nothing of an earlier
 * configuration is broken while somebody may still use it, whether that was ours or an earlier process's. Pure.
 */
import type { PhaseName } from "../events/event.ts";
import type { Managed } from "../kernel/kernel.ts";
import { isEmpty, NOTHING, outside, within, without } from "../kernel/merge.ts";
import {
  type ActualKernel,
  type ActualVirtualService,
  type DesiredKernel,
  destinationKey,
  isConnected,
  type VirtualService,
  virtualServiceKey,
  virtualServiceText,
} from "../kernel/state.ts";
import { type Address, withPort } from "../net/address.ts";
import {
  type Drain,
  type DrainLimits,
  isQuiesced,
  nextPhase,
  type Phase,
  quiescing,
  withdrawn,
} from "./phase.ts";
import { placeOf } from "./slices.ts";

/** Some objects of one service that go together. */
export interface Leaving {
  readonly service: string;
  /** As they serve. */
  readonly objects: DesiredKernel;
  readonly phase: Phase;
  /** Routers may still send traffic to its addresses until they have been told. */
  readonly told: boolean;
  /** Whose word that is: what this process withdraws, or the End-of-RIB of one that took over. */
  readonly toldBy: "told" | "end-of-rib";
  /** Open connections of what is quiesced; undefined before that was read. */
  readonly connections: number | undefined;
}

/** What happens to something that leaves. */
export type LeavingEvent =
  | { readonly type: "kernel"; readonly actual: ActualKernel }
  | { readonly type: "told" | "end-of-rib" | "time" };

/** Why and how something goes. */
export interface LeavingTerms {
  readonly reason: string;
  /** ID of the event that ordered it. */
  readonly because?: number | undefined;
  /** How long the phases may take, by service. */
  limits(service: string): DrainLimits;
  /** Who tells the routers of a service's addresses, and until when that takes at most. */
  told(service: string): { readonly by: Leaving["toldBy"]; readonly untilMs: number };
  /** What is ours of the kernel. */
  readonly managed: Managed;
  /** The route of an address that stays is withdrawn with this: what it leads to is in use until routers have converged. */
  readonly isWithdrawn?: ((address: Address) => boolean) | undefined;
}

/** The objects of `all` that are not in `wanted` and ours to manage, on their way out from now on. */
export function leavings(
  all: DesiredKernel,
  wanted: DesiredKernel,
  { reason, because, limits, told, managed, isWithdrawn = () => false }: LeavingTerms,
  nowMs: number,
): readonly Leaving[] {
  const going = within(managed, without(all, wanted));
  if (isEmpty(going)) return [];
  const owners = ownersOf([wanted, all]);
  const led = ledToBy([...all.interfaces, ...wanted.interfaces]);
  const ownerOf = (each: VirtualService) => owners.get(placeOf(each)) ?? placeText(each);
  const staying = new Set(wanted.ownedAddresses.map(({ text }) => text));
  const links = Map.groupBy(going.interfaces, ({ service }) => service);
  const virtualServices = Map.groupBy(going.virtualServices, ownerOf);
  return [...new Set([...links.keys(), ...virtualServices.keys()])].flatMap((service) => {
    const { by: toldBy, untilMs } = told(service);
    const drain: Drain = { reason, because, limits: { ...limits(service), shiftMs: 0 } };
    // An address that has moved to another interface of ours is only taken off the old one.
    const interfaces = (links.get(service) ?? []).map((link) => ({
      ...link,
      addresses: link.addresses.filter(({ text }) => !staying.has(text)),
    })).filter((link) => link.addresses.length > 0);
    // A mark has no address of its own: it goes with those of its service, where they go.
    const { ports = [], others = [] } = Object.groupBy(
      virtualServices.get(service) ?? [],
      ({ fwmark, address }) => {
        const isKept = fwmark > 0 ? interfaces.length === 0 : staying.has(address.text);
        const stays = isKept && !led({ fwmark, address }, service).some(isWithdrawn);
        return stays ? "ports" : "others";
      },
    );
    const ownedAddresses = [
      ...interfaces.flatMap((link) => link.addresses),
      ...others.filter(({ fwmark, address: { text } }) => fwmark === 0 && !staying.has(text))
        .map(({ address }) => address),
    ];
    const marksOf = (services: readonly VirtualService[]) => services.filter(({ fwmark }) => fwmark > 0);
    const addresses = {
      interfaces,
      virtualServices: others,
      ownedAddresses,
      ownedFwmarks: marksOf(others),
    };
    const common = { service, toldBy, connections: undefined };
    return [
      { ...common, objects: addresses, told: false, phase: withdrawn(drain, nowMs, untilMs - nowMs) },
      {
        ...common,
        objects: { ...NOTHING, virtualServices: ports, ownedFwmarks: marksOf(ports) },
        told: true,
        phase: quiescing(drain, nowMs),
      },
    ].filter(({ objects }) => !isEmpty(objects));
  });
}

/** For what an earlier process left, whose limits are not known any more. */
const INHERITED_LIMITS: DrainLimits = { shiftMs: 0, convergeMs: 1000, quiesceMs: 30_000 };

/** The same of what an earlier process left: `untilMs` routers may have its routes. */
export function inheritedLeavings(
  all: DesiredKernel,
  wanted: DesiredKernel,
  { limits, untilMs, managed }: Pick<LeavingTerms, "managed"> & {
    readonly limits: (service: string) => DrainLimits | undefined;
    readonly untilMs: number;
  },
  nowMs: number,
): readonly Leaving[] {
  const idle = idleAddresses(wanted);
  return leavings(all, wanted, {
    reason: "the configuration does not have it",
    limits: (service) => limits(service) ?? INHERITED_LIMITS,
    told: () => ({ by: "end-of-rib", untilMs }),
    managed,
    isWithdrawn: ({ text }) => idle.has(text),
  }, nowMs);
}

/** Of virtual services in which nothing has weight: what had it serves until routers know. */
function idleAddresses(wanted: DesiredKernel): ReadonlySet<string> {
  const { virtualServices, interfaces } = wanted;
  const [owners, led] = [ownersOf([wanted]), ledToBy(interfaces)];
  const idle = virtualServices.filter(({ destinations }) => destinations.every(({ weight }) => weight === 0));
  return new Set(
    idle.flatMap((each) => led(each, owners.get(placeOf(each)) ?? "").map(({ text }) => text)),
  );
}

/** Tells the addresses that lead to a virtual service: its own, or those of its mark's service, for both families of a mark go together. */
function ledToBy(links: DesiredKernel["interfaces"]) {
  const byService = Map.groupBy(links, ({ service }) => service);
  return (
    { fwmark, address }: Pick<VirtualService, "fwmark" | "address">,
    service: string,
  ): readonly Address[] => {
    return fwmark === 0 ? [address] : (byService.get(service) ?? []).flatMap(({ addresses }) => addresses);
  };
}

/** Each takes one event in; its phase moves on as far as time and facts allow. */
export function stepLeavings(
  leavings: readonly Leaving[],
  event: LeavingEvent,
  env: { readonly now: number },
): readonly Leaving[] {
  if (event.type !== "kernel" || leavings.length === 0) {
    return leavings.map((leaving) => settled(absorb(leaving, event), env.now));
  }
  const present = new Map(event.actual.virtualServices.map((each) => [virtualServiceKey(each), each]));
  return leavings.map((leaving) => {
    return settled({ ...leaving, connections: connectionsOf(leaving, present) }, env.now);
  });
}

/** Those of them that are not wanted again, or what is not of each. */
export function stillLeaving(leavings: readonly Leaving[], wanted: DesiredKernel): readonly Leaving[] {
  if (leavings.length === 0) return leavings;
  const unwanted = outside(wanted);
  return leavings.map((leaving) => ({ ...leaving, objects: unwanted(leaving.objects) }))
    .filter(({ objects }) => !isEmpty(objects));
}

/** The same, where routers are waited for until `untilMs` at the latest. */
export function withLimit(leaving: Leaving, untilMs: number): Leaving {
  const { phase } = leaving;
  if (phase.name !== "withdrawn" || phase.deadlineMs <= untilMs) return leaving;
  return { ...leaving, phase: { ...phase, deadlineMs: untilMs } };
}

/** What the kernel should have of it: quiesced it takes no new connections; UDP has none, and goes at once. */
export function kernelOf({ objects, phase }: Leaving): DesiredKernel {
  if (phase.name === "down") return { ...objects, interfaces: [], virtualServices: [] };
  if (!isQuiesced(phase)) return objects;
  return {
    ...objects,
    virtualServices: objects.virtualServices.filter(isConnected).map((service) => ({
      ...service,
      destinations: service.destinations.map((destination) => ({ ...destination, weight: 0 })),
    })),
  };
}

/** In words, such as `address 10.99.0.1` or `destination 10.0.0.1:8080 of tcp 10.99.0.1:80`. */
export function whatLeaves({ objects }: Leaving): readonly string[] {
  const going = new Set(objects.interfaces.flatMap(({ addresses }) => addresses.map(({ text }) => text)));
  return [
    ...objects.interfaces.flatMap(({ addresses }) => addresses.map(({ text }) => `address ${text}`)),
    ...objects.virtualServices.filter(({ address }) => !going.has(address.text)).flatMap((service) =>
      service.destinations.map((each) =>
        `destination ${withPort(each.address, each.port)} of ${virtualServiceText(service)}`
      )
    ),
  ];
}

function absorb(leaving: Leaving, { type }: LeavingEvent): Leaving {
  return type === leaving.toldBy ? { ...leaving, told: true } : leaving;
}

function settled(leaving: Leaving, nowMs: number): Leaving {
  const { objects, phase, told, connections } = leaving;
  const facts = {
    announced: false,
    withdrawnMs: phase.sinceMs,
    told,
    staleUntilMs: -Infinity,
    converges: true,
    quiesces: objects.virtualServices.some(isConnected),
    activeConnections: connections,
  };
  const next = objects.virtualServices.some(isConnected) || phase.name !== "quiescing"
    ? nextPhase(phase, facts, nowMs)
    : nextPhase({ ...phase, deadlineMs: nowMs }, facts, nowMs);
  return next === undefined ? leaving : settled({ ...leaving, phase: next }, nowMs);
}

/** Of its own destinations, once all that are there have weight 0. */
function connectionsOf(
  { objects }: Leaving,
  present: ReadonlyMap<string, ActualVirtualService>,
): number | undefined {
  const found = objects.virtualServices.filter(isConnected).flatMap((service) => {
    const keys = new Set(service.destinations.map(destinationKey));
    const there = present.get(virtualServiceKey(service))?.destinations ?? [];
    return there.filter((each) => keys.has(destinationKey(each)));
  });
  if (found.some(({ weight }) => weight > 0)) return undefined;
  return found.reduce((sum, { activeConnections }) => sum + activeConnections, 0);
}

/** For where nothing says whose a virtual service is. */
function placeText({ address, fwmark }: VirtualService): string {
  return fwmark > 0 ? `fwmark ${fwmark}` : address.text;
}

/** The services whose addresses and marks these are; the last word counts. */
function ownersOf(kernels: readonly DesiredKernel[]): ReadonlyMap<string, string> {
  const links = kernels.flatMap(({ interfaces }) => interfaces);
  return new Map(links.flatMap(({ service, addresses, fwmarks = [] }) => {
    const places = [...addresses.map(({ text }) => text), ...fwmarks.map(virtualServiceKey)];
    return places.map((place) => [place, service] as const);
  }));
}

/** The name of a phase for those who are told; `gone` once nothing of it is left. */
export function leavingName({ phase }: Leaving): PhaseName | "gone" {
  return phase.name === "down" ? "gone" : phase.name;
}
