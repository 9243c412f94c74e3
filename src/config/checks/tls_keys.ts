/** The keys of the kinds that speak TLS: whom they believe, as whom they come, and how long the certificate must last. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { parseFilePath, parseHost } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { text, whole } from "../values/rules.ts";

/** Our own certificate and its key, for servers that ask for one: PEM files. */
export interface KeyPairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** How a check speaks TLS. */
export interface TlsConfig {
  /** The name of SNI and of the certificate; undefined: that of the host. */
  readonly serverName: string | undefined;
  readonly insecureSkipVerify: boolean;
  /** PEM file of certificates that are trusted beside those of the host. */
  readonly caFile: string | undefined;
  readonly keyPair: KeyPairFiles | undefined;
  /** The server's certificate must be valid for so many days at least; 0: however few. */
  readonly minDaysLeft: number;
}

/** The same keys, as the schema reads them. */
export interface FileTls {
  readonly serverName?: string | undefined;
  readonly insecureSkipVerify: boolean;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly minDaysLeft: number;
}

/** How many days a certificate can be asked to last. */
const MAX_DAYS_LEFT = 3650;

/** The keys of a kind that speaks TLS. */
export const tlsSchema = lazily(() => {
  const file = text(parseFilePath, PATTERNS.filePath);
  return {
    serverName: text(parseHost, PATTERNS.host).optional().describe(
      "The name, or address, that the server's certificate must be for, and of SNI. Default: the host's",
    ),
    insecureSkipVerify: z.boolean().default(false).describe("true: accept any certificate"),
    caFile: file.optional().describe(
      "PEM file of certificates that are trusted beside those that the host trusts",
    ),
    certFile: file.optional().describe("PEM file of our own certificate, for servers that ask for one"),
    keyFile: file.optional().describe("PEM file of its key"),
    minDaysLeft: whole(0, MAX_DAYS_LEFT).default(0).describe(
      "The server's certificate must be valid for so many days more, also with insecureSkipVerify",
    ),
  } as const;
});

/** Tells that a key has no meaning, or what it lacks. */
export type Complaint = (key: string, message: string) => void;

/** The rules between these keys. */
export function checkTls(
  { insecureSkipVerify, caFile, certFile, keyFile }: FileTls,
  complain: Complaint,
): void {
  if (insecureSkipVerify && caFile !== undefined) {
    complain("caFile", "has no meaning with insecureSkipVerify");
  }
  if (certFile !== undefined && keyFile === undefined) complain("certFile", "needs keyFile, the key of it");
  if (keyFile !== undefined && certFile === undefined) complain("keyFile", "needs certFile, whose key it is");
}

/** The same for JSON Schema. */
export const TLS_RULES = [
  {
    not: { properties: { insecureSkipVerify: { const: true } }, required: ["insecureSkipVerify", "caFile"] },
  },
  { dependentRequired: { certFile: ["keyFile"], keyFile: ["certFile"] } },
] as const;

/** Keys of TLS whose default is nothing. */
const OF_TLS = ["serverName", "caFile", "certFile", "keyFile"] as const;

/** The keys of TLS that are set, where none has a meaning. */
export function tlsKeysOf(check: FileTls): readonly string[] {
  return [
    ...OF_TLS.filter((key) => check[key] !== undefined),
    ...(check.insecureSkipVerify ? ["insecureSkipVerify"] : []),
    ...(check.minDaysLeft > 0 ? ["minDaysLeft"] : []),
  ];
}

/** JSON Schema of a check that does not speak TLS. */
export const WITHOUT_TLS = {
  properties: {
    ...Object.fromEntries(OF_TLS.map((key) => [key, false])),
    insecureSkipVerify: { const: false },
    minDaysLeft: { const: 0 },
  },
} as const;

/** How long the certificate must last: `good for 7 days or more,`; "": however short. */
export function lastingWords({ minDaysLeft }: TlsConfig): string {
  return minDaysLeft === 0 ? "" : `good for ${minDaysLeft} day${minDaysLeft === 1 ? "" : "s"} or more,`;
}

/** The checked configuration of these keys. */
export function resolveTls(file: FileTls): TlsConfig {
  const { serverName, insecureSkipVerify, caFile, certFile, keyFile, minDaysLeft } = file;
  const keyPair = certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
  return { serverName, insecureSkipVerify, caFile, keyPair, minDaysLeft };
}

/** These keys as the file spells them; undefined ones are left out. */
export function renderTls(config: TlsConfig): Readonly<Record<string, unknown>> {
  const { serverName, insecureSkipVerify, caFile, keyPair, minDaysLeft } = config;
  return {
    serverName,
    insecureSkipVerify,
    caFile,
    ...keyPair,
    minDaysLeft,
  };
}
