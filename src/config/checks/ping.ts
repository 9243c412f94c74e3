/** The ping check's keys: an ICMP echo that must be answered. */
import * as z from "zod";
import type { Address } from "../../net/address.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, notSupportedYet, text } from "../values/rules.ts";
import { lazily } from "../values/lazily.ts";
import { parseHostAddress } from "../values/address.ts";
import { baseSchema, type CheckBase, checkBase, networkSchema } from "./base.ts";
import type { CheckKind } from "./kind.ts";

/** An ICMP echo that must be answered. */
export interface PingCheckConfig extends CheckBase {
  readonly type: "ping";
  /** Any answer is a pass. */
  readonly addresses: readonly Address[];
}

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    type: z.literal("ping").describe("ping: an ICMP echo that must be answered"),
    need: notSupportedYet().describe("any or all. Not supported yet"),
    ...baseSchema(),
    ...networkSchema(),
  };
});

const addresses = lazily(() => {
  const error = "must have at least one address";
  return distinct(text(parseHostAddress, PATTERNS.hostAddress)).min(1, { error });
});

function schema() {
  return z.strictObject({ ...keys(), addresses: addresses().describe("Any answer is a pass") })
    .superRefine(checkBase).describe("A ping check");
}

function destinationSchema() {
  return z.strictObject({
    ...keys(),
    addresses: addresses().optional().describe("Any answer is a pass. Default: the destination's address"),
  }).superRefine(checkBase).describe("A ping check of a destination");
}

/** The ping check. */
export const pingCheck = {
  schema,
  destinationSchema,
  aim: (check, { address }) => ({ value: { ...check, addresses: check.addresses ?? [address] } }),
  place: ({ addresses }) => `ping ${addresses.map(({ text }) => text).join(" ")}`,
  resolve({ type, addresses }, base): PingCheckConfig {
    return { type, addresses, ...base };
  },
  render: ({ addresses, source }) => ({ addresses: addresses.map(({ text }) => text), source: source?.text }),
} satisfies CheckKind<
  z.output<ReturnType<typeof schema>>,
  z.output<ReturnType<typeof destinationSchema>>,
  PingCheckConfig
>;
