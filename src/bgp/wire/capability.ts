/** Capabilities in OPEN (RFC 5492). */

/** An address family as it stands on the wire. */
export interface AfiSafi {
  readonly afi: number;
  readonly safi: number;
}

/** A capability; what we do not know is kept as `unknown` and ignored. */
export type Capability =
  | { readonly type: "multiprotocol"; readonly family: AfiSafi } // RFC 4760
  | { readonly type: "route-refresh" } // RFC 2918
  | {
    readonly type: "extended-next-hop"; // RFC 8950
    readonly tuples: readonly { readonly family: AfiSafi; readonly nextHopAfi: number }[];
  }
  | { readonly type: "extended-message" } // RFC 8654
  | {
    readonly type: "graceful-restart"; // RFC 4724, RFC 8538
    /** The R bit: this speaker has restarted. */
    readonly restarting: boolean;
    /** The N bit: NOTIFICATION and hold timer keep routes, Hard Reset does not. */
    readonly notification: boolean;
    readonly restartTimeSeconds: number;
    /** `forwarding` is the F bit: forwarding state was preserved. */
    readonly families: readonly { readonly family: AfiSafi; readonly forwarding: boolean }[];
  }
  | { readonly type: "four-octet-as"; readonly as: number } // RFC 6793
  | { readonly type: "enhanced-route-refresh" } // RFC 7313
  | { readonly type: "unknown"; readonly code: number; readonly value: Uint8Array };
