/** Text in a file that must be whole: before it how long it is and a sum of it, so that a torn one is seen. Pure. */
import { fingerprint } from "./fingerprint.ts";

/** More than anything of ours. */
const MAX_FILE_OCTETS = 1024 * 1024;

/** The file of `body`; `what` says in a word what is in it. */
export function seal(what: string, body: string): Uint8Array {
  const octets = new TextEncoder().encode(body);
  return new TextEncoder().encode(`bgp-lb ${what} ${octets.length} ${fingerprint(octets)}\n${body}\n`);
}

/** What `seal` made a file of. @throws {Error} what is wrong with the file */
export function unseal(what: string, file: Uint8Array): string {
  if (file.length > MAX_FILE_OCTETS) throw new Error("it is too large");
  const end = file.indexOf(0x0a);
  const head = /^bgp-lb (\w+) (\d+) ([0-9a-f]{16})$/.exec(new TextDecoder().decode(file.subarray(0, end)));
  if (end < 0 || head === null || head[1] !== what) throw new Error(`it is no file of ${what}`);
  const body = file.subarray(end + 1, end + 1 + Number(head[2]));
  if (body.length !== Number(head[2]) || fingerprint(body) !== head[3]) {
    throw new Error("it is torn: its end is missing, or was changed");
  }
  return new TextDecoder().decode(body);
}
