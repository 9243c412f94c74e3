/**
 * `deno task package [--arch=amd64|arm64] [--output=DIR]`: a Debian package with runtime, bundle, unit, manual pages and
 * completions, by dpkg-deb. The same commit gives the same octets. For arm64 nothing but the runtime differs.
 */
import { createHash } from "node:crypto";
import { checkedOut, interrupted, makeBundle, output } from "./bundle.ts";
import { checksumLine } from "./compile.ts";
import { type Ingredients, packageFiles } from "./deb/contents.ts";
import { controlFile, debianVersion } from "./deb/control.ts";
import { type FileToInstall, installFiles } from "./file_set.ts";
import { type Architecture, ARCHITECTURES, fetchRuntime, runtimePin } from "./runtime.ts";
import { messageOf } from "../src/text/error_message.ts";
import { makeBill } from "./sbom.ts";

const USAGE = `deno task package [--arch=${ARCHITECTURES.join("|")}] [--output=DIR]
  --arch=ARCH   the processor (default: this machine's)
  --output=DIR  where the package is written (default: dist)`;

/** Of sources that are no checkout. */
const NO_TIME = "2026-01-01T00:00:00Z";
const SCRIPTS = ["postinst", "prerm", "postrm"] as const;

/** A package to make. */
export interface PackageOptions {
  readonly architecture: Architecture;
  readonly output: string;
  /** What dpkg-deb compresses with. */
  readonly compression: "xz" | "none";
}

/** Of this machine. @throws where there is no package for it */
export function ownArchitecture(): Architecture {
  return Deno.build.arch === "aarch64" ? "arm64" : "amd64";
}

/** All that a package of these sources has. @throws with the words of npm, Deno or git */
export async function ingredientsFor(architecture: Architecture): Promise<Ingredients> {
  const build = await checkedOut();
  const pin = runtimePin(architecture);
  const licence = { licence: "MIT", licenceText: undefined };
  return {
    version: debianVersion(build),
    committed: build?.committed ?? NO_TIME,
    runtime: await fetchRuntime(pin),
    bundle: await makeBundle(),
    bill: await makeBill({ ...pin, ...licence, name: pin.package, dependencies: [] }),
  };
}

/** Makes a package; resolves to its path. @throws with the words of dpkg-deb */
export async function makePackage(ingredients: Ingredients, options: PackageOptions): Promise<string> {
  const { version, committed } = ingredients;
  const files = await packageFiles(ingredients);
  const staging = await Deno.makeTempDir({ prefix: "bgp-lb-package-" });
  try {
    const scripts = await Promise.all(SCRIPTS.map(async (name) => ({
      path: `/DEBIAN/${name}`,
      mode: 0o755,
      from: await Deno.readFile(`packaging/deb/${name}`),
    })));
    const meta = [
      text("/DEBIAN/control", controlFile(version, options.architecture, sizeInKiB(files))),
      text("/DEBIAN/md5sums", sums(files)),
      ...scripts,
    ];
    await installFiles([...files, ...meta].map((file) => ({ ...file, path: staging + file.path })));
    await openFolders(staging);
    await Deno.mkdir(options.output, { recursive: true });
    const path = `${options.output}/bgp-lb_${version}_${options.architecture}.deb`;
    // Under its name it is whole.
    const args = ["--root-owner-group", `-Z${options.compression}`, "--build", staging, `${path}.part`];
    const epoch = String(Date.parse(committed) / 1000);
    try {
      const built = await output("env", [`SOURCE_DATE_EPOCH=${epoch}`, "dpkg-deb", ...args]);
      if (built.code !== 0) throw new Error(`dpkg-deb: ${(built.stderr + built.stdout).trim()}`);
      await Deno.rename(`${path}.part`, path);
    } catch (error) {
      await Deno.remove(`${path}.part`).catch(() => {});
      throw error;
    }
    return path;
  } finally {
    await Deno.remove(staging, { recursive: true });
  }
}

function text(path: string, content: string): FileToInstall {
  return { path, mode: 0o644, from: new TextEncoder().encode(content) };
}

/** What `dpkg --verify` compares with. */
function sums(files: readonly FileToInstall[]): string {
  return files.map(({ path, from }) => `${createHash("md5").update(from).digest("hex")}  ${path.slice(1)}\n`)
    .sort((a, b) => a.slice(34) < b.slice(34) ? -1 : 1).join("");
}

function sizeInKiB(files: readonly FileToInstall[]): number {
  return files.reduce((sum, { from }) => sum + Math.ceil(from.length / 1024), 0);
}

/** Whatever the umask of who makes it, everybody may look into the folders of a package. */
async function openFolders(folder: string): Promise<void> {
  await Deno.chmod(folder, 0o755);
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await openFolders(`${folder}/${name}`);
  }
}

/** @throws in words for people */
function parseOptions(args: readonly string[]): PackageOptions | undefined {
  let architecture = ownArchitecture();
  let folder = "dist";
  for (const arg of args) {
    if (arg === "--help") return undefined;
    const [name, value = ""] = arg.split(/=(.*)/s);
    const known = ARCHITECTURES.find((each) => each === value);
    if (name === "--arch" && known !== undefined) architecture = known;
    else if (name === "--output" && value !== "") folder = value;
    else throw new Error(`${arg} is not understood\n${USAGE}`);
  }
  return { architecture, output: folder, compression: "xz" };
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === undefined) return console.log(USAGE);
  // Before the work, not after it.
  await Deno.mkdir(options.output, { recursive: true }).catch((error) => {
    throw new Error(`--output=${options.output} is no folder, and cannot become one: ${messageOf(error)}`);
  });
  const path = await makePackage(await ingredientsFor(options.architecture), options);
  const octets = await Deno.readFile(path);
  const line = await checksumLine(octets, path.slice(path.lastIndexOf("/") + 1));
  await Deno.writeTextFile(`${path}.sha256`, line);
  console.log(`${path} (${(octets.byteLength / 1e6).toFixed(1)} MB)\n${line.trimEnd()}`);
}

if (import.meta.main) {
  // Who is interrupted cleans up: the program that works for us is ended, and what it was for fails.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => interrupted.abort());
  }
  await main(Deno.args).catch((error) => {
    const { aborted } = interrupted.signal;
    console.error(`package: ${aborted ? "interrupted" : messageOf(error)}`);
    Deno.exit(aborted ? 130 : 1);
  });
  Deno.exit(0);
}
