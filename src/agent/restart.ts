/**
 * What our OPENs may say of a restart (RFC 4724 section 4.1), from what is known of it and nothing else: the R bit to a peer
 * that may still keep the routes of a session with the run before this one, the F bit for families that have been forwarded
 * all the time. Pure.
 */
import type { Restart } from "../bgp/session/session_state.ts";
import type { Config, FamilyName, PeerConfig } from "../config/config.ts";
import { familyOf } from "../bgp/session/family.ts";
import type { Managed } from "../kernel/kernel.ts";
import { type ActualKernel, isOurs } from "../kernel/state.ts";
import type { KeptSession } from "./session_record.ts";

/** What became of what forwards a family's packets, since the run before this one; untouched: it is not ours to program. */
export type Forwarding = "kept" | "gone" | "untouched";

/** What is known of the run before this one, with one peer. */
export interface RunBefore {
  /** The session that it had; undefined: none is known. */
  readonly session: KeptSession | undefined;
  /** Why none is known, for people. */
  readonly because: string;
  /** Now, on the scale of `session.untilMs`. */
  readonly bootMs: number;
  /** Now, on the clock. */
  readonly nowMs: number;
}

/** What OPENs to `peer` may say. */
export function restartOf(
  { families }: Pick<PeerConfig, "families">,
  { session, because, bootMs, nowMs }: RunBefore,
  forwardingOf: (family: FamilyName) => Forwarding,
): Restart {
  const leftMs = session === undefined ? 0 : session.untilMs - bootMs;
  const kept = leftMs > 0 ? session?.families ?? [] : [];
  const forwarding = families.filter((family) => {
    const state = forwardingOf(family);
    return state === "kept" || (state === "untouched" && kept.includes(family));
  });
  return {
    restartingUntilMs: leftMs > 0 ? nowMs + leftMs : -Infinity,
    forwarding: forwarding.map(familyOf),
    because: leftMs > 0
      ? "the run before this one had a session with it"
      : session === undefined
      ? because
      : "the restart time after the run before this one is over",
  };
}

/** What became of what forwards `family`, as `actual` was before anything was changed; undefined: it could not be read. */
export function forwardingOf(
  family: FamilyName,
  services: Config["services"],
  managed: Managed,
  actual: ActualKernel | undefined,
): Forwarding {
  const version = family === "ipv4-unicast" ? 4 : 6;
  const isOf = ({ family }: { readonly family: 4 | 6 }) => family === version;
  const ofFamily = services.filter(({ addresses }) => addresses.some(isOf));
  const balances = managed.ipvs && ofFamily.some(({ ports }) => ports.length > 0);
  if (!managed.interfaces && !balances) return ofFamily.length > 0 ? "untouched" : "gone";
  if (actual === undefined) return "gone";
  const isThere = !managed.interfaces ||
    actual.interfaces.some((link) => isOurs(link) && link.addresses.some(({ address }) => isOf(address)));
  const isBalanced = !balances || actual.virtualServices.some(({ address }) => isOf(address));
  return isThere && isBalanced ? "kept" : "gone";
}
