/**
 * Puts files in place together: each is written whole beside its target under another name and brought to the disk, and only
 * when all of them are there are they renamed, one after the other. Who has the old one open keeps it: a running agent
 * is not hurt. Where something fails before, everything is as it was.
 */

/** One file that shall be. */
export interface FileToInstall {
  readonly path: string;
  readonly mode: number;
  /** The path of a file to copy, or the content itself. */
  readonly from: string | Uint8Array;
}

/** What became of a file. */
export interface Installed {
  readonly path: string;
  readonly outcome: "new" | "replaced" | "unchanged";
}

/** A file that is written and not yet in place. */
interface Staged extends FileToInstall {
  readonly temporary: string;
  readonly outcome: "new" | "replaced";
}

const BLOCK_OCTETS = 1 << 20;

/** Installs `files`; what is equal already stays untouched. @throws with what failed and the cure, after cleaning up */
export async function installFiles(files: readonly FileToInstall[]): Promise<readonly Installed[]> {
  const staged: Staged[] = [];
  const folders: string[] = [];
  const results: Installed[] = [];
  try {
    for (const file of files) {
      const there = await existing(file);
      if (there === "equal") {
        results.push({ path: file.path, outcome: "unchanged" });
        continue;
      }
      folders.push(...await makeFolders(file.path.slice(0, file.path.lastIndexOf("/"))));
      const temporary = `${file.path}.new-${Deno.pid}`;
      staged.push({ ...file, temporary, outcome: there === "different" ? "replaced" : "new" });
      await write(file, temporary).catch((error) => {
        throw new Error(`${file.path}: ${words(error)}`);
      });
    }
    for (const { path, temporary, outcome } of staged) {
      await Deno.rename(temporary, path).catch((error) => {
        throw new Error(`${path}: ${words(error)}`);
      });
      results.push({ path, outcome });
    }
    return results;
  } catch (error) {
    for (const { temporary } of staged) await Deno.remove(temporary).catch(() => {});
    // Only what is empty goes: a folder that somebody uses by now stays.
    for (const folder of folders.reverse()) await Deno.remove(folder).catch(() => {});
    throw error;
  }
}

/** Whether the file is there as it shall be; a link, whatever it leads to, is replaced. */
async function existing(file: FileToInstall): Promise<"none" | "equal" | "different"> {
  try {
    const { isFile, isDirectory, mode, size } = await Deno.lstat(file.path);
    if (isDirectory) throw new Error(`${file.path}: is a folder, and a file is to be there`);
    if (!isFile || ((mode ?? 0) & 0o7777) !== file.mode) return "different";
    const wanted = typeof file.from === "string" ? (await Deno.stat(file.from)).size : file.from.byteLength;
    return size === wanted && await equal(file.path, file.from) ? "equal" : "different";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "none";
    if (error instanceof Error && !(error instanceof Deno.errors.NotADirectory) && !("code" in error)) {
      throw error;
    }
    throw new Error(`${file.path}: ${words(error)}`);
  }
}

/** Compares without holding a whole runtime in memory. Both have the same length. */
async function equal(path: string, from: string | Uint8Array): Promise<boolean> {
  using file = await Deno.open(path);
  if (typeof from !== "string") return same(await whole(file, from.byteLength), from);
  using other = await Deno.open(from);
  for (;;) {
    const [one, two] = [await whole(file, BLOCK_OCTETS), await whole(other, BLOCK_OCTETS)];
    if (!same(one, two)) return false;
    if (one.byteLength < BLOCK_OCTETS) return true;
  }
}

/** The next octets of a file: `length` of them, or what is left. */
async function whole(file: Deno.FsFile, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const read = await file.read(bytes.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

function same(one: Uint8Array, two: Uint8Array): boolean {
  return one.byteLength === two.byteLength && one.every((octet, index) => octet === two[index]);
}

async function write({ from, mode }: FileToInstall, temporary: string): Promise<void> {
  if (typeof from === "string") await Deno.copyFile(from, temporary);
  else await Deno.writeFile(temporary, from, { createNew: true });
  await Deno.chmod(temporary, mode);
  using file = await Deno.open(temporary, { read: true });
  // A name that leads to nothing after a power cut would be worse than the old file.
  await file.sync();
}

/** Makes a folder and those above it. @returns those that were not there, the outermost first */
async function makeFolders(folder: string): Promise<readonly string[]> {
  const made: string[] = [];
  const parts = folder.split("/").slice(1);
  for (let count = 1; count <= parts.length; count++) {
    const path = `/${parts.slice(0, count).join("/")}`;
    try {
      await Deno.mkdir(path, { mode: 0o755 });
      made.push(path);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) continue;
      for (const each of made.reverse()) await Deno.remove(each).catch(() => {});
      throw new Error(`${path}: ${words(error)}`);
    }
  }
  return made;
}

/** What went wrong, with the cure where it is known. */
function words(error: unknown): string {
  if (error instanceof Deno.errors.PermissionDenied) {
    return "may not be written by this user (run it as root, or give another --prefix)";
  }
  if (error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.AlreadyExists) {
    return "a part of this path is no folder";
  }
  const text = error instanceof Error ? error.message : String(error);
  if (/os error 28\b/.test(text)) return "no space is left there; what was begun is removed";
  if (/os error 30\b/.test(text)) return "the file system is mounted read-only";
  return text;
}
