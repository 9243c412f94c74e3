/** Waiting for a condition, with a limit. A limit is for what never comes: one that is met costs nothing, so it is wide. */

const STEP_MS = 2;
/** Where each question costs a process or a connection. */
const ASKING_STEP_MS = 20;
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

/** Asks `question` until the answer passes, and gives that. @throws after `limitMs`, with the last answer */
export async function eventually<T>(
  question: () => T | Promise<T>,
  passes: (answer: T) => boolean,
  what: string,
  limitMs = PATIENCE_MS,
  everyMs = ASKING_STEP_MS,
): Promise<T> {
  const limit = performance.now() + limitMs;
  for (;;) {
    const answer = await question();
    if (passes(answer)) return answer;
    if (performance.now() > limit) {
      throw new Error(`${what}: not within ${limitMs} ms: ${JSON.stringify(answer)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Waits until `condition` gives a value other than undefined, null or false. @throws after `limitMs`, saying `what` */
export async function waitFor<T>(
  what: string,
  limitMs: number,
  condition: () => T | Promise<T>,
  everyMs = ASKING_STEP_MS,
): Promise<Exclude<T, undefined | false | null>> {
  const value = await eventually(condition, isPresent, what, limitMs, everyMs);
  if (isPresent(value)) return value;
  throw new Error(what);
}

function isPresent<T>(value: T): value is Exclude<T, undefined | false | null> {
  return value !== undefined && value !== false && value !== null;
}
