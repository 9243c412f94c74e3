/** Looks for some octets in what comes piece by piece, wherever the pieces are cut; each octet is gone through once. Pure. */
import { OctetQueue } from "../../bytes/octet_queue.ts";
import { latin1Text } from "../../net/latin1.ts";

/** The search for `wanted` in one stream of octets. */
export class OctetSearch {
  readonly #wanted: string;
  readonly #queue = new OctetQueue();
  #isFound = false;

  constructor(wanted: Uint8Array) {
    this.#wanted = latin1Text(wanted);
  }

  /** All that came. */
  get seen(): Uint8Array {
    return this.#queue.view;
  }

  /** True once what is looked for has come. */
  add(piece: Uint8Array): boolean {
    const from = Math.max(0, this.#queue.length - this.#wanted.length + 1);
    this.#queue.append(piece);
    this.#isFound ||= latin1Text(this.#queue.view.subarray(from)).includes(this.#wanted);
    return this.#isFound;
  }
}
