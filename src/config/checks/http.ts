/** The http check's keys: a GET that must be answered with a 2xx status. */
import * as z from "zod";
import { PATTERNS } from "../values/patterns.ts";
import { lazily } from "../values/lazily.ts";
import { notSupportedYet, text } from "../values/rules.ts";
import type { Parsed } from "../../text/parsed.ts";
import { parseFilePath, parsePrintable } from "../values/name.ts";
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

/** A GET that must be answered with a 2xx status. */
export interface HttpCheckConfig extends CheckBase, Endpoint {
  readonly type: "http";
  readonly path: string;
  readonly scheme: "http" | "https";
  readonly insecureSkipVerify: boolean;
  /** PEM file of certificates that are trusted beside those of the host. */
  readonly caFile: string | undefined;
  /** The header field of a passing answer whose number is the destination's weight; only in checks of destinations. */
  readonly weightHeader: string | undefined;
}

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    type: z.literal("http").describe("http: a GET that must be answered with a 2xx status"),
    path: text(parsePath, PATTERNS.urlPath).prefault("/").describe("The path to ask for"),
    scheme: z.enum(["http", "https"]).default("http").describe("http or https"),
    insecureSkipVerify: z.boolean().default(false).describe("true: accept any certificate (https)"),
    caFile: text(parseFilePath, PATTERNS.filePath).optional().describe(
      "PEM file of certificates that are trusted beside those that the host trusts (https)",
    ),
    method: notSupportedYet().describe("The method. Not supported yet"),
    host: notSupportedYet().describe("The Host field. Not supported yet"),
    headers: notSupportedYet().describe("More header fields. Not supported yet"),
    status: notSupportedYet().describe("Which statuses pass. Not supported yet"),
    body: notSupportedYet().describe("What the body must have. Not supported yet"),
    serverName: notSupportedYet().describe("The name of the certificate. Not supported yet"),
    certFile: notSupportedYet().describe("Our own certificate. Not supported yet"),
    keyFile: notSupportedYet().describe("The key of it. Not supported yet"),
    minDaysLeft: notSupportedYet().describe("How long the certificate must be valid. Not supported yet"),
    unixSocket: notSupportedYet().describe("A socket's path instead of address and port. Not supported yet"),
    ...baseSchema(),
    ...tripwireSchema(),
  };
});

function schema() {
  return z.strictObject({
    ...keys(),
    ...endpointSchema(),
    weightHeader: z.never({
      error: "belongs to a check in services[].ports[].checks or of a destination, whose weight it gives",
    }).optional().describe("Of checks of destinations alone"),
  }).superRefine(checkKeys).meta({ allOf: MEANINGLESS, description: "An HTTP check" });
}

function destinationSchema() {
  return z.strictObject({
    ...keys(),
    ...destinationEndpointSchema(),
    weightHeader: text(parseFieldName, PATTERNS.fieldName).optional().describe(
      "The number in this header field of a passing answer, such as X-Weight, becomes the destination's weight. Default: none",
    ),
  }).superRefine(checkKeys).meta({ allOf: MEANINGLESS, description: "An HTTP check of a destination" });
}

/** A check that is complete, wherever it stands. */
type HttpFile = Omit<z.output<ReturnType<typeof schema>>, "weightHeader"> & {
  readonly weightHeader?: string | undefined;
};

function checkKeys(
  check: FileBase & {
    readonly scheme: string;
    readonly insecureSkipVerify: boolean;
    readonly caFile?: string | undefined;
  },
  context: z.RefinementCtx,
): void {
  checkBase(check, context);
  const meaningless = (key: string, message: string) =>
    context.addIssue({ code: "custom", path: [key], message });
  if (check.scheme === "http") {
    if (check.insecureSkipVerify) meaningless("insecureSkipVerify", "has no meaning with scheme http");
    if (check.caFile !== undefined) meaningless("caFile", "has no meaning with scheme http");
  } else if (check.insecureSkipVerify && check.caFile !== undefined) {
    meaningless("caFile", "has no meaning with insecureSkipVerify");
  }
}

/** The same as the rules between its keys, for JSON Schema; the scheme is http where it is left out. */
const MEANINGLESS = [
  {
    if: { properties: { scheme: { const: "http" } } },
    then: { not: { required: ["caFile"] }, properties: { insecureSkipVerify: { const: false } } },
  },
  {
    not: { properties: { insecureSkipVerify: { const: true } }, required: ["insecureSkipVerify", "caFile"] },
  },
];

/** The http check. */
export const httpCheck = {
  schema,
  destinationSchema,
  aim: (check, target) => aimEndpoint(check, target),
  place: (check) => `${check.scheme} ${authority(check)}${check.path}`,
  resolve(
    { type, address, port, path, scheme, insecureSkipVerify, caFile, weightHeader },
    base,
  ): HttpCheckConfig {
    return { type, address, port, path, scheme, insecureSkipVerify, caFile, weightHeader, ...base };
  },
  render(check) {
    const { path, scheme, insecureSkipVerify, caFile, weightHeader, tripwire } = check;
    return { ...renderEndpoint(check), path, scheme, insecureSkipVerify, caFile, weightHeader, tripwire };
  },
} satisfies CheckKind<HttpFile, z.output<ReturnType<typeof destinationSchema>>, HttpCheckConfig>;

function parsePath(input: string): Parsed<string> {
  if (!input.startsWith("/")) return { problem: "must begin with /" };
  return /[\s#\p{Cc}]/u.test(input)
    ? { problem: "must not have spaces, control characters or #" }
    : parsePrintable(input);
}

function parseFieldName(input: string): Parsed<string> {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(input)
    ? { value: input }
    : { problem: "must be the name of a header field, such as X-Weight" };
}
