/**
 * The dns check's keys: a question to a name server, and what it must answer. Its `name` is the name that is asked for; the
 * check itself is always known by kind and place.
 */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { PATTERNS } from "../values/patterns.ts";
import { text, whole } from "../values/rules.ts";
import { baseSchema, type CheckBase, checkBase, type FileBase, within } from "./base.ts";
import {
  aimEndpoint,
  authority,
  destinationEndpointSchema,
  type Endpoint,
  endpointSchema,
  renderEndpoint,
} from "./endpoint.ts";
import {
  expectedPattern,
  parseDomainName,
  parseExpected,
  RECORD_TYPES,
  type RecordType,
} from "./dns_record.ts";
import type { CheckKind } from "./kind.ts";

/** What a server may say of a question (RFC 1035 section 4.1.1, RFC 2136 section 2.2). */
export const RCODES = [
  ...["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"] as const,
  ...["YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"] as const,
] as const;

/** A question to a name server. */
export interface DnsCheckConfig extends CheckBase, Endpoint {
  readonly type: "dns";
  /** In small letters, without the dot at its end. */
  readonly domain: string;
  readonly recordType: RecordType;
  /** Each of these, in the form of `recordText`, must be among the answers; undefined: at least one answer there must be. */
  readonly expect: readonly string[] | undefined;
  readonly rcode: typeof RCODES[number];
  readonly protocol: "udp" | "tcp";
  /** Whether the server is to ask others for what it does not know itself. */
  readonly recursion: boolean;
}

const DEFAULT_PORT = 53;
/** What one check may expect. */
const MAX_EXPECTED = 64;

/** Of many values so many are named. */
const SHOWN = 3;

/** Keys that are the same wherever the check stands. */
const keys = lazily(() => {
  return {
    ...baseSchema(),
    type: z.literal("dns").describe("dns: a question to a name server, and what it must answer"),
    name: text(parseDomainName, PATTERNS.domainNameOrAddress).describe(
      "The name that is asked for; an address is its name in in-addr.arpa or ip6.arpa",
    ),
    recordType: z.enum(RECORD_TYPES).default("A").describe("The type of the records that are asked for"),
    expect: z.array(z.string()).max(MAX_EXPECTED, { error: `must have at most ${MAX_EXPECTED}` }).optional()
      .describe(
        "Each must be among the answers, as a zone file has it: 192.0.2.1, 10 mail.example.org. []: none need be there. Default: at least one record, whatever it says",
      ),
    rcode: z.enum(RCODES).default("NOERROR").describe("What the server must say of the question"),
    protocol: z.enum(["udp", "tcp"]).default("udp").describe(
      "udp (a truncated answer is asked for again over tcp) or tcp",
    ),
    recursion: z.boolean().default(true).describe(
      "false: the server is not asked to find out from others what it does not know",
    ),
  };
});

function schema() {
  return z.strictObject({
    ...keys(),
    ...endpointSchema(),
    port: whole(1, 65535).default(DEFAULT_PORT).describe("The port to connect to"),
  }).superRefine(checkKeys).meta({ allOf: rulesOfExpect(), description: "A DNS check" }).transform(asks);
}

function destinationSchema() {
  return z.strictObject({ ...keys(), ...destinationEndpointSchema() })
    .superRefine(checkKeys).meta({ allOf: rulesOfExpect(), description: "A DNS check of a destination" })
    .transform(asks);
}

/** What is asked for is no name of the check. */
function asks<File extends { readonly name: string }>(
  { name, ...file }: File,
): Omit<File, "name"> & { readonly domain: string; readonly name: string | undefined } {
  return { ...file, domain: name, name: undefined };
}

function checkKeys(
  check: FileBase & {
    readonly recordType: RecordType;
    readonly expect?: readonly string[] | undefined;
    readonly rcode: string;
  },
  context: z.RefinementCtx,
): void {
  checkBase(check, context);
  const { recordType, expect = [], rcode } = check;
  if (check.expect !== undefined && rcode !== "NOERROR") {
    const message = `has no meaning with rcode ${rcode}: there are no answers then`;
    return context.addIssue({ code: "custom", path: ["expect"], message });
  }
  expect.forEach((input, index) => {
    const parsed = parseExpected(recordType, input);
    if ("value" in parsed) return;
    context.addIssue({ code: "custom", path: ["expect", index], message: parsed.problem, input });
  });
}

/** The same as the rules between its keys, for JSON Schema; the type is A where it is left out. */
const rulesOfExpect = lazily(() => [
  ...RECORD_TYPES.map((type) => ({
    if: { properties: { recordType: { const: type } }, ...type === "A" ? {} : { required: ["recordType"] } },
    then: { properties: { expect: { items: { pattern: expectedPattern(type) } } } },
  })),
  { not: { required: ["expect", "rcode"], properties: { rcode: { not: { const: "NOERROR" } } } } },
]);

/** The dns check. */
export const dnsCheck = {
  schema,
  destinationSchema,
  aim: (check, target) => aimEndpoint(check, target),
  place: (check) => `dns ${authority(check)} ${check.domain} ${check.recordType}`,
  resolve(file, base): DnsCheckConfig {
    const { type, address, port, domain, recordType, rcode, protocol, recursion } = file;
    const expect = file.expect?.flatMap((text) => {
      const parsed = parseExpected(recordType, text);
      return "value" in parsed ? [parsed.value] : [];
    });
    return { type, address, port, domain, recordType, expect, rcode, protocol, recursion, ...base };
  },
  render(check) {
    const { domain, recordType, expect, rcode, protocol, recursion } = check;
    return { name: domain, ...renderEndpoint(check), recordType, expect, rcode, protocol, recursion };
  },
  hosts: ({ address }) => [address],
  expectation(check) {
    const { domain, recordType, expect = [], rcode, protocol } = check;
    const values = expect.slice(0, SHOWN).join(", ");
    const more = expect.length > SHOWN ? ` and ${expect.length - SHOWN} more` : "";
    const answer = rcode !== "NOERROR" ? rcode : `${values}${more}`;
    const what = `${domain} ${recordType}${answer === "" ? "" : ` with ${answer}`}`;
    return `the name server ${authority(check)} answers ${what} over ${protocol} ${within(check)}`;
  },
  needs: ({ protocol }) => protocol === "udp" ? { ffi: "--allow-ffi, or protocol: tcp" } : {},
} satisfies CheckKind<
  z.output<ReturnType<typeof schema>>,
  z.output<ReturnType<typeof destinationSchema>>,
  DnsCheckConfig
>;
