/** What one kind of check brings to the configuration; its probe is in src/health/kinds, under the same name. */
import type * as z from "zod";
import type { CheckBase } from "./base.ts";

/** One kind: how the file spells it, and what the checked configuration has of it. */
export interface CheckKind<File, Config extends CheckBase> {
  /** A strict object; its `type` is the name of the kind. */
  schema(): z.ZodType<File>;
  /** What is checked and where, in a few words: the name of a check that was given none. */
  place(file: File): string;
  /** The checked configuration. */
  resolve(file: File, base: CheckBase): Config;
  /** Its own keys as the file spells them, without `type`; undefined ones are left out. */
  render(config: Config): Readonly<Record<string, unknown>>;
}
