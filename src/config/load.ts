/**
 * From a file's text to the checked configuration, with every problem at once. `parseConfig` is pure but for the port
 * to secret files; `loadConfig` adds reading the file itself through a port.
 */
import { messageOf } from "../text/error_message.ts";
import type { CompileRegex } from "../text/regex.ts";
import type { Config } from "./config.ts";
import { readDocument, type SourceDocument } from "./document.ts";
import { formatPath, formatValue, type Issue } from "./issue.ts";
import { type Finding, type Path, writtenPath } from "./values/finding.ts";
import { isReference, translate, type Translation, untranslated } from "./legacy.ts";
import { type Overrides, parseOverrides } from "./overrides.ts";
import { validateParts } from "./validation.ts";
import { regexesFor, regexFindings } from "./regexes.ts";
import { resolve } from "./resolve.ts";
import { isSecretField } from "./values/hidden.ts";
import { exposureOf, type ReadSecretFile } from "./password.ts";
import { decodeText, type SourceText } from "./source_text.ts";

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
  /** Permission bits of the file. */
  readonly mode?: number | undefined;
  readonly readSecretFile: ReadSecretFile;
  /** What the command line says over the file. */
  readonly overrides?: Overrides | undefined;
  /** What regular expressions are read with; where there is nothing, they are taken as they are. */
  readonly compileRegex?: CompileRegex | undefined;
}

/** A file as the port to files gives it. */
export interface FileContent {
  /** More than `MAX_FILE_OCTETS` where there is more. */
  readonly octets: Uint8Array;
  /** Permission bits, such as 0o644; undefined where it is no file. */
  readonly mode?: number | undefined;
}

/** Reads whole files. @throws {Error} with a message for people, such as "does not exist" */
export type ReadFile = (path: string) => FileContent;

/** Reads the file at `path`. Never throws. */
export async function loadConfig(
  path: string,
  readFile: ReadFile,
  overrides?: Overrides,
): Promise<LoadResult> {
  const read = readText(path, readFile);
  if ("problem" in read) return { ok: false, issues: [unreadable(path, read)], format: undefined };
  return await loadText({ name: path, text: read.text, mode: read.mode }, readFile, overrides);
}

/** The text of a file that somebody else has read. */
export interface NamedText {
  /** What the file is called in issues. */
  readonly name: string;
  readonly text: string;
  /** Permission bits of the file, where they are known. */
  readonly mode?: number | undefined;
}

/** Reads a text as the file that it is of, and the secret files that it names, if any. Never throws. */
export async function loadText(
  { name, text, mode }: NamedText,
  readFile: ReadFile,
  overrides?: Overrides,
): Promise<LoadResult> {
  const readSecretFile = (path: string) => {
    const secret = readText(path, readFile);
    if ("problem" in secret) throw new Error(secret.problem);
    return secret;
  };
  const compileRegex = await regexesFor(text);
  return parseConfig(text, { fileName: name, mode, readSecretFile, overrides, compileRegex });
}

/** The text of a file, or why there is none. */
export function readText(
  path: string,
  readFile: ReadFile,
): SourceText & { readonly mode?: number | undefined } {
  try {
    const { octets, mode } = readFile(path);
    return { ...decodeText(octets), mode };
  } catch (error) {
    return { problem: messageOf(error), position: undefined };
  }
}

/** The issue of a file that is no text. */
export function unreadable(
  file: string,
  { problem, position }: Extract<SourceText, { problem: string }>,
): Issue {
  return { severity: "error", file, position, path: [], message: problem };
}

/** The configuration that `text` is. Never throws. */
export function parseConfig(
  text: string,
  { fileName, mode, readSecretFile, overrides = {}, compileRegex }: ParseOptions,
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
    ...document.doubtful,
    ...withoutDoubtful([
      ...translation.findings,
      ...resolution.findings.map((finding) => inOwnKeys(finding, translation)),
    ], document.doubtful),
    ...(compileRegex === undefined ? [] : regexFindings(document.value, compileRegex)),
    ...exposureFindings(document.value, mode),
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

/** What is wrong with a number whose spelling is in doubt follows from that. */
function withoutDoubtful(findings: readonly Finding[], doubtful: readonly Finding[]): readonly Finding[] {
  const places = new Set(doubtful.map(({ path }) => JSON.stringify(path)));
  return findings.filter(({ path }) => !places.has(JSON.stringify(path)));
}

/** A file that everybody on this host may read, with a password in it, or that everybody may change. */
function exposureFindings(value: unknown, mode: number | undefined): readonly Finding[] {
  const exposure = exposureOf(mode);
  if (mode === undefined || exposure === undefined) return [];
  const password = passwordPath(value);
  const warning = (path: Path, message: string): Finding => ({ path, message, severity: "warning" });
  if (password !== undefined) {
    const cure = password.at(-1) === "password"
      ? "chmod o= it, or name a file with passwordFile"
      : "chmod o= it";
    return [warning(password, `stands in a file that ${exposure}: ${cure}`)];
  }
  return (mode & 0o002) === 0 ? [] : [warning([], `${exposure.replace(" (", " this file (")}: chmod o= it`)];
}

/** Where the first password stands, or header field that says who we are. */
function passwordPath(value: unknown, path: Path = []): Path | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, below] of entries) {
    const here = [...path, key];
    const secret = key === "password" || (path.at(-1) === "headers" && isSecretField(String(key)));
    const found = secret ? here : passwordPath(below, here);
    if (found !== undefined) return found;
  }
  return undefined;
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
  const { message, severity = "error", other, showValue = "scalar" } = finding;
  const path = writtenPath(document.value, finding.path);
  const value = document.at(path);
  const written = document.spelling(path) ?? formatValue(value);
  const presentable = value !== undefined && value !== null &&
    (typeof value !== "object" || showValue === "always");
  const shown = presentable && showValue !== "never" && !isSecret(path) ? ` (got ${written})` : "";
  const named = other === undefined ? "" : ` ${formatPath(writtenPath(document.value, other))}`;
  return {
    severity,
    file,
    position: document.locate({ ...finding, path }),
    path,
    message: `${message}${named}${shown}`,
  };
}

/** Values at and below these keys are never shown: header fields say who we are, too. */
function isSecret(path: Finding["path"]): boolean {
  return path.some((step) =>
    typeof step === "string" && ["password", "headers"].includes(step.toLowerCase())
  );
}

function byPosition(a: Issue, b: Issue): number {
  return (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
    (a.position?.column ?? 0) - (b.position?.column ?? 0);
}
