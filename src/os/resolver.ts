/**
 * Host names by the runtime's own resolver: it reads /etc/hosts and /etc/resolv.conf itself and holds no thread while it
 * waits, as getaddrinfo(3) does, of which some tens would stop every file and every log line. It knows no nsswitch modules.
 */
import { type Address, parseAddress } from "../net/address.ts";

/** Satisfies the port `LookUp` of src/health. */
export async function lookUp(
  name: string,
  family: 4 | 6,
  signal: AbortSignal,
): Promise<readonly Address[]> {
  try {
    const texts = await Deno.resolveDns(name, family === 4 ? "A" : "AAAA", { signal });
    return texts.flatMap((text) => parseAddress(text) ?? []);
  } catch (error) {
    // No such name, or none of this family.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
