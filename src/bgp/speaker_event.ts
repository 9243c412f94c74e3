/** What happens to a speaker, as facts: for logs, metrics and whoever else listens. */
import type { ListenEvent } from "./listeners.ts";
import type { SessionStateName } from "./session/session_state.ts";
import type { AttemptFacts } from "./transport/failed_attempt.ts";
import type { RefusalReason } from "./transport/transport.ts";

/** What BFD says of the path to a peer: it is there, it was and is lost, or nothing (RFC 5882). */
export type BfdPath = "up" | "lost" | "unknown";

/** What happens. `peer` is a name. */
export type SpeakerEvent =
  | {
    readonly type: "peer-state";
    readonly peer: string;
    readonly from: SessionStateName;
    readonly to: SessionStateName;
    readonly cause: string;
  }
  /** A connection or an attempt at one ended. */
  | {
    readonly type: "session-ended";
    readonly peer: string;
    readonly from: SessionStateName;
    readonly cause: string;
    /** Of the attempt that ended; undefined: it was none, or nothing is known of it. */
    readonly attempt?: AttemptFacts | undefined;
  }
  /** Handed to the socket. `at` is on the scale of the clock, in milliseconds. */
  | {
    readonly type: "updates-sent";
    readonly peer: string;
    readonly announced: number;
    readonly withdrawn: number;
    readonly at: number;
  }
  | { readonly type: "end-of-rib-sent"; readonly peer: string }
  /** What the peer is sent is not acknowledged for a while, or is again. */
  | { readonly type: "peer-stuck"; readonly peer: string; readonly stuck: boolean; readonly cause: string }
  /** A peer that is known by its interface alone is at this address now. */
  | {
    readonly type: "peer-discovered";
    readonly peer: string;
    readonly address: string;
    readonly cause: string;
  }
  /** The routes that cannot go to the peer changed: so many are held, 0 for none any more, and these are the first. */
  | {
    readonly type: "routes-held";
    readonly peer: string;
    readonly count: number;
    readonly held: readonly { readonly prefix: string; readonly reason: string }[];
  }
  /** The peer has refused a link-local next hop beside a global one, and gets none any more. */
  | { readonly type: "next-hop-shortened"; readonly peer: string; readonly cause: string }
  | {
    readonly type: "notification-received" | "notification-sent";
    readonly peer: string;
    readonly code: number;
    readonly subcode: number;
    readonly text: string;
  }
  /** Something of ours threw. The peer's session has started anew, or goes on. */
  | { readonly type: "peer-fault"; readonly peer: string; readonly cause: string }
  | ListenEvent
  /** Accepting failed at one of the listeners, `count` times since it was last told; it goes on by itself. */
  | {
    readonly type: "accept-failed";
    readonly address: string;
    readonly port: number;
    readonly cause: string;
    readonly count: number;
  }
  /** Connections were closed at accept, `count` of them since it was last told; the first came from `address`. */
  | {
    readonly type: "connection-refused";
    readonly address: string;
    readonly port: number;
    readonly reason: RefusalReason;
    readonly count: number;
  };
