/** What the Debian package has on the disk: each file with its place, its mode and its content. */
import { gzipSync } from "node:zlib";
import { completionScript } from "../../src/cli/completions/completions.ts";
import { jsonSchema } from "../../src/config/schema/json_schema.ts";
import type { FileToInstall } from "../file_set.ts";
import { commandFor, layout, unitFor } from "../layout.ts";
import { bundledPackages, readModules } from "../sbom.ts";
import { commandPage } from "./command_page.ts";
import { configurationPage } from "./configuration_page.ts";
import { changelog, copyright } from "./control.ts";

/** What a package is made of, beside the files of the repository. */
export interface Ingredients {
  readonly version: string;
  /** ISO 8601, of pages and the changelog. */
  readonly committed: string;
  readonly runtime: Uint8Array;
  readonly bundle: Uint8Array;
  readonly bill: Uint8Array;
}

const PREFIX = "/usr";
const DOCUMENTS = "/usr/share/doc/bgp-lb";

/** Files that go as they are: from the repository, to their place. */
const AS_THEY_ARE: readonly (readonly [string, string])[] = [
  ["packaging/deb/files/50-bgp-lb.conf", "/usr/lib/sysctl.d/50-bgp-lb.conf"],
  ["packaging/deb/files/90-bgp-lb.rules", "/usr/lib/udev/rules.d/90-bgp-lb.rules"],
  ["packaging/deb/files/00-bgp-lb.network", "/usr/lib/systemd/network/00-bgp-lb.network"],
  ["config.example.yaml", `${DOCUMENTS}/examples/config.example.yaml`],
  ["packaging/own-user.conf", `${DOCUMENTS}/examples/own-user.conf`],
  ["packaging/prometheus/rules.yml", `${DOCUMENTS}/examples/prometheus-rules.yml`],
  ["packaging/grafana/dashboard.json", `${DOCUMENTS}/examples/grafana-dashboard.json`],
];

/** Where each shell looks for completions of all users. */
const COMPLETIONS: readonly (readonly [string, string])[] = [
  ["bash", "/usr/share/bash-completion/completions/bgp-lb"],
  ["zsh", "/usr/share/zsh/vendor-completions/_bgp-lb"],
  ["fish", "/usr/share/fish/vendor_completions.d/bgp-lb.fish"],
];

/** All files of the package. */
export async function packageFiles(ingredients: Ingredients): Promise<readonly FileToInstall[]> {
  const { version, committed, runtime, bundle, bill } = ingredients;
  const places = layout(PREFIX);
  const example = await Deno.readTextFile("config.example.yaml");
  const unit = unitFor(places, await Deno.readTextFile("packaging/bgp-lb.service"));
  const notices = copyright(await Deno.readTextFile("LICENSE"), bundledPackages(await readModules()));
  const texts: (readonly [string, string])[] = [[places.unit, unit], [`${DOCUMENTS}/copyright`, notices]];
  for (const [from, path] of AS_THEY_ARE) texts.push([path, await Deno.readTextFile(from)]);
  for (const [shell, path] of COMPLETIONS) texts.push([path, completionScript(shell) ?? ""]);
  const packed: readonly (readonly [string, string])[] = [
    [`${DOCUMENTS}/changelog.gz`, changelog(version, committed)],
    ["/usr/share/man/man8/bgp-lb.8.gz", commandPage(committed)],
    ["/usr/share/man/man5/bgp-lb.yaml.5.gz", configurationPage(jsonSchema(), example, committed)],
  ];
  return [
    { path: places.runtime, mode: 0o755, from: runtime },
    { path: places.bundle, mode: 0o644, from: bundle },
    { path: places.command, mode: 0o755, from: encoded(commandFor(places)) },
    { path: `${DOCUMENTS}/bgp-lb.cdx.json`, mode: 0o644, from: bill },
    ...texts.map(([path, text]) => ({ path, mode: 0o644, from: encoded(text) })),
    ...packed.map(([path, text]) => ({ path, mode: 0o644, from: compressed(encoded(text)) })),
  ];
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** By gzip as much as it can (Debian Policy 12.1), without a name or a time. */
function compressed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes, { level: 9 }));
}
