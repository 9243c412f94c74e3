/**
 * From a file's text to the checked configuration, with every problem at once. `parseConfig` is pure but for the port
 * to secret files; `loadConfig` adds reading the file itself through a port.
 */
import type { Config } from "./config.ts";
import { readDocument, type SourceDocument } from "./document.ts";
import { type Finding, formatPath, formatValue, type Issue } from "./issue.ts";
import { isReference, translate, type Translation, untranslated } from "./legacy.ts";
import { type Overrides, parseOverrides } from "./overrides.ts";
import { validateParts } from "./validation.ts";
import { resolve } from "./resolve.ts";
import type { ReadSecretFile } from "./resolve_peer.ts";

/** Whose format a file is in: ours or the reference's. */
export type Format = "bgp-lb" | "reference";

/** A checked configuration with warnings, or every problem; in the file's order. No format: nothing could be read. */
export type LoadResult =
  | {
    readonly ok: true;
    readonly config: Config;
    readonly format: Format;
    readonly warnings: readonly Issue[];
  }
  | { readonly ok: false; readonly issues: readonly Issue[]; readonly format: Format | undefined };

/** What `parseConfig` needs besides the text. */
export interface ParseOptions {
  /** How the file is called in issues. */
  readonly fileName: string;
  readonly readSecretFile: ReadSecretFile;
  /** What the command line says over the file. */
  readonly overrides?: Overrides | undefined;
}

/** Reads whole files. @throws {Error} with a message for people, such as "does not exist" */
export type ReadFile = (path: string) => Uint8Array;

/** Reads the file at `path`. Never throws. */
export function loadConfig(path: string, readFile: ReadFile, overrides?: Overrides): LoadResult {
  const read = readText(path, readFile);
  if ("problem" in read) return { ok: false, issues: [fileIssue(path, read.problem)], format: undefined };
  const readSecretFile = (secretPath: string) => {
    const secret = readText(secretPath, readFile);
    if ("problem" in secret) throw new Error(secret.problem);
    return secret.text;
  };
  return parseConfig(read.text, { fileName: path, readSecretFile, overrides });
}

/** Larger files are refused: 10,000 services fit. */
export const MAX_FILE_OCTETS = 4 * 1024 * 1024;

/** The text of a file, or why there is none. */
export function readText(path: string, readFile: ReadFile): { text: string } | { problem: string } {
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  if (bytes.byteLength > MAX_FILE_OCTETS) {
    return { problem: `is larger than ${MAX_FILE_OCTETS / 1024 / 1024} MiB` };
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { problem: "is not UTF-8 text" };
  }
}

/** The configuration that `text` is. Never throws. */
export function parseConfig(
  text: string,
  { fileName, readSecretFile, overrides = {} }: ParseOptions,
): LoadResult {
  const document = readDocument(text);
  if (document.problems.length > 0) {
    const issues = document.problems.map((problem): Issue => ({
      severity: "error",
      file: fileName,
      ...problem,
    }));
    return { ok: false, issues, format: undefined };
  }
  const shape = topLevelProblem(document.value);
  if (shape !== undefined) {
    return { ok: false, issues: [{ ...fileIssue(fileName, shape), position: FIRST }], format: undefined };
  }
  const format = isReference(document.value) ? "reference" : "bgp-lb";
  const translation = format === "reference" ? translate(document.value) : untranslated(document.value);
  const flags = parseOverrides(overrides);
  const resolution = resolve(validateParts(translation.file), readSecretFile, flags.values);
  const found = [
    ...translation.findings,
    ...resolution.findings.map((finding) => inOwnKeys(finding, translation)),
  ];
  const inFile = withoutRepetition(found).map((finding) => toIssue(finding, document, fileName));
  const issues = [...flags.issues, ...inFile.sort(byPosition)];
  const { config } = resolution;
  const failed = issues.some(({ severity }) => severity === "error");
  return failed || config === undefined
    ? { ok: false, issues, format }
    : { ok: true, config, format, warnings: issues };
}

const FIRST = { line: 1, column: 1 } as const;

function fileIssue(file: string, message: string): Issue {
  return { severity: "error", file, position: undefined, path: [], message };
}

function topLevelProblem(value: unknown): string | undefined {
  if (value === null) return "is empty: it needs at least bgp and services";
  const mapping = typeof value === "object" && !Array.isArray(value);
  return mapping
    ? undefined
    : `must be a mapping with bgp and services at the top (got ${formatValue(value)})`;
}

/** A value that is used twice is found wrong twice: in `bgp.defaults` by each peer, or a protocol by each port. */
function withoutRepetition(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path, message }) => {
    const key = JSON.stringify([path, message]);
    return !seen.has(key) && seen.add(key);
  });
}

/** A finding about the translated file as one about the keys that the user wrote. */
function inOwnKeys(finding: Finding, { origin }: Translation): Finding {
  const { other } = finding;
  return { ...finding, path: origin(finding.path), ...(other === undefined ? {} : { other: origin(other) }) };
}

function toIssue(finding: Finding, document: SourceDocument, file: string): Issue {
  const { path, message, severity = "error", other, showValue = "scalar" } = finding;
  const value = document.at(path);
  const presentable = value !== undefined && value !== null &&
    (typeof value !== "object" || showValue === "always");
  const shown = presentable && showValue !== "never" && !isSecret(path) ? ` (got ${formatValue(value)})` : "";
  const named = other === undefined ? "" : ` ${formatPath(other)}`;
  return { severity, file, position: document.locate(finding), path, message: `${message}${named}${shown}` };
}

/** Values at and below these keys are never shown. */
function isSecret(path: Finding["path"]): boolean {
  return path.some((step) => typeof step === "string" && step.toLowerCase() === "password");
}

function byPosition(a: Issue, b: Issue): number {
  return (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
    (a.position?.column ?? 0) - (b.position?.column ?? 0);
}
