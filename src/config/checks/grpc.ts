/** The grpc check's keys: a call of grpc.health.v1.Health/Check. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { parsePrintable } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { text } from "../values/rules.ts";
import type { Parsed } from "../../text/parsed.ts";
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
  type Complaint,
  type FileTls,
  renderTls,
  resolveTls,
  TLS_RULES,
  type TlsConfig,
  tlsKeysOf,
  tlsSchema,
  WITHOUT_TLS,
} from "./tls_keys.ts";

/** A gRPC server that must say that it serves. */
export interface GrpcCheckConfig extends CheckBase, Endpoint, TlsConfig {
  readonly type: "grpc";
  /** The name of a service of the server; "": the server as a whole. */
  readonly service: string;
  readonly tls: boolean;
}

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    type: z.literal("grpc").describe("grpc: grpc.health.v1.Health/Check must answer SERVING"),
    service: text(parseServiceName, PATTERNS.grpcService).prefault("").describe(
      'The name of a service of the server, say shop.v1.Basket. Default: "", the whole server',
    ),
    tls: z.boolean().default(false).describe(
      "true: over TLS; false: in the clear (HTTP/2 with prior knowledge)",
    ),
    ...tlsSchema(),
    ...baseSchema(),
    ...tripwireSchema(),
  };
});

function schema() {
  return z.strictObject({ ...keys(), ...endpointSchema() }).superRefine(checkKeys)
    .meta({ allOf: RULES, description: "A gRPC check" });
}

function destinationSchema() {
  return z.strictObject({ ...keys(), ...destinationEndpointSchema() }).superRefine(checkKeys)
    .meta({ allOf: RULES, description: "A gRPC check of a destination" });
}

function checkKeys(
  check: FileBase & FileTls & { readonly tls: boolean },
  context: z.RefinementCtx,
): void {
  checkBase(check, context);
  const complain: Complaint = (key, message) => context.addIssue({ code: "custom", path: [key], message });
  if (check.tls) checkTls(check, complain);
  else for (const key of tlsKeysOf(check)) complain(key, "has no meaning without tls");
}

/** The same for JSON Schema. */
const RULES = [{ if: { properties: { tls: { const: false } } }, then: WITHOUT_TLS }, ...TLS_RULES];

/** The grpc check. */
export const grpcCheck = {
  schema,
  destinationSchema,
  aim: (check, target) => aimEndpoint(check, target),
  place: (check) => `grpc ${authority(check)}${check.service === "" ? "" : `/${check.service}`}`,
  resolve(file, base): GrpcCheckConfig {
    const { type, address, port, service, tls } = file;
    return { type, address, port, service, tls, ...resolveTls(file), ...base };
  },
  render(check) {
    const { service, tls, tripwire } = check;
    return { ...renderEndpoint(check), service, tls, ...renderTls(check), tripwire };
  },
  hosts: ({ address }) => [address],
  expectation(check) {
    const service = check.service === "" ? "" : ` for ${check.service}`;
    const how = check.tls ? "gRPC over TLS" : "gRPC";
    return `${authority(check)} answers SERVING${service} by ${how} ${within(check)}`;
  },
} satisfies CheckKind<
  z.output<ReturnType<typeof schema>>,
  z.output<ReturnType<typeof destinationSchema>>,
  GrpcCheckConfig
>;

const MAX_SERVICE_NAME_LENGTH = 255;

function parseServiceName(input: string): Parsed<string> {
  const { length } = [...input];
  return length > MAX_SERVICE_NAME_LENGTH
    ? { problem: `must have at most ${MAX_SERVICE_NAME_LENGTH} characters, and has ${length}` }
    : parsePrintable(input);
}
