/** Where the configuration is looked for when none is named. */
import type { ReadFile } from "../config/load.ts";

const DEFAULT_FILES = ["/etc/bgp-lb/config.yaml", "/etc/bgp-lb/config.json"] as const;

/** The default configuration file: the first that can be read, else the usual name. */
export function defaultFile(readFile: ReadFile): string {
  const [first, second] = DEFAULT_FILES;
  return isThere(second, readFile) && !isThere(first, readFile) ? second : first;
}

/** Whether a file can be read. */
export function isThere(path: string, readFile: ReadFile): boolean {
  try {
    readFile(path);
    return true;
  } catch {
    return false;
  }
}
