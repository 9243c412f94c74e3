/** The processor that user-mode Linux 6.1 was not made for, and what mends it: see wide_xstate.c. */
import { repositoryRoot, run, runOrThrow } from "../support/process.ts";
import { findCommand } from "../support/setup.ts";

/** Whether this processor has more extended state than user-mode Linux has room for. */
export async function hasWideXstate(): Promise<boolean> {
  return (await run("grep", ["-qw", "amx_tile", "/proc/cpuinfo"])).code === 0;
}

/** A C compiler; the package tcc brings a small one. */
export function findCompiler(): string | undefined {
  return ["cc", "gcc", "clang", "tcc"].map(findCommand).find((path) => path !== undefined);
}

/** What user-mode Linux needs in its environment here; `folder` is for the library. @throws where it cannot be compiled */
export async function xstateEnvironment(folder: string): Promise<Readonly<Record<string, string>>> {
  if (!await hasWideXstate()) return {};
  const library = `${folder}/wide_xstate.so`;
  const source = `${repositoryRoot()}/tests/lab/wide_xstate.c`;
  await runOrThrow(findCompiler() ?? "cc", ["-shared", "-fPIC", "-nostdlib", "-o", library, source]);
  return { LD_PRELOAD: library };
}
