/** The terminal as a port, and what may be done with it. */
import { PLAIN, type Style } from "../text/style.ts";

/** The terminal that standard input and output lead to, where they do. */
export interface Terminal {
  /** Standard output leads to one. */
  readonly isTerminal: boolean;
  /** Of the environment; undefined: not set. */
  readonly variables: { readonly term: string | undefined; readonly noColor: string | undefined };
  size(): { readonly columns: number; readonly rows: number };
  /** Writes to standard output; false where nothing is there any more that could take it. */
  write(text: string): boolean;
  /** Calls back when this process is told to end (SIGINT, SIGTERM, SIGHUP), which then is all that these signals do. */
  onEnd(callback: () => void): Disposable;
  onResize(callback: () => void): Disposable;
  /** Calls back with each key, which is not echoed meanwhile; never where standard input is no terminal. */
  onKey(callback: (key: string) => void): Disposable;
}

/** A terminal where the cursor can be moved. */
export function canRedraw({ isTerminal, variables: { term = "" } }: Terminal): boolean {
  return isTerminal && term !== "" && term !== "dumb";
}

/** How texts are set: for the terminal, in colours unless somebody said no (no-color.org), else plain. */
export function styleFor(terminal: Terminal): Style {
  if (!terminal.isTerminal) return PLAIN;
  const { noColor = "" } = terminal.variables;
  return { width: terminal.size().columns, colour: canRedraw(terminal) && noColor === "" };
}
