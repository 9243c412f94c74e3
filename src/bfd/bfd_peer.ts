/** A peer of BFD as its session is asked for, and what is told of it. */
import type { Address } from "../net/address.ts";
import type { BfdStateName } from "./packet.ts";

/** A session that is wanted. */
export interface BfdPeer {
  readonly name: string;
  /** Which one it is: what has another key is another session. */
  readonly key: string;
  readonly address: Address;
  /** The interface of a link-local address. */
  readonly zone: string | undefined;
  /** The source of what is sent; undefined: the kernel's choice. */
  readonly local: Address | undefined;
  /** The interface, or VRF, that it is bound to. */
  readonly device: string | undefined;
  /** RFC 5883, on port 4784, instead of RFC 5881, on port 3784. */
  readonly multihop: boolean;
  /** Below it packets are dropped; 255 for a single hop. */
  readonly minimumTtl: number;
  readonly transmitMs: number;
  readonly receiveMs: number;
  readonly multiplier: number;
  /** Says nothing before the peer does. */
  readonly passive: boolean;
}

/** What happened. */
export type BfdEvent =
  | {
    readonly type: "bfd-state";
    /** The peer's name. */
    readonly peer: string;
    readonly key: string;
    readonly from: BfdStateName;
    readonly to: BfdStateName;
    /** Why, and what that means for a person. */
    readonly cause: string;
    /** bfd.LocalDiag: why the session left Up. */
    readonly diagnostic: number;
    /** The peer was told to stop: no failure (RFC 5882 section 3.2). */
    readonly remoteAdminDown: boolean;
    /** Milliseconds on the clock. */
    readonly at: number;
  }
  | {
    readonly type: "bfd-fault";
    /** The peer's name; undefined: it concerns several. */
    readonly peer: string | undefined;
    /** What is wrong, and the cure where it is known. */
    readonly cause: string;
    readonly at: number;
  };
