/** The tls check's keys: a handshake that must end well, and a certificate that must last. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { baseSchema, type CheckBase, checkBase, type FileBase, tripwireSchema, within } from "./base.ts";
import {
  aimEndpoint,
  authority,
  destinationEndpointSchema,
  type Endpoint,
  endpointSchema,
  renderEndpoint,
} from "./endpoint.ts";
import type { CheckKind } from "./kind.ts";
import {
  checkTls,
  type FileTls,
  lastingWords,
  renderTls,
  resolveTls,
  TLS_RULES,
  type TlsConfig,
  tlsSchema,
} from "./tls_keys.ts";

/** A TLS handshake that must end well. */
export interface TlsCheckConfig extends CheckBase, Endpoint, TlsConfig {
  readonly type: "tls";
}

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    type: z.literal("tls").describe("tls: a TLS handshake that must end well"),
    ...tlsSchema(),
    ...baseSchema(),
    ...tripwireSchema(),
  };
});

function schema() {
  return z.strictObject({ ...keys(), ...endpointSchema() })
    .superRefine(checkKeys).meta({ allOf: TLS_RULES, description: "A TLS check" });
}

function destinationSchema() {
  return z.strictObject({ ...keys(), ...destinationEndpointSchema() })
    .superRefine(checkKeys).meta({ allOf: TLS_RULES, description: "A TLS check of a destination" });
}

function checkKeys(check: FileBase & FileTls, context: z.RefinementCtx): void {
  checkBase(check, context);
  checkTls(check, (key, message) => context.addIssue({ code: "custom", path: [key], message }));
}

/** The tls check. */
export const tlsCheck = {
  schema,
  destinationSchema,
  aim: (check, target) => aimEndpoint(check, target),
  place: (check) => `tls ${authority(check)}`,
  resolve(file, base): TlsCheckConfig {
    const { type, address, port } = file;
    return { type, address, port, ...resolveTls(file), ...base };
  },
  render: (check) => ({ ...renderEndpoint(check), ...renderTls(check), tripwire: check.tripwire }),
  /** `10.0.0.1:443 shakes hands by TLS with a trusted certificate for a.example within 1s`. */
  hosts: ({ address }) => [address],
  expectation(check) {
    const { address, insecureSkipVerify, serverName = address } = check;
    const whose = insecureSkipVerify ? "any certificate" : `a trusted certificate for ${serverName}`;
    const lasting = lastingWords(check);
    return `${authority(check)} shakes hands by TLS with ${whose}${lasting && `, ${lasting}`} ${
      within(check)
    }`;
  },
} satisfies CheckKind<
  z.output<ReturnType<typeof schema>>,
  z.output<ReturnType<typeof destinationSchema>>,
  TlsCheckConfig
>;
