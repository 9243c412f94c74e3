/** The agent as it is deployed, for benchmarks: the bundle, run with the flags of the installed command, on a cache of its own. */
import { bundleFlags, BUNDLING, USER_REACH } from "../../packaging/runtime_flags.ts";

/** How a process is started. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A bundle in a folder of its own. Disposing removes it. */
export class Deployment implements AsyncDisposable {
  #files = 0;

  private constructor(readonly folder: string) {}

  /** Bundles the sources and runs the bundle once, so that its cache is warm as after an installation. */
  static async make(): Promise<Deployment> {
    const deployment = new Deployment(await Deno.makeTempDir({ prefix: "bgp-lb-bench-" }));
    await done({
      command: Deno.execPath(),
      args: [...BUNDLING, "--output", `${deployment.folder}/bgp-lb.js`, "main.ts"],
      env: {},
    });
    await done(deployment.command("version"));
    return deployment;
  }

  /** The command line of the bundle with these arguments. */
  command(...args: readonly string[]): Command {
    return {
      command: Deno.execPath(),
      args: ["run", ...bundleFlags(USER_REACH), `${this.folder}/bgp-lb.js`, ...args],
      env: { DENO_DIR: `${this.folder}/cache` },
    };
  }

  /** The path of a new file with this content. */
  async file(content: unknown): Promise<string> {
    const path = `${this.folder}/config-${++this.#files}.json`;
    await Deno.writeTextFile(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function done({ command, args, env }: Command): Promise<void> {
  const child = new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    stdin: "null",
    stdout: "null",
  });
  const { success } = await child.spawn().status;
  if (!success) throw new Error(`${command} ${args.join(" ")} fails`);
}
