/** What tells configurations apart at a glance, on one host and between hosts. */
import { fingerprint } from "../bytes/fingerprint.ts";
import { atOnce } from "../time/steps.ts";
import { canonical, listText, recordText } from "./canonical.ts";
import type { Config } from "./config.ts";
import { renderConfig, renderService } from "./render.ts";

/**
 * 16 hexadecimal digits of what the configuration means: neither the order of lists nor the spelling of the file counts. Of
 * a password only that there is one does: whoever may read the hash could guess a short password by it.
 */
export function configHash(config: Config): string {
  return atOnce(configHashInSteps(config));
}

/** The same in steps, one for each service. */
export function* configHashInSteps({ services, ...rest }: Config): Generator<void, string> {
  const texts: string[] = [];
  for (const service of services) {
    texts.push(canonical(renderService(service)));
    yield;
  }
  const entries = Object.entries(renderConfig({ ...rest, services: [] }));
  const others = entries.filter(([name]) => name !== "services").map(([name, value]) => textOf(name, value));
  const whole = recordText([...others, ["services", listText(texts)]]);
  yield;
  return fingerprint(new TextEncoder().encode(whole));
}

function textOf(name: string, value: unknown): readonly [string, string] {
  return [name, canonical(value, name)];
}
