/** UPDATE (RFC 4271 sections 4.3 and 6.3, RFC 4760, RFC 7606, RFC 8950). */
import type { Address } from "../../net/address.ts";
import type { Prefix } from "../../net/prefix.ts";
import type { PathAttributes } from "./attributes.ts";
import type { AfiSafi } from "./capability.ts";

/** Prefixes that stand encoded: counted and checked, made into values only where somebody asks. */
export interface Nlri {
  readonly count: number;
  prefixes(): Iterable<Prefix>;
}

/** Routes of one family that an UPDATE announces. */
export interface Reach {
  readonly family: AfiSafi;
  /** Global next hop, then the link-local one where there are two (RFC 2545). */
  readonly nextHops: readonly Address[];
  readonly nlri: Nlri;
}

/** Routes of one family that an UPDATE withdraws. */
export interface Unreach {
  readonly family: AfiSafi;
  readonly nlri: Nlri;
}

/** What RFC 7606 says to do about a malformed attribute that does not end the session. */
export interface AttributeFault {
  readonly attribute: number;
  readonly action: "treat-as-withdraw" | "attribute-discard";
  readonly message: string;
}

/** A decoded UPDATE. With both lists empty and no attributes, or one empty Unreach, it is End-of-RIB (RFC 4724). */
export interface UpdateMessage {
  readonly type: "UPDATE";
  readonly attributes: PathAttributes;
  readonly reach: readonly Reach[];
  readonly unreach: readonly Unreach[];
  /** Faults that were survived; where any says treat-as-withdraw, `reach` counts as withdrawn. */
  readonly faults: readonly AttributeFault[];
}
