// Texts of configuration files for tests, and the shortest way to what becomes of them.
import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { formatIssue } from "../../src/config/issue.ts";
import { type LoadResult, parseConfig } from "../../src/config/load.ts";
import { loadRegexes } from "../../src/text/regex.ts";
import type { SecretFile } from "../../src/config/password.ts";
import type { Overrides } from "../../src/config/overrides.ts";

/** The shortest valid file. */
export const MINIMAL = `bgp:
  local: {routerID: 10.0.0.1, as: 65512}
  peers: [{address: 10.0.0.254, as: 65512}]
services:
  - {name: web, addresses: [10.99.0.1]}
`;

const SECRETS: Readonly<Record<string, string>> = {
  "/secret": "s3cr3t\n",
  "/empty": "\n",
  "/lines": "a\nb\n",
  "/open": "s3cr3t\n",
  "/padded": "s3cr3t \n",
  "/control": "s3\u0000cr3t\n",
  "/long": "x".repeat(81),
};

/** Secret files by name; any other one does not exist. */
export function readSecretFile(path: string): SecretFile {
  const secret = SECRETS[path];
  if (secret === undefined) throw new Error("does not exist");
  return { text: secret, mode: path === "/open" ? 0o644 : 0o400 };
}

const compileRegex = await loadRegexes();

/** The result for `text` as file `f`. */
export function parse(text: string, overrides: Overrides = {}): LoadResult {
  return parseConfig(text, { fileName: "f", readSecretFile, overrides, compileRegex });
}

/** Every issue of `text`, printed, warnings too, without the file's name. */
export function issuesOf(text: string, overrides: Overrides = {}): string[] {
  const result = parse(text, overrides);
  return (result.ok ? result.warnings : result.issues).map((issue) => formatIssue(issue).replace(/^f:/, ""));
}

/** The configuration of a valid text. @throws {AssertionError} with its issues */
export function configOf(text: string, overrides: Overrides = {}): Config {
  const result = parse(text, overrides);
  if (result.ok) return result.config;
  return assert.fail(result.issues.map(formatIssue).join("\n"));
}
