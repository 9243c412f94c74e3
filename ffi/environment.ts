/**
 * The environment as the C library has it: the runtime follows variables that it hides from the program (--ignore-env).
 * Stands alone, as it is asked before the rest is loaded.
 */
import { LibraryError, mayUseFfi, openLibrary } from "./library.ts";

const SYMBOLS = {
  // char *getenv(const char *name)
  getenv: { parameters: ["buffer"], result: "usize" },
} as const;

/** Whether this process was started with the variable `name`; undefined where FFI is not to be used. */
export function hasVariable(name: string): boolean | undefined {
  if (!mayUseFfi()) return undefined;
  try {
    const libc = openLibrary({ soname: "libc.so.6", debianPackage: "libc6" }, SYMBOLS);
    try {
      return libc.symbols.getenv(new TextEncoder().encode(`${name}\0`)) !== 0n;
    } finally {
      libc.close();
    }
  } catch (error) {
    if (error instanceof LibraryError) return undefined;
    throw error;
  }
}
