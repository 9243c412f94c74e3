/** What a download of the lab consists of: octets of which each is known by its place. */

/** Where the application gives it: this, and how many octets are wanted. */
export const DOWNLOAD_PATH = "/download/";
/** Octets of a beat, and the time between two. */
export const BEAT_OCTETS = 1_024;
/** See {@link BEAT_OCTETS}. */
export const BEAT_MS = 50;

/** A prime, so that no lost or doubled segment of a network's size goes unseen. */
const PERIOD = 251;

/** The octets of the pattern from `offset` on. */
export function pattern(offset: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (offset + index) % PERIOD);
}

/** Where `bytes`, found at `offset`, are not the pattern; undefined where they are. */
export function mismatch(bytes: Uint8Array, offset: number): number | undefined {
  const index = bytes.findIndex((octet, at) => octet !== (offset + at) % PERIOD);
  return index < 0 ? undefined : offset + index;
}
