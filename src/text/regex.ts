/** Regular expressions of the configuration: those of RE2, which take linear time whatever text comes. */
import { messageOf } from "./error_message.ts";
import type { Parsed } from "./parsed.ts";

/** A compiled expression. */
export interface Regex {
  /** Whether it matches somewhere in `text`. */
  matches(text: string): boolean;
}

/** From an expression's text to the compiled one, or what is wrong with it. */
export type CompileRegex = (source: string) => Parsed<Regex>;

/** A text of 64 KiB takes so many steps for each of its characters at most. */
const MAX_PROGRAM_SIZE = 1000;

/** The compiler; loaded only where a configuration has expressions, for it takes a while. */
export async function loadRegexes(): Promise<CompileRegex> {
  const { RE2JS } = await import("re2js");
  return (source) => {
    try {
      const compiled = RE2JS.compile(source);
      if (compiled.programSize() > MAX_PROGRAM_SIZE) return { problem: "is too large a regular expression" };
      return { value: { matches: (text) => compiled.matcher(text).find() } };
    } catch (error) {
      return { problem: `is no regular expression of RE2: ${messageOf(error).replace(/^.*regexp: /, "")}` };
    }
  };
}
