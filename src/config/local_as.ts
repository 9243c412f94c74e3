/** The AS of this host, which need not be the same for everybody. */
import type { LocalBgp, PeerConfig } from "./config.ts";

/** Our AS, as this peer sees it. */
export function localAsOf({ as }: Pick<LocalBgp, "as">, { localAs }: Pick<PeerConfig, "localAs">): number {
  return localAs ?? as;
}
