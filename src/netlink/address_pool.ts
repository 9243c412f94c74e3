/**
 * Addresses by their octets: one that was in this read or in the one before is not made again. A dump of ten thousand
 * destinations would otherwise write as many texts at every pass, and a comparison could not tell equals by identity.
 */
import { type Address, addressOf } from "../net/address.ts";

/** Where decoders get addresses from: the octets of one from `at` on, 4 or 16 of them. */
export interface AddressSource {
  address(view: DataView, at: number, family: 4 | 6): Address;
}

/** Makes every address anew. */
export const FRESH_ADDRESSES: AddressSource = { address: copied };

/** Keeps what the last two reads had, and no more. */
export class AddressPool implements AddressSource {
  #last: ReadonlyMap<number, readonly Address[]> = new Map();
  #current = new Map<number, readonly Address[]>();

  /** A read begins: what only the one before the last had is forgotten. */
  beginRead(): void {
    this.#last = this.#current;
    this.#current = new Map();
  }

  address(view: DataView, at: number, family: 4 | 6): Address {
    const hash = hashOf(view, at, family);
    const now = this.#current.get(hash);
    const have = now?.find((each) => isAt(each, view, at, family));
    if (have !== undefined) return have;
    const before = this.#last.get(hash)?.find((each) => isAt(each, view, at, family));
    const address = before ?? copied(view, at, family);
    this.#current.set(hash, now === undefined ? [address] : [...now, address]);
    return address;
  }
}

function copied(view: DataView, at: number, family: 4 | 6): Address {
  return addressOf(new Uint8Array(view.buffer, view.byteOffset + at, family === 4 ? 4 : 16));
}

function hashOf(view: DataView, at: number, family: 4 | 6): number {
  let hash = view.getInt32(at);
  if (family === 4) return hash;
  // Neighbours differ in their last octets: what is multiplied is what was before them.
  for (const offset of [4, 8, 12]) hash = Math.imul(hash, 31) + view.getInt32(at + offset) | 0;
  return hash;
}

function isAt(address: Address, view: DataView, at: number, family: 4 | 6): boolean {
  return address.family === family &&
    address.bytes.every((octet, index) => octet === view.getUint8(at + index));
}
