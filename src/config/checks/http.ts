/** The http check's keys: a request, and what of its answer must be right: the status, the body, the certificate. */
import * as z from "zod";
import { PATTERNS } from "../values/patterns.ts";
import { lazily } from "../values/lazily.ts";
import { text } from "../values/rules.ts";
import { parseFilePath } from "../values/name.ts";
import { HIDDEN, isSecretField } from "../values/hidden.ts";
import { parseSocketPath } from "../values/socket_path.ts";
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
import {
  type BodyRule,
  bodyRule,
  bodySchema,
  formatStatusRange,
  headersSchema,
  parseAuthority,
  parseFieldName,
  parseMethod,
  parsePath,
  type StatusRange,
  statusRanges,
  statusSchema,
} from "./http_grammar.ts";
import type { CheckKind } from "./kind.ts";
import {
  checkTls,
  type Complaint,
  type FileTls,
  lastingWords,
  renderTls,
  resolveTls,
  TLS_RULES,
  type TlsConfig,
  tlsKeysOf,
  tlsSchema,
  WITHOUT_TLS,
} from "./tls_keys.ts";

/** A request, and what its answer must have. With `unixSocket`, `address` and `port` only name the host. */
export interface HttpCheckConfig extends CheckBase, Endpoint, TlsConfig {
  readonly type: "http";
  /** The path of a unix socket that is connected to instead of `address` and `port`. */
  readonly unixSocket: string | undefined;
  readonly scheme: "http" | "https";
  readonly method: string;
  readonly path: string;
  /** What the Host field says; undefined: address and port. */
  readonly host: string | undefined;
  /** More fields, by name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Those that pass. */
  readonly status: readonly StatusRange[];
  /** Undefined: the body is not read. */
  readonly body: BodyRule | undefined;
  /** The header field of a passing answer whose number is the destination's weight; only in checks of destinations. */
  readonly weightHeader: string | undefined;
}

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    type: z.literal("http").describe("http: a request that must be answered as said"),
    unixSocket: text(parseUnixSocket, PATTERNS.filePath).optional().describe(
      "Path of a unix socket to connect to, instead of address and port",
    ),
    path: text(parsePath, PATTERNS.urlPath).prefault("/").describe("The path to ask for"),
    scheme: z.enum(["http", "https"]).default("http").describe("http or https"),
    method: text(parseMethod, PATTERNS.httpMethod).prefault("GET").describe("The method, in capitals"),
    host: text(parseAuthority, PATTERNS.authority).optional().describe(
      "The Host field, and of https the default of serverName. Default: address and port",
    ),
    headers: headersSchema().optional().describe("More header fields, by name"),
    status: statusSchema().describe(
      "Statuses and ranges of them that pass; a redirect is not followed. Default: 200-299",
    ),
    body: bodySchema().optional().describe(
      "What the first 64 KiB of the body must have. Default: the body is not read",
    ),
    ...tlsSchema(),
    ...baseSchema(),
    ...tripwireSchema(),
  };
});

function schema() {
  const { address, port } = destinationEndpointSchema();
  return z.strictObject({
    ...keys(),
    ...endpointSchema(),
    address: address.describe("Where to connect: an address or a host name. Default: 127.0.0.1"),
    port: port.describe("The port to connect to; required without unixSocket"),
    weightHeader: z.never({
      error: "belongs to a check in services[].ports[].checks or of a destination, whose weight it gives",
    }).optional().describe("Of checks of destinations alone"),
  }).refine(({ port, unixSocket }) => port !== undefined || unixSocket !== undefined, {
    path: ["port"],
    error: "is required",
    // Whatever else is wrong.
    when: ({ value }) => typeof value === "object" && value !== null,
  }).superRefine(checkKeys).meta({
    allOf: [...RULES, { anyOf: [{ required: ["port"] }, { required: ["unixSocket"] }] }],
    description: "An HTTP check",
  });
}

function destinationSchema() {
  return z.strictObject({
    ...keys(),
    ...destinationEndpointSchema(),
    weightHeader: text(parseFieldName, PATTERNS.fieldName).optional().describe(
      "The number in this header field of a passing answer, such as X-Weight, becomes the destination's weight. Default: none",
    ),
  }).superRefine(checkKeys).meta({ allOf: RULES, description: "An HTTP check of a destination" });
}

/** A check that is complete, wherever it stands. */
type HttpFile = Omit<z.output<ReturnType<typeof schema>>, "weightHeader"> & {
  readonly weightHeader?: string | undefined;
};

/** What the rules between the keys look at. */
interface Keys extends FileBase, FileTls {
  readonly scheme: string;
  readonly method: string;
  readonly body?: unknown;
  readonly unixSocket?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

function checkKeys(check: Keys, context: z.RefinementCtx): void {
  checkBase(check, context);
  const complain: Complaint = (key, message) => context.addIssue({ code: "custom", path: [key], message });
  if (check.scheme === "https") checkTls(check, complain);
  else for (const key of tlsKeysOf(check)) complain(key, "has no meaning with scheme http");
  if (check.method === "HEAD" && check.body !== undefined) {
    complain("body", "has no meaning with method HEAD, whose answer has none");
  }
  if (check.unixSocket === undefined) return;
  for (const key of OF_NETWORK) {
    if (check[key] !== undefined) complain(key, "has no meaning with unixSocket");
  }
}

/** Keys of a way through the network. */
const OF_NETWORK = ["address", "port", "source", "via"] as const;
/** The same for JSON Schema; the scheme is http where it is left out. */
const RULES = [
  {
    if: { properties: { scheme: { const: "http" } } },
    then: WITHOUT_TLS,
  },
  ...TLS_RULES,
  {
    if: { properties: { method: { const: "HEAD" } }, required: ["method"] },
    then: { properties: { body: false } },
  },
  {
    if: { required: ["unixSocket"] },
    then: { properties: Object.fromEntries(OF_NETWORK.map((key) => [key, false])) },
  },
];

const USUAL_PORT = { http: 80, https: 443 } as const;

/** The http check. */
export const httpCheck = {
  schema,
  destinationSchema,
  aim: (check, target) => check.unixSocket === undefined ? aimEndpoint(check, target) : { value: check },
  place(check) {
    const { scheme, unixSocket, path, via } = check;
    const where = unixSocket === undefined ? authority({ ...endpointOf(check), via }) : `unix:${unixSocket}:`;
    return `${scheme} ${where}${path}`;
  },
  resolve(file, base): HttpCheckConfig {
    const { type, unixSocket, scheme, method, path, host, headers, status, body, weightHeader } = file;
    return {
      type,
      ...endpointOf(file),
      unixSocket,
      scheme,
      method,
      path,
      host,
      headers: headers ?? {},
      status: statusRanges(status),
      body: bodyRule(body),
      weightHeader,
      ...resolveTls(file),
      ...base,
    };
  },
  render(check) {
    const { unixSocket, scheme, method, path, host, headers, status, body, weightHeader, tripwire } = check;
    return {
      ...(unixSocket === undefined ? renderEndpoint(check) : { unixSocket }),
      path,
      scheme,
      ...renderTls(check),
      method,
      host,
      headers: renderHeaders(headers),
      status: status.map(formatStatusRange),
      body,
      weightHeader,
      tripwire,
    };
  },
  /** `GET http://127.0.0.1:8080/ answers with a 2xx status and a body that contains "ok" within 1s`. */
  hosts: ({ unixSocket, address }) => unixSocket === undefined ? [address] : [],
  expectation(check) {
    const { scheme, address, port, unixSocket, path, method, host, status, body } = check;
    const place = unixSocket === undefined ? authority({ address, port }) : `unix:${unixSocket}:`;
    const hosted = host === undefined ? "" : ` (host ${host})`;
    const asked = `${method === "GET" ? "" : `${method} `}${scheme}://${place}${path}${hosted}`;
    const lasting = lastingWords(check);
    const certified = lasting && `, a certificate ${lasting}`;
    return `${asked} answers with ${statusWords(status)}${bodyWords(body)}${certified} ${within(check)}`;
  },
} satisfies CheckKind<HttpFile, z.output<ReturnType<typeof destinationSchema>>, HttpCheckConfig>;

/** Where a check connects to; by a unix socket what its host is called, as nothing else says it. */
function endpointOf({ unixSocket, address, port, scheme }: HttpFile): Endpoint {
  return {
    address: address ?? (unixSocket === undefined ? "127.0.0.1" : "localhost"),
    port: port ?? USUAL_PORT[scheme],
  };
}

function statusWords(ranges: readonly StatusRange[]): string {
  const words = ranges.map(formatStatusRange).join(", ");
  return words === "200-299" ? "a 2xx status" : `status ${words}`;
}

function bodyWords(body: BodyRule | undefined): string {
  if (body === undefined) return "";
  const has = "contains" in body ? `contains ${JSON.stringify(body.contains)}` : `matches ${body.matches}`;
  return ` and a body that ${has}`;
}

/** Without what says who we are. */
function renderHeaders(headers: HttpCheckConfig["headers"]): HttpCheckConfig["headers"] | undefined {
  const fields = Object.entries(headers).map(([name, value]) => [name, isSecretField(name) ? HIDDEN : value]);
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}

function parseUnixSocket(input: string): Parsed<string> {
  const path = parseFilePath(input);
  if ("problem" in path) return path;
  const parsed = parseSocketPath(input);
  return "problem" in parsed ? parsed : { value: input };
}
