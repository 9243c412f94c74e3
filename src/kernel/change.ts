/** One change of the kernel's state, and its words for people. */
import { type Address, hostBits, withPort } from "../net/address.ts";
import type { PlacedAddress } from "../netlink/rtnetlink.ts";
import { destinationDifferences, type KnownDestination, serviceDifferences } from "./ipvs_fields.ts";
import {
  type ActualKernel,
  type Destination,
  isOurs,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceText,
} from "./state.ts";

/** A change; interfaces that exist are meant by index, so that a namesake is never hit. */
export type Change =
  /** A dummy interface with the mark of `service`, up; `ipv6`: with IPv6, whatever the host's default. */
  | {
    readonly type: "create-interface";
    readonly name: string;
    readonly service: string;
    /** Those of the mark, where there are any. */
    readonly fwmarks?: readonly VirtualServiceId[];
    readonly ipv6: boolean;
  }
  /** Marks it for `service`, sets it up, takes it out of its master; `ipv6` as above. */
  | {
    readonly type: "set-interface";
    readonly name: string;
    readonly index: number;
    readonly service: string;
    readonly fwmarks?: readonly VirtualServiceId[];
    readonly ipv6: boolean;
    readonly reason: string;
  }
  | { readonly type: "delete-interface"; readonly name: string; readonly index: number }
  /** Adds the host address. `index` is undefined on a new interface. */
  | {
    readonly type: "add-address";
    readonly interface: string;
    readonly index: number | undefined;
    readonly address: Address;
  }
  /** Sets what can be set of one that is there: lifetimes and flags. */
  | {
    readonly type: "set-address";
    readonly interface: string;
    readonly index: number;
    readonly address: Address;
    readonly reason: string;
  }
  /** Puts the host address in the place of `old`, the same one with what cannot be set; it is never away for long. */
  | {
    readonly type: "exchange-address";
    readonly interface: string;
    readonly index: number;
    readonly address: Address;
    readonly old: PlacedAddress;
    readonly reason: string;
  }
  /** Puts the route of an address that is there back into table `local`. */
  | {
    readonly type: "restore-route";
    readonly interface: string;
    readonly index: number;
    readonly address: Address;
  }
  | {
    readonly type: "delete-address";
    readonly interface: string;
    readonly index: number;
    readonly address: Address;
    readonly prefixLength: number;
    readonly peer: Address | undefined;
  }
  /** Without its destinations. `was` is what is there, where that is known. */
  | {
    readonly type: "create-service" | "set-service";
    readonly service: VirtualService;
    readonly was?: VirtualService;
  }
  /** With its destinations. */
  | { readonly type: "delete-service"; readonly service: VirtualServiceId }
  | {
    readonly type: "create-destination" | "set-destination" | "delete-destination";
    readonly service: VirtualServiceId;
    readonly destination: Destination;
    readonly was?: KnownDestination;
  };

/** What a change does, such as `add address 10.99.0.1/32 to web`. */
export function describeChange(change: Change): string {
  switch (change.type) {
    case "create-interface":
      return `create dummy interface ${change.name}`;
    case "set-interface":
      return `repair interface ${change.name} (${change.reason})`;
    case "delete-interface":
      return `delete interface ${change.name}`;
    case "add-address":
      return `add address ${hostText(change.address)} to ${change.interface}`;
    case "set-address":
    case "exchange-address":
      return `repair address ${hostText(change.address)} on ${change.interface} (${change.reason})`;
    case "restore-route":
      return `repair address ${hostText(change.address)} on ${change.interface} (local route)`;
    case "delete-address":
      return `delete address ${change.address.text}/${change.prefixLength} from ${change.interface}`;
    case "create-service":
      return `create virtual service ${virtualServiceText(change.service)} ${change.service.scheduler}`;
    case "set-service": {
      const { service, was } = change;
      const what = was === undefined ? ` ${service.scheduler}` : listed(serviceDifferences(service, was));
      return `repair virtual service ${virtualServiceText(service)}${what}`;
    }
    case "delete-service":
      return `delete virtual service ${virtualServiceText(change.service)}`;
    case "create-destination":
      return `add destination ${destinationText(change.destination)} to ${
        virtualServiceText(change.service)
      }`;
    case "set-destination": {
      const { service, destination, was } = change;
      const of = virtualServiceText(service);
      return was === undefined
        ? `set destination ${destinationText(destination)} of ${of}`
        : `set destination ${endpoint(destination)} of ${of}${
          listed(destinationDifferences(destination, was))
        }`;
    }
    case "delete-destination":
      return `delete destination ${endpoint(change.destination)} from ${virtualServiceText(change.service)}`;
    default:
      return change satisfies never;
  }
}

/** What of a kernel is ours, object by object, such as `interface web`. */
export function describeOurs({ interfaces, virtualServices }: ActualKernel): readonly string[] {
  return [
    ...interfaces.filter(isOurs).map(({ name }) => `interface ${name}`),
    ...virtualServices.map((service) => `virtual service ${virtualServiceText(service)}`),
  ];
}

function listed(differences: readonly string[]): string {
  return differences.length === 0 ? "" : ` (${differences.join("; ")})`;
}

function hostText(address: Address): string {
  return `${address.text}/${hostBits(address)}`;
}

function destinationText(destination: Destination): string {
  return `${endpoint(destination)} (${destination.forwarding}, weight ${destination.weight})`;
}

function endpoint({ address, port }: Destination): string {
  return withPort(address, port);
}
