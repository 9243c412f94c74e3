/** Keys of sessions: given in the file, or by the path of a file that holds one. */
import { parsePrintable } from "../values/name.ts";
import type { Parsed } from "../../text/parsed.ts";

/** The longest key of TCP-MD5 and of TCP-AO (TCP_MD5SIG_MAXKEYLEN and TCP_AO_MAXKEYLEN of <linux/tcp.h>). */
export const MAX_PASSWORD_OCTETS = 80;

/** A key as it stands. */
export function parsePassword(input: string): Parsed<string> {
  const octets = new TextEncoder().encode(input).byteLength;
  if (octets === 0) return { problem: "must not be empty" };
  return octets > MAX_PASSWORD_OCTETS
    ? { problem: `is ${octets} bytes long, a key has at most ${MAX_PASSWORD_OCTETS}` }
    : { value: input };
}

/** A relative path is relative to the folder that the agent was started in. */
export function parsePasswordFile(input: string): Parsed<string> {
  return input === "" ? { problem: "must be the path of a file" } : parsePrintable(input);
}
