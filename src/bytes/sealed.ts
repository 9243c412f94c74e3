/**
 * A state file: an object as JSON, of a version, with how long it is and a sum of it before it, so that a torn one is seen.
 * Pure.
 */
import { isRecord } from "./json.ts";
import { fingerprint } from "./fingerprint.ts";

/** More than anything of ours. */
const MAX_FILE_OCTETS = 1024 * 1024;

/** What is in a file, in a word, and the version of its form. */
export interface SealedForm {
  readonly what: string;
  readonly version: number;
}

/** The file of `content`. */
export function seal(
  { what, version }: SealedForm,
  content: Readonly<Record<string, unknown>>,
): Uint8Array {
  const body = JSON.stringify({ version, ...content });
  const octets = new TextEncoder().encode(body);
  return new TextEncoder().encode(`bgp-lb ${what} ${octets.length} ${fingerprint(octets)}\n${body}\n`);
}

/** What `seal` made a file of. @throws {Error} what is wrong with the file */
export function unseal({ what, version }: SealedForm, file: Uint8Array): Readonly<Record<string, unknown>> {
  if (file.length > MAX_FILE_OCTETS) throw new Error("it is too large");
  const end = file.indexOf(0x0a);
  const head = /^bgp-lb (\w+) (\d+) ([0-9a-f]{16})$/.exec(new TextDecoder().decode(file.subarray(0, end)));
  if (end < 0 || head === null || head[1] !== what) throw new Error(`it is no file of ${what}`);
  const body = file.subarray(end + 1, end + 1 + Number(head[2]));
  if (body.length !== Number(head[2]) || fingerprint(body) !== head[3]) {
    throw new Error("it is torn: its end is missing, or was changed");
  }
  const content: unknown = JSON.parse(new TextDecoder().decode(body));
  if (!isRecord(content) || content["version"] !== version) throw new Error("it is of another version");
  return content;
}
