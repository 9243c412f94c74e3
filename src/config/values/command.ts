/** Commands that the agent runs: a program and its arguments, as execve(2) takes them. No shell, no PATH, no variables. */
import * as z from "zod";
import { printableProblem } from "../../text/characters.ts";
import { PATTERNS } from "./patterns.ts";

/** A list of the program and its arguments, in their order; `none` says what is wrong where it is empty. */
export function command(none = "must name a program; leave the key out for none"): z.ZodArray<z.ZodString> {
  const argument = z.string().register(z.globalRegistry, { pattern: PATTERNS.commandArgument });
  const form = { error: "must be a list of the program and its arguments, such as [/usr/lib/check, --fast]" };
  return z.array(argument, form).min(1, { error: none }).superRefine((argv, context) => {
    argv.forEach((text, index) => {
      const message = index === 0 ? programProblem(text) : text.includes("\0") ? NUL : undefined;
      if (message !== undefined) context.addIssue({ code: "custom", path: [index], message });
    });
  }).register(z.globalRegistry, { prefixItems: [{ type: "string", pattern: PATTERNS.filePath }] });
}

const NUL = "has U+0000, NUL: no argument of a program can have it";

function programProblem(text: string): string | undefined {
  return text.startsWith("/") && !text.endsWith("/")
    ? printableProblem(text)
    : "must be the absolute path of a program: no shell and no PATH looks for it";
}
