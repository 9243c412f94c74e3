/** The folder of what must outlive a process. */
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
