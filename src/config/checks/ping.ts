/** The ping check's keys: an ICMP echo that must be answered. */
import * as z from "zod";
import type { Address } from "../../net/address.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, text } from "../values/rules.ts";
import { lazily } from "../values/lazily.ts";
import { parseHostAddress } from "../values/address.ts";
import { baseSchema, type CheckBase, checkBase, networkSchema } from "./base.ts";
import type { CheckKind } from "./kind.ts";

/** An ICMP echo that must be answered. */
export interface PingCheckConfig extends CheckBase {
  readonly type: "ping";
  readonly addresses: readonly Address[];
  /** Whether one answer is a pass, or all must answer. */
  readonly need: "any" | "all";
}

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    type: z.literal("ping").describe("ping: an ICMP echo that must be answered"),
    need: z.enum(["any", "all"]).default("any").describe(
      "any: an answer from one of the addresses is a pass. all: every one must answer",
    ),
    ...baseSchema(),
    ...networkSchema(),
  };
});

const addresses = lazily(() => {
  const error = "must have at least one address";
  return distinct(text(parseHostAddress, PATTERNS.hostAddress)).min(1, { error });
});

function schema() {
  return z.strictObject({ ...keys(), addresses: addresses().describe("Whom to ask") })
    .superRefine(checkBase).describe("A ping check");
}

function destinationSchema() {
  return z.strictObject({
    ...keys(),
    addresses: addresses().optional().describe("Whom to ask. Default: the destination's address"),
  }).superRefine(checkBase).describe("A ping check of a destination");
}

/** The ping check. */
export const pingCheck = {
  schema,
  destinationSchema,
  aim: (check, { address }) => ({ value: { ...check, addresses: check.addresses ?? [address] } }),
  place: ({ addresses }) => `ping ${addresses.map(({ text }) => text).join(" ")}`,
  resolve({ type, addresses, need }, base): PingCheckConfig {
    return { type, addresses, need, ...base };
  },
  render: ({ addresses, need, source }) => {
    return { addresses: addresses.map(({ text }) => text), need, source: source?.text };
  },
} satisfies CheckKind<
  z.output<ReturnType<typeof schema>>,
  z.output<ReturnType<typeof destinationSchema>>,
  PingCheckConfig
>;
