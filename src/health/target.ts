/** What a check is of: a service as a whole, or one real server of one of its ports. */
import type { Address } from "../net/address.ts";

/** A service. */
export interface ServiceTarget {
  readonly type: "service";
  readonly service: string;
}

/** A destination of a service's port: address and port of the check are its own where the check has none. */
export interface DestinationTarget {
  readonly type: "destination";
  readonly service: string;
  readonly address: Address;
  readonly port: number;
}

/** What a check's verdict is about. */
export type CheckTarget = ServiceTarget | DestinationTarget;
