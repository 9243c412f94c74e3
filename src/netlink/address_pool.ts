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

/** An address, and those of other octets that have the same hash. */
interface Entry {
  readonly address: Address;
  readonly next: Entry | undefined;
}

/** Keeps what the last two reads had, and no more. */
export class AddressPool implements AddressSource {
  #last: ReadonlyMap<number, Entry> = new Map();
  #current = new Map<number, Entry>();

  /** A read begins: what only the one before the last had is forgotten. */
  beginRead(): void {
    this.#last = this.#current;
    this.#current = new Map();
  }

  address(view: DataView, at: number, family: 4 | 6): Address {
    const hash = hashOf(view, at, family);
    const now = this.#current.get(hash);
    const have = found(now, view, at, family);
    if (have !== undefined) return have;
    const address = found(this.#last.get(hash), view, at, family) ?? copied(view, at, family);
    this.#current.set(hash, { address, next: now });
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
  for (let offset = 4; offset < 16; offset += 4) hash = Math.imul(hash, 31) + view.getInt32(at + offset) | 0;
  return hash;
}

function found(first: Entry | undefined, view: DataView, at: number, family: 4 | 6): Address | undefined {
  for (let entry = first; entry !== undefined; entry = entry.next) {
    if (isAt(entry.address, view, at, family)) return entry.address;
  }
  return undefined;
}

function isAt(address: Address, view: DataView, at: number, wanted: 4 | 6): boolean {
  if (address.family !== wanted) return false;
  const octets = wanted === 4 ? 4 : 16;
  for (let index = 0; index < octets; index++) {
    if (address.octet(index) !== view.getUint8(at + index)) return false;
  }
  return true;
}
