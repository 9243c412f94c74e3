/** One change of the kernel's state, and its words for people. */
import { type Address, withPort } from "../net/address.ts";
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
  /** A dummy interface with the mark of `service`, up. */
  | {
    readonly type: "create-interface";
    readonly name: string;
    readonly service: string;
    /** Those of the mark, where there are any. */
    readonly fwmarks?: readonly VirtualServiceId[];
  }
  /** Marks it for `service` and sets it up. */
  | {
    readonly type: "set-interface";
    readonly name: string;
    readonly index: number;
    readonly service: string;
    readonly fwmarks?: readonly VirtualServiceId[];
    readonly reason: string;
  }
  | { readonly type: "delete-interface"; readonly name: string; readonly index: number }
  /** Adds the host address, or gives the one that is there its lifetimes. `index` is undefined on a new interface. */
  | {
    readonly type: "add-address" | "set-address";
    readonly interface: string;
    readonly index: number | undefined;
    readonly address: Address;
  }
  | {
    readonly type: "delete-address";
    readonly interface: string;
    readonly index: number;
    readonly address: Address;
    readonly prefixLength: number;
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
      return `repair address ${hostText(change.address)} on ${change.interface} (lifetimes)`;
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
  return `${address.text}/${address.bytes.byteLength * 8}`;
}

function destinationText(destination: Destination): string {
  return `${endpoint(destination)} (${destination.forwarding}, weight ${destination.weight})`;
}

function endpoint({ address, port }: Destination): string {
  return withPort(address, port);
}
