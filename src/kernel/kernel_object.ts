/** What a change is about: an object of the kernel by its kind and name, and what it rests on. Pure. */
import { type Address, withPort } from "../net/address.ts";
import type { Change } from "./change.ts";
import { type VirtualServiceId, virtualServiceText } from "./state.ts";

/** The kinds of objects. */
export const OBJECT_KINDS = [
  "interface",
  "address",
  "local route",
  "virtual service",
  "destination",
] as const;

/** A kind of object. */
export type ObjectKind = (typeof OBJECT_KINDS)[number];

/** An object; kind and name together are its identity. */
export interface KernelObject {
  readonly kind: ObjectKind;
  /** Such as `web`, `10.99.0.1 on web`, `tcp 10.99.0.1:80` or `10.0.0.1:8080 of tcp 10.99.0.1:80`. */
  readonly name: string;
  /** The interface that it is, or is on; undefined for IPVS. */
  readonly interface: string | undefined;
  /** The address that it is, or whose route; undefined for others. */
  readonly address: Address | undefined;
  /** The virtual service that it is, or is in; undefined for others. */
  readonly virtualService: VirtualServiceId | undefined;
}

/** The object that a change makes, repairs or removes. */
export function objectOf(change: Change): KernelObject {
  if ("destination" in change) {
    const { service, destination: { address, port } } = change;
    const name = `${withPort(address, port)} of ${virtualServiceText(service)}`;
    return { ...OF_IPVS, kind: "destination", name, virtualService: service };
  }
  if ("address" in change) {
    const kind = change.type.endsWith("-route") ? "local route" : "address";
    return addressObject(kind, change.interface, change.address);
  }
  if ("name" in change) return interfaceObject(change.name);
  return {
    ...OF_IPVS,
    kind: "virtual service",
    name: virtualServiceText(change.service),
    virtualService: change.service,
  };
}

/** An interface as an object. */
export function interfaceObject(name: string): KernelObject {
  return { kind: "interface", name, interface: name, address: undefined, virtualService: undefined };
}

/** An address on an interface, or its route, as an object. */
export function addressObject(
  kind: "address" | "local route",
  link: string,
  address: Address,
): KernelObject {
  return { kind, name: `${address.text} on ${link}`, interface: link, address, virtualService: undefined };
}

/** The identity of an object, in words, such as `address 10.99.0.1 on web`. */
export function objectText({ kind, name }: Pick<KernelObject, "kind" | "name">): string {
  return `${kind} ${name}`;
}

/** What a change rests on: the name of its address's interface, or its destination's virtual service. */
export function foundationOf(change: Change): VirtualServiceId | string | undefined {
  if (change.type === "create-destination") return change.service;
  return "address" in change && change.type !== "delete-address" ? change.interface : undefined;
}

/** What other changes may rest on once this one is made, by `foundationOf`. */
export function carriedBy(change: Change): VirtualServiceId | string | undefined {
  if (change.type === "create-interface" || change.type === "set-interface") return change.name;
  return change.type === "create-service" ? change.service : undefined;
}

const OF_IPVS = { interface: undefined, address: undefined } as const;
