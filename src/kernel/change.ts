/** One change of the kernel's state, and its words for people. */
import { type Address, withPort } from "../net/address.ts";
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
  /** Without its destinations. */
  | { readonly type: "create-service" | "set-service"; readonly service: VirtualService }
  /** With its destinations. */
  | { readonly type: "delete-service"; readonly service: VirtualServiceId }
  | {
    readonly type: "create-destination" | "set-destination" | "delete-destination";
    readonly service: VirtualServiceId;
    readonly destination: Destination;
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
    case "set-service":
      return `repair virtual service ${virtualServiceText(change.service)} ${change.service.scheduler}`;
    case "delete-service":
      return `delete virtual service ${virtualServiceText(change.service)}`;
    case "create-destination":
      return `add destination ${destinationText(change.destination)} to ${
        virtualServiceText(change.service)
      }`;
    case "set-destination":
      return `set destination ${destinationText(change.destination)} of ${
        virtualServiceText(change.service)
      }`;
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

function hostText(address: Address): string {
  return `${address.text}/${address.bytes.byteLength * 8}`;
}

function destinationText(destination: Destination): string {
  return `${endpoint(destination)} (${destination.forwarding}, weight ${destination.weight})`;
}

function endpoint({ address, port }: Destination): string {
  return withPort(address, port);
}
