/** The ping check's keys: an ICMP echo that must be answered. */
import * as z from "zod";
import { parseAddress } from "../../net/address.ts";
import type { Parsed } from "../../text/parsed.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, text } from "../values/rules.ts";
import { lazily } from "../values/lazily.ts";
import { parseHostAddress } from "../values/address.ts";
import { parseHost } from "../values/name.ts";
import { baseSchema, type CheckBase, checkBase, networkSchema, within } from "./base.ts";
import type { CheckKind } from "./kind.ts";

/** An ICMP echo that must be answered. */
export interface PingCheckConfig extends CheckBase {
  readonly type: "ping";
  /** Addresses and host names. */
  readonly addresses: readonly string[];
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
  return distinct(text(parsePinged, PATTERNS.host)).min(1, { error });
});

function schema() {
  return z.strictObject({
    ...keys(),
    addresses: addresses().describe("Whom to ask: addresses and host names"),
  })
    .superRefine(checkBase).describe("A ping check");
}

function destinationSchema() {
  return z.strictObject({
    ...keys(),
    addresses: addresses().optional().describe("Whom to ask. Default: the destination's address"),
  }).superRefine(checkBase).describe("A ping check of a destination");
}

/** An address that one host can have, or a host name. */
function parsePinged(input: string): Parsed<string> {
  if (parseAddress(input) === undefined) return parseHost(input);
  const address = parseHostAddress(input);
  return "problem" in address ? address : { value: address.value.text };
}

/** The ping check. */
export const pingCheck = {
  schema,
  destinationSchema,
  aim: (check, { address }) => ({ value: { ...check, addresses: check.addresses ?? [address.text] } }),
  place: ({ addresses }) => `ping ${addresses.join(" ")}`,
  resolve({ type, addresses, need }, base): PingCheckConfig {
    return { type, addresses, need, ...base };
  },
  render: ({ addresses, need, source }) => {
    return { addresses, need, source: source?.text };
  },
  hosts: ({ addresses }) => addresses,
  expectation(check) {
    const { addresses, need } = check;
    const answer = addresses.length < 2 || need === "any"
      ? `${addresses.join(" or ")} answers`
      : `${addresses.join(" and ")} each answer`;
    return `${answer} an ICMP echo ${within(check)}`;
  },
  needs: () => ({ ffi: "--allow-ffi" }),
} satisfies CheckKind<
  z.output<ReturnType<typeof schema>>,
  z.output<ReturnType<typeof destinationSchema>>,
  PingCheckConfig
>;
