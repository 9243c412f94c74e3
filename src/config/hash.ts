/** What tells configurations apart at a glance, on one host and between hosts. */
import { fingerprint } from "../bytes/fingerprint.ts";
import { canonical } from "./canonical.ts";
import type { Config } from "./config.ts";
import { renderConfig } from "./render.ts";

/**
 * 16 hexadecimal digits of what the configuration means: neither the order of lists nor the spelling of the file counts. Of
 * a password only that there is one does: whoever may read the hash could guess a short password by it.
 */
export function configHash(config: Config): string {
  return fingerprint(new TextEncoder().encode(canonical(renderConfig(config))));
}
