/**
 * The runtime that packages have: the executable in the npm package that packaging/runtime.json pins by version and hash.
 * npm fetches it from wherever it is configured to; what has another hash is not used. Kept in dist/runtime/.
 */
import { output } from "./bundle.ts";
import pins from "./runtime.json" with { type: "json" };

/** Processors that packages are made for, as Debian calls them. */
export const ARCHITECTURES = ["amd64", "arm64"] as const;

/** One of them. */
export type Architecture = (typeof ARCHITECTURES)[number];

/** What is pinned of the runtime for a processor. */
export interface RuntimePin {
  readonly package: string;
  readonly version: string;
  /** The hash of the package's archive, as npm writes it (Subresource Integrity). */
  readonly integrity: string;
  /** e_machine of its ELF header (elf(5)). */
  readonly machine: number;
}

const FOLDER = "dist/runtime";
const ELF_MACHINE_OFFSET = 18;

/** The pin for a processor. */
export function runtimePin(architecture: Architecture): RuntimePin {
  return { ...pins[architecture], version: pins.version };
}

/** The runtime's executable, fetched where it is not here already. @throws with what to do */
export async function fetchRuntime(pin: RuntimePin, folder = FOLDER): Promise<Uint8Array> {
  const archive = `${folder}/${pin.package.split("/").at(-1)}-${pin.version}.tgz`;
  await Deno.mkdir(folder, { recursive: true });
  const kept = await Deno.readFile(archive).catch(() => undefined);
  if (kept === undefined || await integrityOf(kept) !== pin.integrity) await fetchArchive(pin, archive);
  return await executableIn(archive, pin);
}

/** Refuses what is not the pinned package. @throws {Error} with both hashes */
export async function checkIntegrity(archive: Uint8Array, pin: RuntimePin): Promise<void> {
  const integrity = await integrityOf(archive);
  if (integrity === pin.integrity) return;
  throw new Error(
    `${pin.package} ${pin.version} is not the one that packaging/runtime.json pins: its hash is ${integrity}, not ` +
      `${pin.integrity}. Either the registry has been tampered with, or version and hash were not changed together`,
  );
}

async function integrityOf(archive: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-512", new Uint8Array(archive));
  return `sha512-${new Uint8Array(digest).toBase64()}`;
}

/** Fetches the package's archive, and leaves it under its name only where it is the right one. */
async function fetchArchive(pin: RuntimePin, archive: string): Promise<void> {
  const scratch = await Deno.makeTempDir({ prefix: "bgp-lb-runtime-" });
  try {
    const args = ["pack", "--loglevel=error", "--pack-destination", scratch, `${pin.package}@${pin.version}`];
    const { code, stdout, stderr } = await output("npm", args).catch((error) => {
      if (error instanceof Deno.errors.NotFound) {
        throw new Error("npm is not here, which fetches the runtime");
      }
      throw error;
    });
    if (code !== 0) {
      throw new Error(`npm cannot fetch ${pin.package} ${pin.version}: ${(stderr + stdout).trim()}`);
    }
    const bytes = await Deno.readFile(`${scratch}/${stdout.trim().split("\n").at(-1)}`);
    await checkIntegrity(bytes, pin);
    await Deno.writeFile(`${archive}.new`, bytes);
    await Deno.rename(`${archive}.new`, archive);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function executableIn(archive: string, { machine }: RuntimePin): Promise<Uint8Array> {
  const command = new Deno.Command("tar", {
    args: ["-xzOf", archive, "package/deno"],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  if (code !== 0) throw new Error(`${archive}: ${new TextDecoder().decode(stderr).trim()}`);
  const found = new DataView(stdout.buffer, stdout.byteOffset).getUint16(ELF_MACHINE_OFFSET, true);
  if (found !== machine) {
    throw new Error(`${archive}: its executable is for machine ${found}, not ${machine}`);
  }
  return stdout;
}
