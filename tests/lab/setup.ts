/**
 * Brings a machine to where tests and demo can run: packages (by apt-get, as root) and Deno's dependencies, which must be
 * in its cache before the lab starts, as nothing in there reaches a registry.
 */
import { cacheDependencies } from "./deno_dir.ts";
import { type Choice, choosePlace } from "./place.ts";

/** What is there after `prepare`. */
export interface Prepared extends Choice {
  /** This machine's cache, filled. */
  readonly denoDir: string;
}

/** Installs what is missing and chooses the place. Quiet where nothing is to be done. @throws where Deno's cache cannot be filled */
export async function prepare(say: (text: string) => void = sayOnStderr, wanted?: string): Promise<Prepared> {
  const [choice, denoDir] = await Promise.all([choosePlace(say, wanted), cacheDependencies()]);
  return { ...choice, denoDir };
}

/** One line on standard error. */
export function sayOnStderr(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`setup: ${text}\n`));
}
