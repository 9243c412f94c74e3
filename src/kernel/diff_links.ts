/**
 * Interfaces and addresses: what differs. Ours are dummy interfaces with our mark, and the addresses on them. An interface
 * without our mark that has a wanted name is adopted only where it is a dummy without alias and master that serves nobody
 * else: it carries nothing but our service addresses (so the reference program leaves its own), or nothing at all and is
 * down (so an older agent left one when it was killed before it marked it, and so the module makes `dummy0`). Any other
 * one, an empty one that is up too, is a conflict.
 */
import { hostBits } from "../net/address.ts";
import { IPV6_MIN_MTU } from "../netlink/constants.ts";
import type { Change } from "./change.ts";
import { carrying, keptMarks } from "./diff_marks.ts";
import {
  type ActualAddress,
  type ActualInterface,
  type DesiredInterface,
  interfaceMark,
  isOurs,
  wantsIpv6,
} from "./state.ts";
import type { Steps } from "./steps.ts";

/** A wanted interface's name is taken by an interface that is not ours. */
export interface Conflict {
  readonly interface: string;
  readonly service: string;
  /** What is in the way, and the cure. */
  readonly message: string;
}

/** What differs of interfaces and the addresses on them. */
export function diffInterfaces(
  desired: readonly DesiredInterface[],
  actual: readonly ActualInterface[],
): Steps & { readonly conflicts: readonly Conflict[] } {
  const links: Change[] = [];
  const addresses: Steps = { make: [], break: [] };
  const conflicts: Conflict[] = [];
  const present = new Map(actual.map((link) => [link.name, link]));
  for (const want of desired) {
    const have = present.get(want.name);
    const conflict = have && conflictOf(want, have);
    if (have === undefined) {
      const { name, service, fwmarks = [] } = want;
      const ipv6 = wantsIpv6(want);
      links.push({ type: "create-interface", name, service, ...carrying(fwmarks), ipv6 });
      for (const address of want.addresses) {
        addresses.make.push({ type: "add-address", interface: want.name, index: undefined, address });
      }
    } else if (conflict !== undefined) {
      conflicts.push(conflict);
    } else {
      const reason = repairReason(want, have);
      const { name, service } = want;
      if (reason !== undefined) {
        const marks = carrying(keptMarks(want, have));
        const ipv6 = wantsIpv6(want);
        links.push({ type: "set-interface", name, index: have.index, service, ...marks, ipv6, reason });
      }
      diffAddresses(want, have, addresses);
    }
  }
  const wanted = new Set(desired.map(({ name }) => name));
  const unwanted = actual.filter((have) => isOurs(have) && !wanted.has(have.name));
  const deletions = unwanted.map(({ name, index }): Change => ({ type: "delete-interface", name, index }));
  return {
    make: [...links, ...addresses.make],
    break: [...addresses.break, ...deletions],
    conflicts,
  };
}

function diffAddresses(want: DesiredInterface, have: ActualInterface, steps: Steps): void {
  const target = { interface: have.name, index: have.index };
  const wanted = new Map(want.addresses.map((address) => [address.text, address]));
  const right = new Map<string, ActualAddress>();
  // The kernel has an IPv6 address once on an interface, whatever its length: there the wrong one gives way.
  const inTheWay = new Map<string, ActualAddress>();
  const others: ActualAddress[] = [];
  for (const each of have.addresses) {
    const { family, text } = each.address;
    if (!wanted.has(text)) others.push(each);
    else if (isHost(each)) right.set(text, each);
    else if (family === 6) inTheWay.set(text, each);
    else others.push(each);
  }
  for (const address of wanted.values()) {
    const there = right.get(address.text);
    const wrong = inTheWay.get(address.text);
    if (there !== undefined) steps.make.push(...addressRepair(there, have));
    else if (wrong === undefined) steps.make.push({ type: "add-address", ...target, address });
    else steps.make.push(exchange(have, wrong, `it was ${placeText(wrong)}`));
  }
  for (const { address, prefixLength, peer } of others) {
    steps.break.push({ type: "delete-address", ...target, address, prefixLength, peer });
  }
}

/** What makes a host address that is there what it should be. */
function addressRepair(there: ActualAddress, link: ActualInterface): readonly Change[] {
  const { address, deprecated, nodad } = there;
  const target = { interface: link.name, index: link.index, address };
  const fixed = [
    there.hostScope ? [] : ["scope"],
    there.broadcast ? ["broadcast address"] : [],
    there.duplicateDetection === "failed" ? ["duplicate address detection failed"] : [],
  ].flat();
  if (fixed.length > 0) return [exchange(link, there, fixed.join(", "))];
  // It goes down for a moment when it is taken out of its master, and the kernel takes IPv6 addresses away with that.
  if (link.master !== undefined && address.family === 6) return [{ type: "add-address", ...target }];
  const settable = [deprecated ? [] : ["lifetimes"], nodad ? [] : ["duplicate address detection"]].flat();
  // An interface that is down or part of another has no routes here; the kernel makes them again when it is not.
  const isRouted = link.up && link.master === undefined && there.duplicateDetection === "over";
  return [
    ...settable.length === 0
      ? []
      : [{ type: "set-address", ...target, reason: settable.join(", ") } as const],
    ...there.localRoute || !isRouted ? [] : [{ type: "restore-route", ...target } as const],
  ];
}

function exchange({ name, index }: ActualInterface, old: ActualAddress, reason: string): Change {
  const { address, prefixLength, peer } = old;
  return {
    type: "exchange-address",
    interface: name,
    index,
    address,
    old: { address, prefixLength, peer },
    reason,
  };
}

function placeText({ address, prefixLength, peer }: ActualAddress): string {
  return `${address.text}${peer === undefined ? "" : ` peer ${peer.text}`}/${prefixLength}`;
}

function isHost({ address, prefixLength, peer }: ActualAddress): boolean {
  return prefixLength === hostBits(address) && peer === undefined;
}

function repairReason(want: DesiredInterface, have: ActualInterface): string | undefined {
  const mark = interfaceMark(want.service, keptMarks(want, have));
  const reasons = have.alias === undefined
    ? [`${isOurs(have) ? "finish" : "adopt"}: set alias ${mark}`]
    : have.alias === mark
    ? []
    : [`alias was ${have.alias}`];
  if (!have.up) reasons.push("was down");
  if (have.master !== undefined) reasons.push(`was in master ${have.master}`);
  if (!have.carrier && have.up) reasons.push("had no carrier");
  if (wantsIpv6(want)) {
    if (have.mtu < IPV6_MIN_MTU) reasons.push(`MTU was ${have.mtu}, too small for IPv6`);
    else if (!have.ipv6) reasons.push("IPv6 was off");
  }
  return reasons.length === 0 ? undefined : reasons.join(", ");
}

function conflictOf(want: DesiredInterface, have: ActualInterface): Conflict | undefined {
  if (isOurs(have) || isAdoptable(want, have)) return undefined;
  const { name, service } = want;
  const what = have.kind === undefined ? "a network device" : `a ${have.kind} interface`;
  const alias = have.alias === undefined ? "no alias" : `alias ${JSON.stringify(have.alias)}`;
  const takeOver = have.kind === "dummy"
    ? `, hand it over (ip link set dev ${name} alias ${interfaceMark(service)})`
    : "";
  return {
    interface: name,
    service,
    message: `interface ${name} of service ${service} exists and is not ours: it is ${what} with ${alias}. ` +
      `Delete it (ip link delete dev ${name})${takeOver}, or give the service another "interface"`,
  };
}

function isAdoptable(want: DesiredInterface, have: ActualInterface): boolean {
  if (have.kind !== "dummy" || have.alias !== undefined || have.master !== undefined) return false;
  if (have.addresses.length === 0) return !have.up;
  const wanted = new Set(want.addresses.map(({ text }) => text));
  return have.addresses.every(({ address }) => wanted.has(address.text));
}
