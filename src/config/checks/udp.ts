/** The udp check's keys: a datagram, and what must be answered. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { octets, renderOctets } from "../values/octets.ts";
import { baseSchema, type CheckBase, checkBase, within } from "./base.ts";
import {
  aimEndpoint,
  authority,
  destinationEndpointSchema,
  type Endpoint,
  endpointSchema,
  renderEndpoint,
} from "./endpoint.ts";
import { shownOctets } from "../../text/shown_octets.ts";
import type { CheckKind } from "./kind.ts";

/** A datagram that must be answered, or at least not refused. */
export interface UdpCheckConfig extends CheckBase, Endpoint {
  readonly type: "udp";
  /** The datagram. */
  readonly send: Uint8Array;
  /** What must be in an answer; undefined: there need be none, as long as nobody refuses the datagram. */
  readonly expect: Uint8Array | undefined;
}

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    type: z.literal("udp").describe("udp: a datagram that must be answered, or at least not refused"),
    send: octets().optional().transform(needed).describe(
      'The datagram: a text, in double quotes with escapes such as \\r\\n, or {hex: "1b 00"}',
    ),
    expect: octets().optional().describe(
      "Must be somewhere in an answer. Default: there need be none: silence passes, and only an ICMP error fails",
    ),
    ...baseSchema(),
  };
});

function needed(send: Uint8Array | undefined, context: z.RefinementCtx): Uint8Array {
  if (send !== undefined) return send;
  const message = "is required: a service on UDP says nothing, and is not refused, before it is asked";
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}

/** The same for JSON Schema. */
const NEEDED = { allOf: [{ required: ["send"] }] };

function schema() {
  return z.strictObject({ ...keys(), ...endpointSchema() }).superRefine(checkBase)
    .meta({ ...NEEDED, description: "A UDP check" });
}

function destinationSchema() {
  return z.strictObject({ ...keys(), ...destinationEndpointSchema() }).superRefine(checkBase)
    .meta({ ...NEEDED, description: "A UDP check of a destination" });
}

/** The udp check. */
export const udpCheck = {
  schema,
  destinationSchema,
  aim: (check, target) => aimEndpoint(check, target),
  place: (check) => `udp ${authority(check)}`,
  resolve({ type, address, port, send, expect }, base): UdpCheckConfig {
    return { type, address, port, send, expect, ...base };
  },
  render(check) {
    const { send, expect } = check;
    return { ...renderEndpoint(check), send: renderOctets(send), expect: renderOctets(expect) };
  },
  hosts: ({ address }) => [address],
  expectation(check) {
    const { send, expect } = check;
    const place = `${authority(check)} by UDP`;
    return expect === undefined
      ? `${place} does not refuse ${shownOctets(send)}`
      : `${place} answers ${shownOctets(send)} with ${shownOctets(expect)} ${within(check)}`;
  },
  needs: () => ({ ffi: "--allow-ffi" }),
} satisfies CheckKind<
  z.output<ReturnType<typeof schema>>,
  z.output<ReturnType<typeof destinationSchema>>,
  UdpCheckConfig
>;
