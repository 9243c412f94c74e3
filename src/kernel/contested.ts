/** An object that somebody else changes again and again. */
import type { VirtualServiceId } from "./state.ts";

/** One of them, from the repair that was too many on until it was let alone for long enough. */
export interface Contested {
  /** In words, such as `address 10.99.0.1/32 on web`. */
  readonly object: string;
  /** The interface that it is, or is on; undefined for IPVS. */
  readonly interface: string | undefined;
  /** The virtual service that it is, or is in; undefined for interfaces, addresses and routes. */
  readonly virtualService: VirtualServiceId | undefined;
  /** Times of repair within the window, the newest last, on the clock's scale. */
  readonly repairs: number;
  /** Who it may be, in words, as far as that can be known. */
  readonly suspect: string | undefined;
}
