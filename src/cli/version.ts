/** `bgp-lb version`: which program this is, of which commit, and what runs it. */
import { ExitStatus } from "./exit_status.ts";
import type { FilePorts } from "./file_ports.ts";

/** What there is to say. */
export interface About {
  readonly version: string;
  /** Undefined where sources run as they are. */
  readonly build: { readonly commit: string; readonly committed: string } | undefined;
  readonly runtime: { readonly deno: string; readonly v8: string; readonly target: string };
}

/** Prints it; resolves to 0. */
export function version(about: About, json: boolean, ports: Pick<FilePorts, "stdout">): Promise<number> {
  ports.stdout(json ? `${JSON.stringify(inJson(about), null, 2)}\n` : inWords(about));
  return Promise.resolve(ExitStatus.OK);
}

function inJson({ version, build, runtime }: About): unknown {
  const { commit = null, committed = null } = build ?? {};
  return { version, commit, committed, runtime };
}

function inWords({ version, build, runtime: { deno, v8, target } }: About): string {
  const commit = build === undefined ? "none: run from its sources" : `${build.commit} of ${build.committed}`;
  return [
    `bgp-lb ${version}`,
    `commit   ${commit}`,
    `runtime  Deno ${deno}, V8 ${v8}`,
    `target   ${target}`,
    "",
  ].join("\n");
}
