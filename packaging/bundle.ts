/**
 * The bundle, stamped with its commit; `deno task bundle` writes it to dist/bgp-lb.js. The same commit gives the same octets.
 */
import { type Build, stampOf, UNSTAMPED } from "../src/main/build.ts";
import { BUNDLING } from "./runtime_flags.ts";

const OUTPUT = "dist/bgp-lb.js";

/** The stamped bundle of the sources in this folder. @throws with the words of Deno or git */
export async function makeBundle(): Promise<Uint8Array> {
  const { code, stdout, stderr } = await output(Deno.execPath(), [...BUNDLING, "main.ts"]);
  if (code !== 0) throw new Error(`the bundle cannot be made: ${stderr.trim()}`);
  const build = await checkedOut();
  return new TextEncoder().encode(build === undefined ? stdout : stamped(stdout, build));
}

/** `bundle` with a stamp in its place. @throws where it has not exactly one place for it */
export function stamped(bundle: string, build: Build): string {
  const parts = bundle.split(UNSTAMPED);
  if (parts.length !== 2) {
    throw new Error(`the bundle has ${parts.length - 1} places for its commit, not one`);
  }
  return parts.join(stampOf(build));
}

/** The commit of this folder; undefined where it is no checkout, such as an unpacked archive. @throws where git fails */
export async function checkedOut(): Promise<Build | undefined> {
  if (await Deno.stat(".git").catch(() => undefined) === undefined) return undefined;
  const [commit = "", seconds = ""] = (await git("log", "-1", "--format=%H %ct")).split(" ");
  const changes = await git("status", "--porcelain", "--untracked-files=no");
  const committed = new Date(Number(seconds) * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  return { commit: changes === "" ? commit : `${commit}+changes`, committed };
}

async function git(...args: readonly string[]): Promise<string> {
  // A checkout of another user is read all the same: nothing of it is run.
  const { code, stdout, stderr } = await output("git", ["-c", "safe.directory=*", ...args]);
  if (code !== 0) throw new Error(`git ${args[0]}: ${stderr.trim()}`);
  return stdout.trim();
}

/** Aborted, it ends every command that runs for us, and lets none begin. */
export const interrupted = new AbortController();

/** What a command says at its end. @throws where it is interrupted */
export async function output(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const { signal } = interrupted;
  const options = { stdin: "null", stdout: "piped", stderr: "piped", signal } as const;
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], ...options }).output();
  signal.throwIfAborted();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

if (import.meta.main) {
  await Deno.mkdir("dist", { recursive: true });
  await Deno.writeFile(OUTPUT, await makeBundle());
}
