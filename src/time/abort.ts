/** Waiting that a signal ends. */

/** Calls back when `signal` is aborted, at once where it is; disposing ends that. */
export function onAbort(signal: AbortSignal, callback: () => void): Disposable {
  signal.addEventListener("abort", callback, { once: true });
  if (signal.aborted) callback();
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", callback) };
}

/** What `promise` comes to. @throws the reason of `signal`, where that is aborted first; `promise` then goes on unheard */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  using _abort = onAbort(signal, () => reject(signal.reason));
  return await Promise.race([aborted, promise]);
}
