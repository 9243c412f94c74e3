/** Programs for tests: scripts in a folder that goes with them. */

/** A folder for scripts and what they write. */
export class Scripts implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "scripts-" });

  /** The path of a script; `$DIR` in it is the folder. */
  script(name: string, text: string, mode = 0o700): string {
    const path = `${this.folder}/${name}`;
    Deno.writeTextFileSync(path, text.replaceAll("$DIR", this.folder));
    Deno.chmodSync(path, mode);
    return path;
  }

  /** The lines of a file; none where it is not there yet. */
  lines(name: string): readonly string[] {
    try {
      return Deno.readTextFileSync(`${this.folder}/${name}`).split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
