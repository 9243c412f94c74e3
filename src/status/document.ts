/** The status document as it comes out of JSON. */
import type { Status } from "./status.ts";

/** What a value is after it went through JSON: moments are texts. */
export type AsJson<T> = T extends Date ? string
  : T extends object ? { readonly [Key in keyof T]: AsJson<T[Key]> }
  : T;

/** The status document as an agent answers it. */
export type StatusDocument = AsJson<Status>;
