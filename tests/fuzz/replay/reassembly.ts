/**
 * One direction of a TCP connection, put together from its segments: those that come again, overlap or come late are
 * sorted out; what never comes is a gap, behind which the next BGP message is looked for by its marker.
 */

/** What waits for a segment that is missing. */
const MAX_PENDING_SEGMENTS = 256;
const HEADER = 19;
const MAX_MESSAGE = 65_535;

/** The octets of one direction. */
export class Reassembly {
  /** The number of the next octet; undefined before the first segment. */
  #next: number | undefined;
  #pending = new Map<number, Uint8Array>();
  #octets: Uint8Array = new Uint8Array();
  /** Pieces of the stream that the capture does not have. */
  gaps = 0;
  /** Octets in which no message begins. */
  skipped = 0;

  /** The messages that are whole with this segment. */
  add(sequence: number, syn: boolean, payload: Uint8Array): Uint8Array[] {
    if (syn) {
      this.#next = (sequence + 1) >>> 0;
      this.#pending.clear();
      this.#octets = new Uint8Array();
      return [];
    }
    this.#next ??= sequence;
    if (payload.byteLength === 0) return [];
    this.#note(sequence, payload);
    const messages = this.#advance();
    return this.#pending.size > MAX_PENDING_SEGMENTS ? [...messages, ...this.#jump()] : messages;
  }

  /** What is left where the capture ends. */
  end(): Uint8Array[] {
    const messages: Uint8Array[] = [];
    while (this.#pending.size > 0) messages.push(...this.#jump());
    return messages;
  }

  /** Of two segments with the same number the longer one counts. */
  #note(sequence: number, payload: Uint8Array): void {
    const known = this.#pending.get(sequence);
    if (known === undefined || known.byteLength < payload.byteLength) {
      this.#pending.set(sequence, payload.slice());
    }
  }

  /** Takes the segments that continue the stream. */
  #advance(): Uint8Array[] {
    for (let moved = true; moved;) {
      moved = false;
      for (const [sequence, payload] of this.#pending) {
        const behind = this.#distance(sequence);
        if (behind > 0) continue;
        this.#pending.delete(sequence);
        const fresh = payload.subarray(Math.min(-behind, payload.byteLength));
        if (fresh.byteLength === 0) continue;
        this.#append(fresh);
        this.#next = ((this.#next ?? 0) + fresh.byteLength) >>> 0;
        moved = true;
      }
    }
    return this.#messages();
  }

  /** Gives up what is missing. */
  #jump(): Uint8Array[] {
    const nearest = [...this.#pending.keys()].sort((a, b) => this.#distance(a) - this.#distance(b))[0];
    if (nearest === undefined) return [];
    this.gaps++;
    this.skipped += this.#octets.byteLength;
    this.#octets = new Uint8Array();
    this.#next = nearest;
    return this.#advance();
  }

  /** How far a number is beyond the next octet; negative: before it (numbers go round). */
  #distance(sequence: number): number {
    return (sequence - (this.#next ?? 0)) | 0;
  }

  #append(octets: Uint8Array): void {
    const joined = new Uint8Array(this.#octets.byteLength + octets.byteLength);
    joined.set(this.#octets);
    joined.set(octets, this.#octets.byteLength);
    this.#octets = joined;
  }

  #messages(): Uint8Array[] {
    const messages: Uint8Array[] = [];
    const bytes = this.#octets;
    let at = 0;
    for (;;) {
      const start = markerFrom(bytes, at);
      this.skipped += start - at;
      at = start;
      const length = ((bytes[at + 16] ?? 0) << 8) | (bytes[at + 17] ?? 0);
      if (bytes.byteLength - at < HEADER || bytes.byteLength - at < length) break;
      messages.push(bytes.slice(at, at + Math.max(length, HEADER)));
      at += Math.max(length, HEADER);
    }
    this.#octets = bytes.slice(at);
    // Of what is no BGP at all nothing is kept for long.
    if (this.#octets.byteLength > MAX_MESSAGE) this.#octets = new Uint8Array();
    return messages;
  }
}

/** Where the next marker begins, or what may be the beginning of one; the end where there is none. */
function markerFrom(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.byteLength; at++) {
    let length = 0;
    while (length < 16 && at + length < bytes.byteLength && bytes[at + length] === 0xff) length++;
    if (length === 16 || at + length === bytes.byteLength) return at;
    at += length;
  }
  return bytes.byteLength;
}
