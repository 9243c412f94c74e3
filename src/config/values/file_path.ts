/** Absolute paths of files and folders, and the names of groups. */
import { printableProblem } from "../../text/characters.ts";
import type { Parsed } from "../../text/parsed.ts";

/** Where what must outlive a process is kept by default. */
export const DEFAULT_STATE_DIRECTORY = "/var/lib/bgp-lb";

/** PATH_MAX of <linux/limits.h> without the 0 at its end. */
const MAX_PATH_OCTETS = 4095;

/** The absolute path of a folder, without slashes at its end; "" is none, and undefined. */
export function parseDirectory(text: string): Parsed<string | undefined> {
  if (text === "") return { value: undefined };
  if (!text.startsWith("/")) return { problem: "must be an absolute path" };
  const problem = printableProblem(text);
  if (problem !== undefined) return { problem };
  return new TextEncoder().encode(text).byteLength > MAX_PATH_OCTETS
    ? { problem: `is longer than ${MAX_PATH_OCTETS} bytes` }
    : { value: text.replace(/\/+$/, "") || "/" };
}

/** The program that a command begins with: an absolute path, as no shell and no PATH looks for it. */
export function parseProgram(text: string): Parsed<string> {
  if (!text.startsWith("/") || text.endsWith("/")) {
    return { problem: "must begin with the absolute path of a program; no shell and no PATH looks for it" };
  }
  return { value: text };
}

/** A group as groups are named, or its number. */
export function parseGroup(text: string): Parsed<string> {
  return /^([a-z_][a-z0-9_-]{0,30}\$?|[0-9]{1,10})$/.test(text)
    ? { value: text }
    : { problem: "must be the name of a group, such as adm, or its number" };
}
