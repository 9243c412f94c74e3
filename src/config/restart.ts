/** What a reload cannot change: the way to the kernel is opened when the agent starts. */
import { changedKeys } from "./canonical.ts";
import type { Config } from "./config.ts";

/** Keys of the file, such as `network.ipvs`, whose values in `next` take effect with a restart. */
export function restartKeys(old: Config, next: Config): readonly string[] {
  return changedKeys(opening(old), opening(next)).map((key) => `network.${key}`);
}

/** What an agent that runs with `old` runs with after a reload of `next`: that, but for what needs a restart. */
export function effective(old: Config, next: Config): Config {
  return { ...next, network: { ...next.network, ...opening(old) } };
}

/** What decides how the kernel is opened. */
function opening({ network: { setup, ipvs } }: Config): Pick<Config["network"], "setup" | "ipvs"> {
  return { setup, ipvs };
}
