/** Regular expressions of the file: whether they are any. What reads them is loaded only where there are some. */
import { type CompileRegex, loadRegexes } from "../text/regex.ts";
import type { Finding, Path } from "./values/finding.ts";

/** What reads the expressions that `text` may have; undefined: it has none. */
export async function regexesFor(text: string): Promise<CompileRegex | undefined> {
  return /\bmatches\b/.test(text) ? await loadRegexes() : undefined;
}

/** What is wrong with the expressions of a file's plain values: each `body.matches`. */
export function* regexFindings(value: unknown, compile: CompileRegex, path: Path = []): Generator<Finding> {
  if (typeof value !== "object" || value === null) return;
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, below] of entries) {
    const here = [...path, key];
    yield* regexFindings(below, compile, here);
    if (key !== "matches" || path.at(-1) !== "body" || typeof below !== "string") continue;
    const parsed = compile(below);
    if ("problem" in parsed) yield { path: here, message: parsed.problem };
  }
}
