/** Whose format a file is in, told by what only that format has. */
import { isReference } from "../config/legacy.ts";
import { readDocument } from "../config/document.ts";
import type { SourceFile } from "./directive.ts";
import { isOptionFile } from "./exabgp.ts";

/** Formats that migrate reads. */
export const FORMATS = ["exabgp", "anycast-healthchecker", "keepalived", "reference"] as const;

/** One of them. */
export type SourceFormat = (typeof FORMATS)[number];

const BEGINNINGS: readonly (readonly [SourceFormat, RegExp])[] = [
  ["exabgp", /^[ \t]*(neighbor|process|group|template)\b[^;#\n]*\{/m],
  [
    "keepalived",
    /^[ \t]*(virtual_server(_group)?|real_server|vrrp_(instance|script|sync_group)|global_defs)\b/m,
  ],
  ["anycast-healthchecker", /^\[[^\]\n]+\]\s*$/m],
];

const JSON_OR_YAML = /^\s*\{|^(service|bgp)[ \t]*:/m;

/** A format of `bgp-lb` itself is not for migrate. */
export type ToldFormat = SourceFormat | "bgp-lb";

/** What the file could be; none: nothing that is known. */
export function formatsOf({ text }: SourceFile): readonly ToldFormat[] {
  const found: ToldFormat[] = BEGINNINGS.filter(([, pattern]) => pattern.test(text)).map(([format]) =>
    format
  );
  if (!found.includes("exabgp") && isOptionFile(text)) found.push("exabgp");
  if (found.length > 0) return found;
  const { value, problems } = readDocument(text);
  // What is wrong with it, whoever reads it as that will say.
  if (isReference(value) || (problems.length > 0 && JSON_OR_YAML.test(text))) return ["reference"];
  return typeof value === "object" && value !== null && ("bgp" in value || "services" in value)
    ? ["bgp-lb"]
    : [];
}
