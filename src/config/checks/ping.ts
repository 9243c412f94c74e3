/** The ping check's keys: an ICMP echo that must be answered. */
import * as z from "zod";
import type { Address } from "../../net/address.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, notSupportedYet, text } from "../values/rules.ts";
import { parseHostAddress } from "../values/address.ts";
import { baseSchema, type CheckBase, checkBase } from "./base.ts";
import type { CheckKind } from "./kind.ts";

/** An ICMP echo that must be answered. */
export interface PingCheckConfig extends CheckBase {
  readonly type: "ping";
  /** Any answer is a pass. */
  readonly addresses: readonly Address[];
}

function schema() {
  return z.strictObject({
    type: z.literal("ping").describe("ping: an ICMP echo that must be answered"),
    addresses: distinct(text(parseHostAddress, PATTERNS.hostAddress)).min(1, {
      error: "must have at least one address",
    }).describe(
      "Any answer is a pass",
    ),
    need: notSupportedYet().describe("any or all. Not supported yet"),
    ...baseSchema(),
  }).superRefine(checkBase).describe("A ping check");
}

/** The ping check. */
export const pingCheck = {
  schema,
  place: ({ addresses }) => `ping ${addresses.map(({ text }) => text).join(" ")}`,
  resolve({ type, addresses }, base): PingCheckConfig {
    return { type, addresses, ...base };
  },
  render: ({ addresses }) => ({ addresses: addresses.map(({ text }) => text) }),
} satisfies CheckKind<z.output<ReturnType<typeof schema>>, PingCheckConfig>;
