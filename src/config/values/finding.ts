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

/** The place of `path` in `value` as it is written: where one may stand for a list of one, a position is the thing itself. */
export function writtenPath(value: unknown, path: Path): Path {
  let here = value;
  return path.filter((step) => {
    if (typeof step === "number" && !Array.isArray(here)) return here === undefined;
    here = below(here, step);
    return true;
  });
}

function below(value: unknown, step: string | number): unknown {
  if (Array.isArray(value)) return value[Number(step)];
  return isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === "object" && value !== null;
}
