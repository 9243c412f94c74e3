/** The exec check's keys: a program that must end with status 0. */
import * as z from "zod";
import type { Parsed } from "../../text/parsed.ts";
import { command } from "../values/command.ts";
import { lazily } from "../values/lazily.ts";
import { PATTERNS } from "../values/patterns.ts";
import { text } from "../values/rules.ts";
import { baseSchema, type CheckBase, checkBase, within } from "./base.ts";
import { authority } from "./endpoint.ts";
import type { CheckKind } from "./kind.ts";

/** The destination that a program is told of. */
export interface ExecTarget {
  readonly address: string;
  /** 0: none of its own. */
  readonly port: number;
}

/** A program that must end with status 0. */
export interface ExecCheckConfig extends CheckBase {
  readonly type: "exec";
  /** The absolute path of a program, then its arguments. */
  readonly command: readonly [string, ...string[]];
  /** Beside what it is told of the check. */
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined: the agent's own. */
  readonly user: string | undefined;
  /** Undefined: it is a check of a service. */
  readonly destination: ExecTarget | undefined;
  /** It never runs twice at once. */
  readonly alone: true;
}

const MAX_VARIABLES = 100;
const MAX_VALUE_LENGTH = 4096;

const environment = lazily(() => {
  const value = z.string().max(MAX_VALUE_LENGTH, {
    error: `must have at most ${MAX_VALUE_LENGTH} characters`,
  }).regex(/^[^\0]*$/, { error: "has U+0000, NUL: no variable can have it" });
  return z.record(z.string(), value).superRefine((variables, context) => {
    const names = Object.keys(variables);
    const wrong = (path: readonly string[], message: string) =>
      context.addIssue({ code: "custom", path: [...path], message });
    if (names.length > MAX_VARIABLES) wrong([], `must have at most ${MAX_VARIABLES} variables`);
    for (const name of names) {
      if (name.startsWith("BGP_LB_")) wrong([name], "is what the check is of, and not to be chosen");
      else if (!new RegExp(PATTERNS.variable).test(name)) wrong([name], "cannot be the name of a variable");
    }
  }).register(z.globalRegistry, {
    propertyNames: { pattern: PATTERNS.variable },
    maxProperties: MAX_VARIABLES,
  });
});

const schema = lazily(() =>
  z.strictObject({
    type: z.literal("exec").describe("exec: a program that must end with status 0"),
    command: z.lazy(() => command("must name a program")).describe(
      "The absolute path of a program and its arguments; no shell reads them",
    ),
    environment: environment().prefault({}).describe(
      "Variables of its environment, beside PATH and those that say what the check is of",
    ),
    user: text(parseUser, PATTERNS.user).optional().describe(
      "The name of the user that it runs as, with that user's groups. Default: the agent's own",
    ),
    ...baseSchema(),
  }).superRefine(checkBase).describe("An exec check")
);

type ExecFile = z.output<ReturnType<typeof schema>> & {
  /** Of a check that is made for a destination. */
  readonly destination?: ExecTarget | undefined;
};

/** The exec check. */
export const execCheck = {
  schema,
  destinationSchema: schema,
  aim: (check, { address, port }) => ({ value: { ...check, destination: { address: address.text, port } } }),
  place: ({ command, destination }) => `exec ${[...command, ...targetOf(destination)].join(" ")}`,
  resolve({ type, command, environment, user, destination }, base): ExecCheckConfig {
    const [program = "", ...args] = command;
    return { type, command: [program, ...args], environment, user, destination, alone: true, ...base };
  },
  render: ({ command, environment, user }) => ({ command, environment, user }),
  expectation: (check) => `${check.command.join(" ")} ends with status 0 ${within(check)}`,
  needs: ({ command, user }) => ({ program: { path: command[0], user } }),
} satisfies CheckKind<ExecFile, z.output<ReturnType<typeof schema>>, ExecCheckConfig>;

function targetOf(destination: ExecTarget | undefined): readonly string[] {
  if (destination === undefined) return [];
  return [destination.port === 0 ? destination.address : authority(destination)];
}

/** As useradd(8) has them; a number would be taken for another user where that has it for a name. */
function parseUser(input: string): Parsed<string> {
  return new RegExp(PATTERNS.user).test(input)
    ? { value: input }
    : { problem: "must be the name of a user, such as nobody" };
}
