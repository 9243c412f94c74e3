/** What tells configurations apart at a glance, on one host and between hosts. */
import { canonical } from "./canonical.ts";
import type { Config } from "./config.ts";
import { renderConfig } from "./render.ts";

/**
 * SHA-256, in hexadecimal digits, of what the configuration means: neither the order of lists nor the spelling of the file
 * counts. Of a password only that there is one does: whoever may read the hash could guess a short password by it.
 */
export async function configHash(config: Config): Promise<string> {
  const text = new TextEncoder().encode(canonical(renderConfig(config)));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex();
}
