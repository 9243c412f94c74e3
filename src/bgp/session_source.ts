/** The source of connections to a peer: which are refused, and when one that was missing may be there. */
import type { PeerConfig } from "../config/config.ts";
import type { Address } from "../net/address.ts";
import { stateOf } from "../net/host_addresses.ts";
import { isServiceAddress, type OwnAddresses } from "./routes/next_hop.ts";

/** Of one peer. */
export class SessionSource {
  readonly #own: () => OwnAddresses;
  /** The last attempt to connect had no source that would do. */
  #isMissing = false;

  constructor(own: () => OwnAddresses) {
    this.#own = own;
  }

  /** Why the kernel's choice does not do: a source that every host of a service has brings answers to whichever of them routers choose. */
  refuse(address: Address, { name }: PeerConfig): string | undefined {
    this.#isMissing = isServiceAddress(address, this.#own());
    if (!this.#isMissing) return undefined;
    return `the kernel's choice of a source is the service address ${address.text}: ` +
      `no other address of this host leads to ${name} yet`;
  }

  /** An attempt has ended. */
  ended(peer: PeerConfig): void {
    if (this.#lacks(peer)) this.#isMissing = true;
  }

  /** A session has one. */
  found(): void {
    this.#isMissing = false;
  }

  /** This host's addresses are others: true, once, where one was missing that may be there now. */
  mayBeBack(peer: PeerConfig): boolean {
    if (!this.#isMissing || this.#lacks(peer)) return false;
    this.#isMissing = false;
    return true;
  }

  /** Does this host not have the source that is configured, or not yet? */
  #lacks({ localAddress, zone }: PeerConfig): boolean {
    const { addresses } = this.#own();
    return localAddress !== undefined && typeof addresses === "object" &&
      stateOf(addresses, localAddress, zone) !== "usable";
  }
}
