/** A terminal that keeps what is written to it, and whose size, keys and signals are the test's. */
import type { Terminal } from "../../src/cli/terminal.ts";

/** The terminal. */
export class FakeTerminal implements Terminal {
  readonly isTerminal: boolean = true;
  readonly variables: Terminal["variables"];
  columns = 80;
  rows = 24;
  /** All that was written since this was last emptied. */
  written = "";
  /** It was taken away. */
  gone = false;
  readonly #callbacks = new Map<"end" | "resize" | "key", Set<(key: string) => void>>();

  constructor(variables: Partial<Terminal["variables"]> = {}) {
    this.variables = { term: "xterm", noColor: undefined, ...variables };
  }

  /** Standard output leads to a file or a pipe. */
  static none(): FakeTerminal {
    return Object.assign(new FakeTerminal(), { isTerminal: false });
  }

  size(): ReturnType<Terminal["size"]> {
    return { columns: this.columns, rows: this.rows };
  }

  write(text: string): boolean {
    if (!this.gone) this.written += text;
    return !this.gone;
  }

  onEnd(callback: () => void): Disposable {
    return this.#on("end", callback);
  }

  onResize(callback: () => void): Disposable {
    return this.#on("resize", callback);
  }

  onKey(callback: (key: string) => void): Disposable {
    return this.#on("key", callback);
  }

  /** Calls back whoever waits for this. */
  emit(what: "end" | "resize" | "key", key = ""): void {
    for (const callback of this.#callbacks.get(what) ?? []) callback(key);
  }

  /** How many wait for anything: none once all is over. */
  get listeners(): number {
    return [...this.#callbacks.values()].reduce((sum, { size }) => sum + size, 0);
  }

  #on(what: "end" | "resize" | "key", callback: (key: string) => void): Disposable {
    const callbacks = this.#callbacks.get(what) ?? new Set();
    this.#callbacks.set(what, callbacks.add(callback));
    return { [Symbol.dispose]: () => void callbacks.delete(callback) };
  }
}
