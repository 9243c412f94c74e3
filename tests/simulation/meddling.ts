/** What somebody else does to the objects of the host: takes them away, or changes any one field of them. */
import { IP_VS_SVC_F } from "../../src/netlink/constants.ts";
import { isOurs, markedFwmarks, virtualServiceKey } from "../../src/kernel/state.ts";
import { address } from "../support/bgp.ts";
import type { FakeDestination, FakeService } from "../support/fake_host.ts";
import { ADDRESS_BY_HAND, type FakeAddress, type FakeInterface } from "../support/fake_links.ts";
import { PLAIN } from "../support/kernel_objects.ts";
import type { Dice } from "./dice.ts";
import { type HostKernel, isOfServices } from "./host_kernel.ts";

/** What somebody else does to objects of ours. */
export const MEDDLINGS = [
  "deletes an address",
  "sets a link down",
  "deletes a link",
  "takes a name",
  "changes an alias",
  "adds an address",
  "deletes a virtual service",
  "deletes a destination",
  "sets a weight to 0",
  "changes a scheduler",
  "adds a destination",
  "changes what is theirs",
] as const;

/** What somebody else does to single fields of them. */
export const FIELD_MEDDLINGS = [
  "deletes a local route",
  "enslaves an interface",
  "makes an MTU small",
  "switches IPv6 off",
  "takes a carrier away",
  "changes a scope",
  "prefers an address",
  "changes thresholds",
  "changes a tunnel",
  "changes persistence",
  "changes a persistence engine",
  "changes flags",
  "sets a foreign bit",
] as const;

/** One of them. */
export type Meddling = typeof MEDDLINGS[number] | typeof FIELD_MEDDLINGS[number];

/** Those of addresses and their routes: that is what the kernel tells of then. */
const OF_ADDRESSES: readonly Meddling[] = [
  "deletes an address",
  "deletes a local route",
  "changes a scope",
  "prefers an address",
];
/** The process of the hand. */
const PORT = 4243;

/** Somebody else does this to something of ours; says to what, or undefined where there is nothing. */
export function meddle(kernel: HostKernel, what: Meddling, dice: Dice): string | undefined {
  const links = kernel.interfaces.filter(isOurs);
  const services = kernel.services.filter(isOfServices);
  const link = links.length > 0 ? dice.pick(links) : undefined;
  const first = link?.addresses[0]?.address.text;
  const onLink = link && meddleWithLink(kernel, what, link, dice);
  const done = onLink ??
    (services.length > 0 ? meddleWithService(kernel, what, dice.pick(services), dice) : undefined);
  if (what === "changes what is theirs") changeTheirs(kernel, dice);
  kernel.rememberForeign();
  if (link !== undefined && onLink !== undefined) {
    const address = OF_ADDRESSES.includes(what) ? first : undefined;
    // Where more was told than is kept, nobody knows what of.
    kernel.notify(...dice.chance(0.5) ? [{ index: link.index, address, port: PORT }] : []);
  }
  return done;
}

function meddleWithLink(
  kernel: HostKernel,
  what: Meddling,
  link: FakeInterface,
  dice: Dice,
): string | undefined {
  const [first] = link.addresses;
  const changeFirst = (change: Partial<FakeAddress>) => {
    link.addresses = link.addresses.map((each) => each === first ? { ...each, ...change } : each);
    return first && `${first.address.text} of ${link.name}`;
  };
  switch (what) {
    case "deletes an address":
      kernel.orphan(link);
      if (first === undefined) return undefined;
      kernel.deleteAddress(link.index, first.address, first.prefixLength);
      return `${first.address.text} of ${link.name}`;
    case "sets a link down":
      kernel.orphan(link, 6);
      kernel.setLink(link.index, { up: false });
      return link.name;
    case "deletes a link":
      kernel.orphan(link);
      kernel.deleteLink(link.index);
      return link.name;
    case "takes a name":
      kernel.orphan(link);
      kernel.deleteLink(link.index);
      kernel.squat(link.name, dice.pick(["bridge", "dummy"]));
      return link.name;
    case "changes an alias":
      for (const mark of markedFwmarks(link)) kernel.orphaned.add(virtualServiceKey(mark));
      link.alias = "bgp-lb:other";
      return link.name;
    case "adds an address":
      kernel.replaceAddress(link.index, {
        address: address("10.99.250.1"),
        prefixLength: 24,
        ...ADDRESS_BY_HAND,
      });
      return link.name;
    case "deletes a local route":
      if (first !== undefined) kernel.setLocalRoute(link.index, first.address, false);
      return first && `${first.address.text} of ${link.name}`;
    case "enslaves an interface":
      link.master = dice.pick(["vrf9", "bridge9"]);
      // It goes down and up on the way into a VRF.
      if (link.master !== "vrf9") return link.name;
      kernel.orphan(link, 6);
      kernel.loseIpv6(link);
      return link.name;
    case "makes an MTU small":
      kernel.orphan(link, 6);
      kernel.setLink(link.index, { mtu: 1000 });
      return link.name;
    case "switches IPv6 off":
      kernel.orphan(link, 6);
      kernel.setIpv6(link, false);
      return link.name;
    case "takes a carrier away":
      link.carrier = false;
      return link.name;
    case "changes a scope":
      return changeFirst(first?.address.family === 6 ? { nodad: false } : { hostScope: false });
    case "prefers an address":
      return changeFirst({ deprecated: false });
    default:
      return undefined;
  }
}

function meddleWithService(
  kernel: HostKernel,
  what: Meddling,
  service: FakeService,
  dice: Dice,
): string | undefined {
  const key = virtualServiceKey(service);
  const [first] = service.destinations;
  const changeFirst = (change: Partial<FakeDestination>) => {
    if (first !== undefined) kernel.setDest(service, { ...first, ...change });
    return key;
  };
  switch (what) {
    case "deletes a virtual service":
      kernel.delService(service);
      return key;
    case "deletes a destination":
      if (first !== undefined) kernel.delDest(service, first);
      return key;
    case "sets a weight to 0":
      for (const each of service.destinations) kernel.setDest(service, { ...each, weight: 0 });
      return key;
    case "changes a scheduler":
      kernel.setService({ ...service, scheduler: dice.pick(["lc", "sh"]) });
      return key;
    case "adds a destination": {
      const server = address(service.address.family === 6 ? "2001:db8:66::1" : "10.66.0.1");
      kernel.newDest(service, { address: server, port: 1, weight: 1, forwarding: "masq", ...PLAIN });
      return key;
    }
    case "changes thresholds":
      return changeFirst({
        upperThreshold: dice.between(105, 109),
        ...dice.chance(0.5) ? { lowerThreshold: dice.between(1, 4) } : {},
      });
    case "changes a tunnel":
      return changeFirst({
        forwarding: "tunnel",
        tunnel: { type: "gue", port: dice.between(1, 3), checksum: dice.chance(0.5) },
      });
    case "changes persistence":
      kernel.setService({
        ...service,
        flags: service.flags ^ IP_VS_SVC_F.PERSISTENT,
        timeoutSeconds: dice.between(1, 9),
      });
      return key;
    case "changes a persistence engine":
      kernel.setService({
        ...service,
        flags: service.flags | IP_VS_SVC_F.PERSISTENT,
        persistenceEngine: "sip",
      });
      return key;
    case "changes flags":
      kernel.setService({
        ...service,
        flags: service.flags ^ dice.pick([IP_VS_SVC_F.SCHED1, IP_VS_SVC_F.SCHED3]),
      });
      return key;
    case "sets a foreign bit":
      return changeFirst({ foreign: "remote checksum" });
    default:
      return undefined;
  }
}

function changeTheirs(kernel: HostKernel, dice: Dice): void {
  kernel.link("others").up = dice.chance(0.5);
  const theirs = kernel.services.find((each) => !isOfServices(each));
  if (theirs !== undefined) kernel.setService({ ...theirs, scheduler: dice.pick(["rr", "lc"]) });
}
