/** The terminal of this process: its size, its keys one by one, and the signals that come from it. */
import { writeText } from "./files.ts";

/** Where the size cannot be known. */
const USUAL_SIZE = { columns: 80, rows: 24 } as const;
const END_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The terminal that standard input and output lead to, where they do. */
export class StandardTerminal {
  readonly isTerminal: boolean = Deno.stdout.isTerminal();
  readonly variables: { readonly term: string | undefined; readonly noColor: string | undefined } = {
    term: variable("TERM"),
    noColor: variable("NO_COLOR"),
  };

  /** One that says 0 by 0, as a terminal without a window does, is taken for a usual one. */
  size(): { readonly columns: number; readonly rows: number } {
    try {
      const { columns, rows } = Deno.consoleSize();
      return { columns: columns || USUAL_SIZE.columns, rows: rows || USUAL_SIZE.rows };
    } catch {
      return USUAL_SIZE;
    }
  }

  /** False where nothing is there any more that could take it. */
  write(text: string): boolean {
    try {
      writeText(Deno.stdout, text);
      return true;
    } catch {
      return false;
    }
  }

  /** Ctrl-Z would leave the terminal as it is drawn on: while somebody waits for the end, it does nothing. */
  onEnd(callback: () => void): Disposable {
    const stack = new DisposableStack();
    for (const signal of END_SIGNALS) stack.use(onSignal(signal, callback));
    stack.use(onSignal("SIGTSTP", () => {}));
    return stack;
  }

  onResize(callback: () => void): Disposable {
    return onSignal("SIGWINCH", callback);
  }

  /** Without echo, and without waiting for the end of a line; signals stay signals. */
  onKey(callback: (key: string) => void): Disposable {
    if (!Deno.stdin.isTerminal()) return { [Symbol.dispose]() {} };
    Deno.stdin.setRaw(true, { cbreak: true });
    let heard = true;
    void readKeys((key) => heard && callback(key), () => heard);
    return {
      [Symbol.dispose]() {
        heard = false;
        try {
          Deno.stdin.setRaw(false);
        } catch {
          // The terminal is gone.
        }
      },
    };
  }
}

/** Undefined where the process may not know. */
function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

function onSignal(signal: Deno.Signal, callback: () => void): Disposable {
  Deno.addSignalListener(signal, callback);
  return { [Symbol.dispose]: () => Deno.removeSignalListener(signal, callback) };
}

/** A read that has begun takes one more key with it, which is why nothing else reads keys in this process. */
async function readKeys(callback: (key: string) => void, wanted: () => boolean): Promise<void> {
  const octets = new Uint8Array(64);
  try {
    while (wanted()) {
      const length = await Deno.stdin.read(octets);
      if (length === null) return;
      for (const key of new TextDecoder().decode(octets.subarray(0, length))) callback(key);
    }
  } catch {
    // The terminal is gone; SIGHUP says so, too.
  }
}
