/** Waiting for a condition, with a limit. */

const STEP_MS = 2;

/** Resolves when `condition` holds. @throws after `limitMs`, with `describe`'s words or the condition's source */
export async function until(
  condition: () => boolean,
  describe: () => string = () => String(condition),
  limitMs = 5000,
): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`still not after ${limitMs} ms: ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
