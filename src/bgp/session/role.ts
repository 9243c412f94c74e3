/**
 * BGP roles (RFC 9234): what two neighbours are to each other, said in OPEN, so that a wrong pair has no session, and which
 * of our routes have ONLY_TO_CUSTOMER. Pure.
 */
import type { BgpRole } from "../../config/config.ts";
import type { Capability } from "../wire/capability.ts";
import { ErrorCode, OpenSubcode } from "../wire/constants.ts";
import { NotificationError } from "../wire/notification.ts";

/** The roles of both sides. */
export interface NegotiatedRole {
  /** Ours. */
  readonly local: BgpRole;
  /** Undefined: the peer said none, and none is asked for. */
  readonly peer: BgpRole | undefined;
}

/** The roles by their values on the wire, and what the other side of each must be (RFC 9234 section 4). */
const ROLES: readonly { readonly role: BgpRole; readonly counterpart: BgpRole }[] = [
  { role: "provider", counterpart: "customer" },
  { role: "rs", counterpart: "rs-client" },
  { role: "rs-client", counterpart: "rs" },
  { role: "customer", counterpart: "provider" },
  { role: "peer", counterpart: "peer" },
];

/** The value of a role in OPEN. */
export function roleValue(role: BgpRole): number {
  return ROLES.findIndex((row) => row.role === role);
}

/** What the other side of `role` must be. */
export function counterpartOf(role: BgpRole): BgpRole {
  return ROLES.find((row) => row.role === role)?.counterpart ?? "peer";
}

/** The roles of both sides, or 2/11 where they do not fit; undefined where we have none, and the peer's says nothing. */
export function negotiateRole(
  local: BgpRole | undefined,
  strict: boolean,
  theirs: readonly Capability[],
): NegotiatedRole | NotificationError | undefined {
  if (local === undefined) return undefined;
  const values = new Set(theirs.flatMap((capability) => capability.type === "role" ? [capability.role] : []));
  const wanted = counterpartOf(local);
  const [value] = values;
  if (value === undefined) {
    return strict
      ? mismatch(local, `the peer says no role, it must be ${wanted}`)
      : { local, peer: undefined };
  }
  const names = [...values].map(roleName);
  if (values.size > 1) return mismatch(local, `the peer says ${names.join(" and ")} at once`);
  const peer = ROLES[value]?.role;
  if (peer === wanted) return { local, peer };
  return mismatch(local, `the peer says it is ${names[0]}, it must be ${wanted}`);
}

/**
 * Do routes of our own to a peer have ONLY_TO_CUSTOMER? Those to a customer, a peer and a client of a route server
 * do, those to a provider and a route server do not (RFC 9234 section 5, egress).
 */
export function marksOnlyToCustomer(local: BgpRole | undefined): boolean {
  return local === "provider" || local === "rs" || local === "peer";
}

function mismatch(local: BgpRole, text: string): NotificationError {
  return new NotificationError(
    ErrorCode.OPEN_MESSAGE,
    OpenSubcode.ROLE_MISMATCH,
    `role mismatch: this host is ${local}, ${text} (RFC 9234)`,
  );
}

function roleName(value: number): string {
  return ROLES[value]?.role ?? `role ${value}`;
}
