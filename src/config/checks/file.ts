/** The file check's keys: a file that must be there, must not be there, or must contain a text. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { PATTERNS } from "../values/patterns.ts";
import { parseFilePath } from "../values/name.ts";
import { text } from "../values/rules.ts";
import { baseSchema, type CheckBase, checkBase } from "./base.ts";
import { foreignText } from "../../text/foreign.ts";
import type { CheckKind } from "./kind.ts";

/** What `contains` looks through, from the beginning of the file. */
export const FILE_HEAD_OCTETS = 65_536;
/** The longest text that is looked for. */
const MAX_CONTAINS_LENGTH = 1000;

/** A file of this host. */
export interface FileCheckConfig extends CheckBase {
  readonly type: "file";
  readonly path: string;
  /** It must not be there. */
  readonly absent: boolean;
  /** Undefined: that it is there is enough. */
  readonly contains: string | undefined;
}

const schema = lazily(() =>
  z.strictObject({
    type: z.literal("file").describe("file: a file that must be there, or must not, or must contain a text"),
    path: text(parseFilePath, PATTERNS.filePath).describe("The absolute path of the file"),
    absent: z.boolean().default(false).describe("true: it must not be there"),
    contains: z.string().min(1, { error: "must not be empty" }).max(MAX_CONTAINS_LENGTH, {
      error: `must have at most ${MAX_CONTAINS_LENGTH} characters`,
    }).optional().describe("A text that its first 64 KiB must have. Default: that it is there is enough"),
    ...baseSchema(),
  }).superRefine((check, context) => {
    checkBase(check, context);
    if (!check.absent || check.contains === undefined) return;
    context.addIssue({ code: "custom", path: ["contains"], message: "has no meaning with absent" });
  }).meta({
    not: { properties: { absent: { const: true } }, required: ["absent", "contains"] },
    description: "A file check",
  })
);

type FileFile = z.output<ReturnType<typeof schema>>;

/** The file check: the same for a service and, as it is about this host, for each destination that has it. */
export const fileCheck = {
  schema,
  destinationSchema: schema,
  aim: (check) => ({ value: check }),
  place: ({ path, absent }) => absent ? `no file ${path}` : `file ${path}`,
  resolve: ({ type, path, absent, contains }, base): FileCheckConfig => ({
    type,
    path,
    absent,
    contains,
    ...base,
  }),
  render: ({ path, absent, contains }) => ({ path, absent, contains }),
  expectation({ path, absent, contains }) {
    if (absent) return `${path} is not there`;
    return contains === undefined
      ? `${path} is there`
      : `${path} contains ${foreignText(JSON.stringify(contains))}`;
  },
  needs: () => ({ ffi: "--allow-ffi" }),
} satisfies CheckKind<FileFile, FileFile, FileCheckConfig>;
