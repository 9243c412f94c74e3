/**
 * Signals that must do nothing. The runtime keeps some for itself: half a second after its start it has SIGUSR1 open V8's
 * debugger to everybody on the host. It calls sigaction(2) once per signal and never again, so it is made to do so at
 * once, by a listener, and what it set is replaced: nothing is left to open.
 */
import type { Libc } from "./libc.ts";

const SIG_IGN = 1n;
const SIG_ERR = 0xffff_ffff_ffff_ffffn;
const NUMBER = { SIGUSR1: 10 } as const;

/** A signal that can be ignored below the runtime. */
export type IgnoredSignal = keyof typeof NUMBER;

/** Has the kernel drop `signal` from now on, whoever in this process listens for it. @throws {ErrnoError} */
export function ignoreSignal(libc: Libc, signal: IgnoredSignal): void {
  const listener = () => {};
  Deno.addSignalListener(signal, listener);
  Deno.removeSignalListener(signal, listener);
  dispose(libc, signal);
}

/**
 * Ignores `signal` again where somebody has set it otherwise since; false where all was well. For a runtime that would
 * behave otherwise than the one that this was tried with. @throws {ErrnoError}
 */
export function ignoreAgain(libc: Libc, signal: IgnoredSignal): boolean {
  return dispose(libc, signal) !== SIG_IGN;
}

/** @returns what the signal did before */
function dispose(libc: Libc, signal: IgnoredSignal): bigint {
  const before = libc.symbols.signal(NUMBER[signal], SIG_IGN);
  if (before === SIG_ERR) libc.check(`signal ${signal}`, -1);
  return before;
}
