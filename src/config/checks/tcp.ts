/** The tcp check's keys: a connection, what is said over it, and what must be answered. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { octets, renderOctets } from "../values/octets.ts";
import { baseSchema, type CheckBase, checkBase, tripwireSchema, within } from "./base.ts";
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

/** A connection that must be accepted, and may have to be answered. */
export interface TcpCheckConfig extends CheckBase, Endpoint {
  readonly type: "tcp";
  /** What is said first; undefined: nothing. */
  readonly send: Uint8Array | undefined;
  /** What must be in what the service says; undefined: it need not say anything. */
  readonly expect: Uint8Array | undefined;
}

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    type: z.literal("tcp").describe("tcp: a connection that must be accepted"),
    send: octets().optional().describe(
      'Said once it is: a text, in double quotes with escapes such as \\r\\n, or {hex: "1b 00"}. Default: nothing',
    ),
    expect: octets().optional().describe(
      "Must be somewhere in what the service says, by itself or to `send`. Default: it need not say anything",
    ),
    ...baseSchema(),
    ...tripwireSchema(),
  };
});

function schema() {
  return z.strictObject({ ...keys(), ...endpointSchema() }).superRefine(checkBase).describe("A TCP check");
}

function destinationSchema() {
  return z.strictObject({ ...keys(), ...destinationEndpointSchema() }).superRefine(checkBase)
    .describe("A TCP check of a destination");
}

/** The tcp check. */
export const tcpCheck = {
  schema,
  destinationSchema,
  aim: (check, target) => aimEndpoint(check, target),
  place: (check) => `tcp ${authority(check)}`,
  resolve({ type, address, port, send, expect }, base): TcpCheckConfig {
    return { type, address, port, send, expect, ...base };
  },
  render(check) {
    const { send, expect, tripwire } = check;
    return { ...renderEndpoint(check), send: renderOctets(send), expect: renderOctets(expect), tripwire };
  },
  hosts: ({ address }) => [address],
  expectation(check) {
    const { send, expect } = check;
    if (expect === undefined) return `${authority(check)} accepts a TCP connection ${within(check)}`;
    const answers = send === undefined ? "says" : `answers ${shownOctets(send)} with`;
    return `${authority(check)} ${answers} ${shownOctets(expect)} ${within(check)}`;
  },
} satisfies CheckKind<
  z.output<ReturnType<typeof schema>>,
  z.output<ReturnType<typeof destinationSchema>>,
  TcpCheckConfig
>;
