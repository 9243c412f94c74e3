/** The process check's keys: a process that must run, known by its pid file or as a unit of systemd. */
import * as z from "zod";
import type { Parsed } from "../../text/parsed.ts";
import { lazily } from "../values/lazily.ts";
import { PATTERNS } from "../values/patterns.ts";
import { parseFilePath } from "../values/name.ts";
import { text } from "../values/rules.ts";
import { baseSchema, type CheckBase, checkBase, type FileBase, tripwireSchema, within } from "./base.ts";
import type { CheckKind } from "./kind.ts";

/** Who tells of units: where systemd has it on every distribution. */
export const SYSTEMCTL = "/usr/bin/systemctl";

/** A process of this host. */
export interface ProcessCheckConfig extends CheckBase {
  readonly type: "process";
  /** Exactly one of the two is given. */
  readonly pidFile: string | undefined;
  readonly unit: string | undefined;
}

const schema = lazily(() =>
  z.strictObject({
    type: z.literal("process").describe("process: a process that must run"),
    pidFile: text(parseFilePath, PATTERNS.filePath).optional().describe(
      "The absolute path of the file with its number; this or unit",
    ),
    unit: text(parseUnit, PATTERNS.unit).optional().describe(
      "A unit of systemd that must be active, such as app.service; this or pidFile",
    ),
    ...baseSchema(),
    ...tripwireSchema(),
  }).superRefine(checkKeys).meta({
    oneOf: [{ required: ["pidFile"] }, { required: ["unit"] }],
    description: "A process check",
  })
);

type ProcessFile = z.output<ReturnType<typeof schema>>;

function checkKeys(
  check: FileBase & { readonly pidFile?: string | undefined; readonly unit?: string | undefined },
  context: z.RefinementCtx,
): void {
  checkBase(check, context);
  const { pidFile, unit } = check;
  if (pidFile === undefined && unit === undefined) {
    context.addIssue({ code: "custom", path: [], message: "needs pidFile or unit" });
  } else if (pidFile !== undefined && unit !== undefined) {
    context.addIssue({ code: "custom", path: ["unit"], message: "has no meaning with pidFile" });
  }
}

/** The process check: the same for a service and, as it is about this host, for each destination that has it. */
export const processCheck = {
  schema,
  destinationSchema: schema,
  aim: (check) => ({ value: check }),
  place: ({ pidFile, unit }) => unit === undefined ? `process of ${pidFile}` : `unit ${unit}`,
  resolve: ({ type, pidFile, unit }, base): ProcessCheckConfig => ({ type, pidFile, unit, ...base }),
  render: ({ pidFile, unit, tripwire }) => ({ pidFile, unit, tripwire }),
  expectation(check) {
    const { pidFile, unit } = check;
    return unit === undefined
      ? `the process that ${pidFile} names runs`
      : `${unit} is active, as systemctl says ${within(check)}`;
  },
  needs({ unit }) {
    const ffi = "--allow-ffi";
    return unit === undefined ? { ffi } : { ffi, program: { path: SYSTEMCTL, user: undefined } };
  },
} satisfies CheckKind<ProcessFile, ProcessFile, ProcessCheckConfig>;

/** systemd.unit(5): with the suffix, which systemctl(1) would put behind it, and no pattern. */
function parseUnit(input: string): Parsed<string> {
  return new RegExp(PATTERNS.unit).test(input)
    ? { value: input }
    : { problem: "must be the name of a unit with its suffix, such as app.service" };
}
