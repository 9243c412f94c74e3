/** What is found wrong in a file: the key that it is about, and the words. */

/** Keys and list positions from the top of the file. */
export type Path = readonly (string | number)[];

/** Both counted from 1; columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A problem before it is known where in the file it stands. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** `key` points at the key, `value` (default) at what it is set to. */
  readonly at?: "key" | "value";
  readonly severity?: "error" | "warning";
  /** Another place that the message ends with. */
  readonly other?: Path;
  /** Whether the value follows as "(got VALUE)": `scalar` (default) where it is one, `always` for lists and mappings too. */
  readonly showValue?: "scalar" | "always" | "never";
}
