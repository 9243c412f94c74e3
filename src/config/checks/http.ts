/** The http check's keys: a GET that must be answered with a 2xx status. */
import * as z from "zod";
import { parseAddress } from "../../net/address.ts";
import { PATTERNS } from "../values/patterns.ts";
import { notSupportedYet, text, whole } from "../values/rules.ts";
import type { Parsed } from "../../text/parsed.ts";
import { parseFilePath, parseHost, parsePrintable } from "../values/name.ts";
import { baseSchema, type CheckBase, checkBase } from "./base.ts";
import type { CheckKind } from "./kind.ts";

/** A GET that must be answered with a 2xx status. */
export interface HttpCheckConfig extends CheckBase {
  readonly type: "http";
  /** Where to connect: an address or a host name. */
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly scheme: "http" | "https";
  readonly insecureSkipVerify: boolean;
  /** PEM file of certificates that are trusted beside those of the host. */
  readonly caFile: string | undefined;
}

function schema() {
  return z.strictObject({
    type: z.literal("http").describe("http: a GET that must be answered with a 2xx status"),
    address: text(parseHost, PATTERNS.host).prefault("127.0.0.1").describe(
      "Where to connect: an address or a host name",
    ),
    port: whole(1, 65535).describe("The port to connect to"),
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
  }).superRefine((check, context) => {
    checkBase(check, context);
    const meaningless = (key: string, message: string) =>
      context.addIssue({ code: "custom", path: [key], message });
    if (check.scheme === "http") {
      if (check.insecureSkipVerify) meaningless("insecureSkipVerify", "has no meaning with scheme http");
      if (check.caFile !== undefined) meaningless("caFile", "has no meaning with scheme http");
    } else if (check.insecureSkipVerify && check.caFile !== undefined) {
      meaningless("caFile", "has no meaning with insecureSkipVerify");
    }
  }).meta({ allOf: MEANINGLESS, description: "An HTTP check" });
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
  place: ({ scheme, address, port, path }) => `${scheme} ${authority(address, port)}${path}`,
  resolve({ type, address, port, path, scheme, insecureSkipVerify, caFile }, base): HttpCheckConfig {
    return { type, address, port, path, scheme, insecureSkipVerify, caFile, ...base };
  },
  render({ address, port, path, scheme, insecureSkipVerify, caFile }) {
    return { address, port, path, scheme, insecureSkipVerify, caFile };
  },
} satisfies CheckKind<z.output<ReturnType<typeof schema>>, HttpCheckConfig>;

function authority(address: string, port: number): string {
  return `${parseAddress(address)?.family === 6 ? `[${address}]` : address}:${port}`;
}

function parsePath(input: string): Parsed<string> {
  if (!input.startsWith("/")) return { problem: "must begin with /" };
  return /[\s#\p{Cc}]/u.test(input)
    ? { problem: "must not have spaces, control characters or #" }
    : parsePrintable(input);
}
