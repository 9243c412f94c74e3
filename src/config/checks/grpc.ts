/** The grpc check's keys: a call of grpc.health.v1.Health/Check. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { parseFilePath, parsePrintable } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { notSupportedYet, text } from "../values/rules.ts";
import type { Parsed } from "../../text/parsed.ts";
import { baseSchema, type CheckBase, checkBase, type FileBase, tripwireSchema } from "./base.ts";
import {
  aimEndpoint,
  authority,
  destinationEndpointSchema,
  type Endpoint,
  endpointSchema,
  renderEndpoint,
} from "./endpoint.ts";
import type { CheckKind } from "./kind.ts";

/** A gRPC server that must say that it serves. */
export interface GrpcCheckConfig extends CheckBase, Endpoint {
  readonly type: "grpc";
  /** The name of a service of the server; "": the server as a whole. */
  readonly service: string;
  readonly tls: boolean;
  readonly insecureSkipVerify: boolean;
  /** PEM file of certificates that are trusted beside those of the host. */
  readonly caFile: string | undefined;
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
    insecureSkipVerify: z.boolean().default(false).describe("true: accept any certificate (tls)"),
    caFile: text(parseFilePath, PATTERNS.filePath).optional().describe(
      "PEM file of certificates that are trusted beside those that the host trusts (tls)",
    ),
    serverName: notSupportedYet().describe("The name of the certificate. Not supported yet"),
    certFile: notSupportedYet().describe("Our own certificate. Not supported yet"),
    keyFile: notSupportedYet().describe("The key of it. Not supported yet"),
    ...baseSchema(),
    ...tripwireSchema(),
  };
});

function schema() {
  return z.strictObject({ ...keys(), ...endpointSchema() }).superRefine(checkKeys)
    .meta({ allOf: MEANINGLESS, description: "A gRPC check" });
}

function destinationSchema() {
  return z.strictObject({ ...keys(), ...destinationEndpointSchema() }).superRefine(checkKeys)
    .meta({ allOf: MEANINGLESS, description: "A gRPC check of a destination" });
}

function checkKeys(
  check: FileBase & {
    readonly tls: boolean;
    readonly insecureSkipVerify: boolean;
    readonly caFile?: string | undefined;
  },
  context: z.RefinementCtx,
): void {
  checkBase(check, context);
  const meaningless = (key: string, message: string) =>
    context.addIssue({ code: "custom", path: [key], message });
  if (!check.tls) {
    if (check.insecureSkipVerify) meaningless("insecureSkipVerify", "has no meaning without tls");
    if (check.caFile !== undefined) meaningless("caFile", "has no meaning without tls");
  } else if (check.insecureSkipVerify && check.caFile !== undefined) {
    meaningless("caFile", "has no meaning with insecureSkipVerify");
  }
}

/** The same for JSON Schema. */
const MEANINGLESS = [
  {
    if: { properties: { tls: { const: false } } },
    then: { not: { required: ["caFile"] }, properties: { insecureSkipVerify: { const: false } } },
  },
  {
    not: { properties: { insecureSkipVerify: { const: true } }, required: ["insecureSkipVerify", "caFile"] },
  },
];

/** The grpc check. */
export const grpcCheck = {
  schema,
  destinationSchema,
  aim: (check, target) => aimEndpoint(check, target),
  place: (check) => `grpc ${authority(check)}${check.service === "" ? "" : `/${check.service}`}`,
  resolve({ type, address, port, service, tls, insecureSkipVerify, caFile }, base): GrpcCheckConfig {
    return { type, address, port, service, tls, insecureSkipVerify, caFile, ...base };
  },
  render(check) {
    const { service, tls, insecureSkipVerify, caFile, tripwire } = check;
    return { ...renderEndpoint(check), service, tls, insecureSkipVerify, caFile, tripwire };
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
