/** The checked configuration as YAML: what `bgp-lb check --print` shows. */
import { stringify } from "yaml";
import type { Config } from "./config.ts";
import { renderConfig } from "./render.ts";

/** A file that means what `config` means, every default spelled out, without passwords. */
export function printConfig(config: Config): string {
  return stringify(renderConfig(config), { lineWidth: 0, aliasDuplicateObjects: false });
}
