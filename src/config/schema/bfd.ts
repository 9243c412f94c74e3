/** The file's `bfd` part of a peer (RFC 5880, 5881, 5883). */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { duration, whole } from "../values/rules.ts";

const FORM = "must be off, or a mapping such as {transmit: 300ms, receive: 300ms}; {} has every default";

/** BFD with a peer. */
export const bfdSchema = lazily(() => {
  return z.strictObject({
    transmit: duration(10, 60_000).prefault("300ms").describe("Time between packets that we want to send"),
    receive: duration(10, 60_000).prefault("300ms").describe("Time between packets that we can take"),
    multiplier: whole(1, 255).default(3).describe(
      "So many packets of ours in a row may be lost before the peer says that we are down",
    ),
    passive: z.boolean().default(false).describe("true: send nothing before the peer has"),
    strict: z.boolean().default(false).describe("true: no BGP session before BFD is up"),
    multihop: z.boolean().optional().describe(
      "The peer is more than one hop away (RFC 5883). Default: where multihop or ttlSecurity is more than 1",
    ),
  }, { error: ({ code }) => code === "invalid_type" ? FORM : undefined }).describe(
    "BFD (RFC 5880): a lost peer is noticed within `receive` times the peer's multiplier. Default: off",
  );
});
