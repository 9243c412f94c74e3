/** Waiting for a condition, with a limit. A limit is for what never comes: one that is met costs nothing, so it is wide. */

const STEP_MS = 2;
/** Far beyond what a slow and busy machine takes. */
export const PATIENCE_MS = 30_000;

/** Resolves when `condition` holds. @throws after `limitMs`, with `describe`'s words or the condition's source */
export async function until(
  condition: () => boolean,
  describe: () => string = () => String(condition),
  limitMs = PATIENCE_MS,
): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`still not after ${limitMs} ms: ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

/** What `promise` resolves to. @throws after `limitMs`, naming `what`; the promise itself goes on */
export async function within<T>(promise: Promise<T>, what: string, limitMs = PATIENCE_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still not after ${limitMs} ms: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
