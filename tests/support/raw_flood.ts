/** A full table as bare octets: UPDATEs of four prefixes each, every one with an AS_PATH of its own. */
import { attribute, u32, update } from "./raw_peer.ts";

const PREFIXES_PER_UPDATE = 4;
/** 16.0.0.0/24, as lower ones are no host's. */
const FIRST = 16 << 16;

/** UPDATEs that announce `prefixes` different prefixes of 24 bits, about 18 octets for each. */
export function flood(prefixes: number): Uint8Array {
  const one = template(0);
  const count = Math.ceil(prefixes / PREFIXES_PER_UPDATE);
  const octets = new Uint8Array(count * one.length);
  const template0 = Uint8Array.from(one);
  const pathAt = one.length - 4 * PREFIXES_PER_UPDATE - 7 - 4;
  for (let i = 0; i < count; i++) {
    const at = i * one.length;
    octets.set(template0, at);
    const view = new DataView(octets.buffer, at, one.length);
    view.setUint32(pathAt, 1_000_000 + i);
    for (let j = 0; j < PREFIXES_PER_UPDATE; j++) {
      const prefix = FIRST + i * PREFIXES_PER_UPDATE + j;
      view.setUint32(one.length - 4 * (PREFIXES_PER_UPDATE - j), ((24 << 24) | prefix) >>> 0);
    }
  }
  return octets;
}

/** One UPDATE; the last AS of its path and its prefixes are put in by `flood`. */
function template(as: number): number[] {
  const attributes = [
    ...attribute(0x40, 1, [0]),
    ...attribute(0x40, 2, [2, 3, ...u32(65_002), ...u32(65_100), ...u32(as)]),
    ...attribute(0x40, 3, [10, 0, 0, 2]),
  ];
  return [...update({ attributes, nlri: new Array(PREFIXES_PER_UPDATE).fill([24, 0, 0, 0]).flat() })];
}
