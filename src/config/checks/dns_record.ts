/**
 * What DNS records say, as text that can be compared: names in small letters without the dot at their end (RFC 4343),
 * addresses as RFC 5952 has them, the fields of others one after the other as in a zone file. The same whether a
 * configuration expects it or a server answers it.
 */
import { parseAddress } from "../../net/address.ts";
import type { Parsed } from "../../text/parsed.ts";
import { PATTERNS } from "../values/patterns.ts";

/** What a field is: a number, a name, a text that may have spaces in quotes, or octets in hexadecimal. */
type FieldKind = "number" | "name" | "text" | "hex";

/** The fields of records that have several, by the names that `dns-packet` gives them, in the order of zone files. */
const FIELDS = {
  CAA: [["flags", "number"], ["tag", "text"], ["value", "text"]],
  DS: [["keyTag", "number"], ["algorithm", "number"], ["digestType", "number"], ["digest", "hex"]],
  MX: [["preference", "number"], ["exchange", "name"]],
  NAPTR: [
    ...[["order", "number"], ["preference", "number"], ["flags", "text"]] as const,
    ...[["services", "text"], ["regexp", "text"], ["replacement", "name"]] as const,
  ],
  SOA: [
    ...[["mname", "name"], ["rname", "name"], ["serial", "number"], ["refresh", "number"]] as const,
    ...[["retry", "number"], ["expire", "number"], ["minimum", "number"]] as const,
  ],
  SRV: [["priority", "number"], ["weight", "number"], ["port", "number"], ["target", "name"]],
  SSHFP: [["algorithm", "number"], ["hash", "number"], ["fingerprint", "hex"]],
  TLSA: [["usage", "number"], ["selector", "number"], ["matchingType", "number"], ["certificate", "hex"]],
} as const satisfies Readonly<Record<string, readonly (readonly [field: string, kind: FieldKind])[]>>;

/** The types of records that a check can ask for. */
export const RECORD_TYPES = [
  ...["A", "AAAA", "CAA", "CNAME", "DNAME", "DS", "MX", "NAPTR", "NS"] as const,
  ...["PTR", "SOA", "SRV", "SSHFP", "TLSA", "TXT"] as const,
] as const;

/** A type of records. */
export type RecordType = typeof RECORD_TYPES[number];

type NamedType = "CNAME" | "DNAME" | "NS" | "PTR";

/** One value of a record, such as it came off the wire: fields by name, or one text, or pieces of one. */
export type RecordData = string | readonly Uint8Array[] | Readonly<Record<string, unknown>>;

/** A name as it is compared: "." is the root. */
export function canonicalName(name: string): string {
  const bare = name.toLowerCase().replace(/\.$/, "");
  return bare === "" ? "." : bare;
}

/** A domain name that is asked for; an address is its name in in-addr.arpa or ip6.arpa (RFC 1035 3.5, RFC 3596 2.5). */
export function parseDomainName(text: string): Parsed<string> {
  const address = parseAddress(text);
  if (address !== undefined) return { value: reverseName(address.family, address.bytes) };
  return new RegExp(PATTERNS.domainName).test(text) ? { value: canonicalName(text) } : {
    problem:
      "must be a domain name of labels of at most 63 characters, 253 in all (other alphabets: as xn--…)",
  };
}

/** What a configuration expects a record of that type to say. */
export function parseExpected(type: RecordType, text: string): Parsed<string> {
  switch (type) {
    case "A":
    case "AAAA": {
      const address = parseAddress(text);
      const family = type === "A" ? 4 : 6;
      return address?.family === family
        ? { value: address.text }
        : { problem: `must be an IPv${family} address` };
    }
    case "TXT":
      return { value: text };
    case "CNAME":
    case "DNAME":
    case "NS":
    case "PTR":
      return new RegExp(PATTERNS.domainName).test(text)
        ? { value: canonicalName(text) }
        : { problem: "must be a domain name" };
    default: {
      if (new RegExp(expectedPattern(type)).test(text)) {
        return { value: canonicalFields(type, tokensOf(text)) };
      }
      const words = FIELDS[type].map(([field, kind]) => kind === "hex" ? `${field} (hexadecimal)` : field);
      return { problem: `must be the fields of a record of type ${type}: ${words.join(" ")}` };
    }
  }
}

/** The grammar of what `parseExpected` takes, for JSON Schema. */
export function expectedPattern(type: RecordType): string {
  switch (type) {
    case "A":
      return PATTERNS.address4;
    case "AAAA":
      return PATTERNS.address6;
    case "TXT":
      return "";
    case "CNAME":
    case "DNAME":
    case "NS":
    case "PTR":
      return PATTERNS.domainName;
    default:
      return `^${FIELDS[type].map(([, kind]) => TOKENS[kind]).join(" +")}$`;
  }
}

/** What a record of that type says, or undefined where its data is none of that type. */
export function recordText(type: RecordType, data: RecordData): string | undefined {
  switch (type) {
    case "A":
    case "AAAA": {
      const address = typeof data === "string" ? parseAddress(data) : undefined;
      return address?.family === (type === "A" ? 4 : 6) ? address.text : undefined;
    }
    case "TXT":
      return Array.isArray(data) ? joined(data) : undefined;
    case "CNAME":
    case "DNAME":
    case "NS":
    case "PTR":
      return typeof data === "string" ? canonicalName(data) : undefined;
    default: {
      if (typeof data === "string" || Array.isArray(data)) return undefined;
      const fields = new Map(Object.entries(data));
      const values = FIELDS[type].map(([field]) => valueText(fields.get(field)));
      const known = values.filter((value) => value !== undefined);
      return known.length === values.length ? canonicalFields(type, known) : undefined;
    }
  }
}

const TOKENS: Readonly<Record<FieldKind, string>> = {
  number: "(?:0|[1-9][0-9]{0,9})",
  name: '[^\\s"]{1,255}',
  text: '(?:"[^"]*"|[^\\s"]+)',
  hex: "[0-9A-Fa-f]+",
};

/** What stands between spaces, or in quotes. */
function tokensOf(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

function canonicalFields(
  type: Exclude<RecordType, "A" | "AAAA" | "TXT" | NamedType>,
  values: readonly string[],
): string {
  return FIELDS[type].map(([, kind], index) => {
    const value = values[index] ?? "";
    if (kind === "name") return canonicalName(value);
    if (kind === "hex") return value.toLowerCase();
    return kind === "text" ? `"${value}"` : value;
  }).join(" ");
}

function valueText(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "string") return `${value}`;
  if (!(value instanceof Uint8Array)) return undefined;
  return [...value].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** The pieces of at most 255 octets that a text is cut into (RFC 7208 section 3.3). */
function joined(pieces: readonly unknown[]): string | undefined {
  const octets = pieces.flatMap((piece) => piece instanceof Uint8Array ? [...piece] : []);
  return new TextDecoder().decode(Uint8Array.from(octets));
}

function reverseName(family: 4 | 6, bytes: Uint8Array): string {
  if (family === 4) return `${[...bytes].reverse().join(".")}.in-addr.arpa`;
  const nibbles = [...bytes].flatMap((octet) => [octet >>> 4, octet & 0xf]);
  return `${nibbles.reverse().map((nibble) => nibble.toString(16)).join(".")}.ip6.arpa`;
}
