/**
 * Signals that must do nothing. The runtime keeps one for itself: half a second after its start it has SIGUSR1 open V8's
 * debugger to everybody on the host. It calls sigaction(2) once per signal and never again, so it is made to do so at
 * once, by a listener, and what it set is replaced: nothing is left to open. Stands alone, as it is the first thing that
 * the program does.
 */
import { LibraryError, mayUseFfi, openLibrary } from "./library.ts";

const SIG_IGN = 1n;
const SIG_ERR = 0xffff_ffff_ffff_ffffn;
const NUMBER = { SIGUSR1: 10 } as const;

const SYMBOLS = {
  // sighandler_t signal(int signum, sighandler_t handler)
  signal: { parameters: ["i32", "usize"], result: "usize" },
} as const;

/** A signal that can be ignored below the runtime. */
export type IgnoredSignal = keyof typeof NUMBER;

/**
 * Has the kernel drop `signal` from now on, whoever in this process listens for it. False where FFI is not to be used, or
 * the C library is not there: then the runtime keeps the signal. May be called again.
 */
export function ignoreSignal(signal: IgnoredSignal): boolean {
  const listener = () => {};
  Deno.addSignalListener(signal, listener);
  Deno.removeSignalListener(signal, listener);
  if (!mayUseFfi()) return false;
  try {
    const libc = openLibrary({ soname: "libc.so.6", debianPackage: "libc6" }, SYMBOLS);
    try {
      return libc.symbols.signal(NUMBER[signal], SIG_IGN) !== SIG_ERR;
    } finally {
      libc.close();
    }
  } catch (error) {
    if (error instanceof LibraryError) return false;
    throw error;
  }
}
