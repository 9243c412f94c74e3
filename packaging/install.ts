/**
 * `deno task install --prefix=DIR [--root=DIR]`: the runtime that runs this, the bundle, the command `bgp-lb`, the unit and
 * the example configuration, in their places; a running agent keeps its own until it is restarted. --root is where a
 * staged installation is written (as DESTDIR of make is). A configuration is never written.
 */
import { type FileToInstall, installFiles } from "./file_set.ts";
import {
  CACHE_FOLDER,
  checkedPath,
  commandFor,
  CONFIGURATION_FOLDER,
  DEFAULT_PREFIX,
  type Layout,
  layout,
  SYSTEM_PREFIXES,
  unitFor,
} from "./layout.ts";
import { makeBundle } from "./bundle.ts";
import { type Move, stagedCommand } from "./staged.ts";

const USAGE = `deno task install [--prefix=DIR] [--root=DIR]
  --prefix=DIR  where it is to be used (default ${DEFAULT_PREFIX}): DIR/bin, DIR/lib, DIR/share
  --root=DIR    write everything below DIR instead, for a package or an image`;

/** What the command line asks for. */
interface Options {
  readonly places: Layout;
  /** Before every path: empty, or a folder. */
  readonly root: string;
}

/** @throws in words for people */
function parseOptions(args: readonly string[]): Options | undefined {
  let prefix = DEFAULT_PREFIX;
  let root = "";
  for (const arg of args) {
    const [name, ...rest] = arg.split("=");
    const value = rest.join("=").replace(/(?<=.)\/+$/, "");
    if (name === "--help") return undefined;
    if (name === "--prefix" && value !== "") prefix = value;
    else if (name === "--root" && value !== "") root = value === "/" ? "" : checkedPath("--root", value);
    else throw new Error(`${arg} is not understood\n${USAGE}`);
  }
  return { places: layout(prefix), root };
}

async function filesToInstall({ places, root }: Options, bundle: Uint8Array): Promise<FileToInstall[]> {
  const text = (content: string) => new TextEncoder().encode(content);
  const files: readonly FileToInstall[] = [
    { path: places.runtime, mode: 0o755, from: Deno.execPath() },
    { path: places.bundle, mode: 0o644, from: bundle },
    { path: places.command, mode: 0o755, from: text(commandFor(places)) },
    {
      path: places.unit,
      mode: 0o644,
      from: text(unitFor(places, await Deno.readTextFile("packaging/bgp-lb.service"))),
    },
    { path: places.example, mode: 0o644, from: text(await Deno.readTextFile("config.example.yaml")) },
  ];
  return files.map((file) => ({ ...file, path: root + file.path }));
}

/**
 * Runs `check` once just as the service would be run: it shows that runtime, bundle and permissions fit together, and,
 * where systemd would start it from, fills the runtime's cache (a start without it keeps some 20 MiB more for good).
 */
async function checkOnce({ places, root }: Options, scratch: string): Promise<number> {
  const own = root === "" ? await configuration() : undefined;
  const file = own ?? root + places.example;
  const moves: Move[] = [[places.prefix, root + places.prefix]];
  if (own === undefined) moves.push([CONFIGURATION_FOLDER, file.slice(0, file.lastIndexOf("/"))]);
  if (root !== "" || !SYSTEM_PREFIXES.includes(places.prefix)) moves.push([CACHE_FOLDER, scratch]);
  const { command, args, env } = stagedCommand(await Deno.readTextFile(root + places.unit), moves);
  // The last word is `run`.
  const { code, stdout, stderr } = await deno(command, [...args.slice(0, -1), "check", file], env);
  console.log(
    `\nbgp-lb check ${file}, as the service runs it: ${code === 0 ? "well" : `exit status ${code}`}`,
  );
  const words = (stderr + stdout).trim();
  if (words !== "") console.log(words.replaceAll(/^/gm, "  "));
  if (code !== 0 && own !== undefined) {
    console.log("  The files are in place; the service will not start before the configuration is valid.");
  }
  return code;
}

/** The configuration file that the service would read. */
async function configuration(): Promise<string | undefined> {
  for (const name of ["config.yaml", "config.json"]) {
    const path = `${CONFIGURATION_FOLDER}/${name}`;
    if ((await Deno.stat(path).catch(() => undefined))?.isFile === true) return path;
  }
  return undefined;
}

async function deno(command: string, args: string[], env?: Readonly<Record<string, string>>) {
  const alone = env === undefined ? {} : { env: { ...env }, clearEnv: true };
  const options = { args, stdin: "null", stdout: "piped", stderr: "piped", ...alone } as const;
  const { code, stdout, stderr } = await new Deno.Command(command, options).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const { places, root } = options;
  const scratch = await Deno.makeTempDir({ prefix: "bgp-lb-install-" });
  try {
    const installed = await installFiles(await filesToInstall(options, await makeBundle()));
    for (const { path, outcome } of installed) console.log(`${outcome.padEnd(9)} ${path}`);
    const status = await checkOnce(options, scratch);
    if (root === "") console.log(nextSteps(places));
    return status;
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function nextSteps({ prefix, unit, example }: Layout): string {
  const link = SYSTEM_PREFIXES.includes(prefix) ? "" : `systemctl link ${unit} && `;
  return `\nNext: write ${CONFIGURATION_FOLDER}/config.yaml (every key is in ${example}), then\n` +
    `  systemctl daemon-reload && ${link}systemctl enable bgp-lb && systemctl restart bgp-lb`;
}

if (import.meta.main) {
  const status = await main(Deno.args).catch((error) => {
    console.error(`install: ${error instanceof Error ? error.message : error}`);
    return 1;
  });
  Deno.exit(status);
}
