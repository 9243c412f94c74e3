/**
 * The software bill of materials of the bundle (CycloneDX 1.6, ECMA-424): the npm packages that main.ts reaches, with the
 * digests of deno.lock and the licences that the packages name. `deno task sbom` writes dist/bgp-lb.cdx.json; the same
 * commit gives the same octets.
 */
import denoJson from "../deno.json" with { type: "json" };
import type { Build } from "../src/main/build.ts";
import { checkedOut, output } from "./bundle.ts";

const OUTPUT = "dist/bgp-lb.cdx.json";

/** An npm package of the module graph. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** Keys of other packages. */
  readonly dependencies: readonly string[];
  /** sha512-BASE64, as deno.lock has it. */
  readonly integrity: string;
  /** An SPDX expression; undefined where the package names none. */
  readonly licence: string | undefined;
  /** What its licence file says; undefined where it has none. */
  readonly licenceText: string | undefined;
}

/** What the bill is about. */
export interface Bundled extends Modules {
  readonly version: string;
  readonly build: Build | undefined;
  /** What runs the bundle, where that is delivered with it. */
  readonly runtime: NpmPackage | undefined;
}

/** The module graph of the bundle. */
export interface Modules {
  /** Keys of the packages that our own modules import. */
  readonly imported: readonly string[];
  /** By key: NAME@VERSION. */
  readonly packages: ReadonlyMap<string, NpmPackage>;
}

/** The bill as a CycloneDX document, in an order that depends on nothing but its content. */
export function billOfMaterials({ version, build, imported, packages, runtime }: Bundled): unknown {
  const reached = closure(imported, packages);
  const items = [...runtime === undefined ? [] : [runtime], ...reached.values()];
  const us = `pkg:generic/bgp-lb@${version}`;
  const refs = (keys: readonly string[]) => keys.flatMap((key) => reached.get(key) ?? []).map(purlOf).sort();
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      ...build && { timestamp: build.committed },
      component: {
        type: "application",
        "bom-ref": us,
        name: "bgp-lb",
        version,
        purl: us,
        licenses: [{ license: { id: denoJson.license } }],
        ...build && { properties: [{ name: "bgp-lb:commit", value: build.commit }] },
      },
    },
    components: items.map(component),
    dependencies: [
      { ref: us, dependsOn: [...runtime === undefined ? [] : [purlOf(runtime)], ...refs(imported)].sort() },
      ...items.map((item) => ({ ref: purlOf(item), dependsOn: refs(item.dependencies) })),
    ],
  };
}

/** The packages that are in the bundle, sorted by name. */
export function bundledPackages({ imported, packages }: Modules): readonly NpmPackage[] {
  return [...closure(imported, packages).values()];
}

/** Everything that `roots` lead to, sorted by key. @throws where a package is not in the graph */
function closure(
  roots: readonly string[],
  packages: ReadonlyMap<string, NpmPackage>,
): ReadonlyMap<string, NpmPackage> {
  const found = new Map<string, NpmPackage>();
  const left = [...roots];
  for (let key = left.pop(); key !== undefined; key = left.pop()) {
    if (found.has(key)) continue;
    const item = packages.get(key);
    if (item === undefined) throw new Error(`${key} is not in the module graph`);
    found.set(key, item);
    left.push(...item.dependencies);
  }
  return new Map([...found].sort(([one], [other]) => one < other ? -1 : 1));
}

function component(item: NpmPackage): unknown {
  const { name, version, integrity, licence } = item;
  const purl = purlOf(item);
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    purl,
    hashes: [{ alg: "SHA-512", content: hexDigest(integrity) }],
    ...licence !== undefined && { licenses: [licenceChoice(licence)] },
  };
}

/** Such as `pkg:npm/%40scope/name@1.2.3` (package URL specification). */
function purlOf({ name, version }: NpmPackage): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}

/** The digest of `sha512-BASE64` (Subresource Integrity) in hexadecimal digits. @throws where it is of another kind */
export function hexDigest(integrity: string): string {
  const [, base64] = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`not the SHA-512 digest of a package: ${integrity}`);
  return Uint8Array.fromBase64(base64).toHex();
}

/** One identifier, or an expression of several. */
function licenceChoice(spdx: string): unknown {
  return /^[A-Za-z0-9.+-]+$/.test(spdx) ? { license: { id: spdx } } : { expression: spdx };
}

/** What `deno info --json` says, as far as it matters. */
interface ModuleGraph {
  readonly modules: readonly { readonly kind?: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<
      string,
      {
        readonly name: string;
        readonly version: string;
        readonly dependencies: readonly string[];
        readonly localPath: string;
      }
    >
  >;
}

/** The bill of this folder's sources, and of the runtime. @throws with the words of Deno or git */
export async function makeBill(runtime?: NpmPackage): Promise<Uint8Array> {
  const bundled = {
    ...await readModules(),
    version: denoJson.version,
    build: await checkedOut(),
    runtime,
  };
  return new TextEncoder().encode(`${JSON.stringify(billOfMaterials(bundled), null, 2)}\n`);
}

/** The module graph of this folder's sources. @throws with the words of Deno */
export async function readModules(): Promise<Modules> {
  const { code, stdout, stderr } = await output(Deno.execPath(), ["info", "--json", "main.ts"]);
  if (code !== 0) throw new Error(`deno info: ${stderr.trim()}`);
  const graph: ModuleGraph = JSON.parse(stdout);
  const lock: { readonly npm: Readonly<Record<string, { readonly integrity: string }>> } = JSON.parse(
    await Deno.readTextFile("deno.lock"),
  );
  const packages = new Map<string, NpmPackage>();
  for (const [key, { name, version, dependencies, localPath }] of Object.entries(graph.npmPackages)) {
    const integrity = lock.npm[key]?.integrity;
    if (integrity === undefined) throw new Error(`${key} is not in deno.lock`);
    packages.set(key, { name, version, dependencies, integrity, ...await licenceOf(localPath) });
  }
  const imported = graph.modules.flatMap(({ npmPackage }) => npmPackage === undefined ? [] : [npmPackage]);
  return { imported: [...new Set(imported)], packages };
}

async function licenceOf(folder: string): Promise<Pick<NpmPackage, "licence" | "licenceText">> {
  const { license }: { readonly license?: unknown } = JSON.parse(
    await Deno.readTextFile(`${folder}/package.json`),
  );
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const file = names.sort().find((name) => /^licen[cs]e(\.\w+)?$/i.test(name));
  return {
    licence: typeof license === "string" ? license : undefined,
    licenceText: file === undefined ? undefined : await Deno.readTextFile(`${folder}/${file}`),
  };
}

if (import.meta.main) {
  await Deno.mkdir("dist", { recursive: true });
  await Deno.writeFile(OUTPUT, await makeBill());
}
