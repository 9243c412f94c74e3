/** A picture on the whole terminal that is drawn again and again, in place; what was there before comes back at the end. */
import type { Terminal } from "./terminal.ts";

/** Another screen than the shell's, cursor hidden, long lines cut (xterm's DECSET 1049, 25, 7). */
const BEGIN = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[H\u001b[2J";
const END = "\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
/** Before a line and not behind it: behind one that is as wide as the terminal it would take the last character away. */
const EMPTY_LINE = "\u001b[0m\u001b[K";
/** From the line behind the last one. */
const REST_OF_SCREEN = "\r\n\u001b[0m\u001b[J";

/** The screen, from when it is made until it is disposed. */
export class Screen implements Disposable {
  readonly #terminal: Terminal;
  #open: boolean;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#open = terminal.write(BEGIN);
  }

  /** Draws as much of `text` as there are rows for; false where the terminal is gone. */
  draw(text: string): boolean {
    const { rows } = this.#terminal.size();
    const lines = text.replace(/\n$/, "").split("\n");
    const shown = lines.length <= rows
      ? lines
      : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`];
    // All in one, and never the whole screen erased first: nothing flickers.
    const picture = shown.map((line) => EMPTY_LINE + line).join("\r\n");
    const below = shown.length < rows ? REST_OF_SCREEN : "";
    this.#open &&= this.#terminal.write(`${HOME}${picture}${below}`);
    return this.#open;
  }

  [Symbol.dispose](): void {
    if (this.#open) this.#terminal.write(END);
    this.#open = false;
  }
}
