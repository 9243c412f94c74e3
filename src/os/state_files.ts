/** Small files that must outlive the process and the machine: whole on the disk, or as they were. */
import { fileWords } from "./file_words.ts";
import { messageOf } from "../text/error_message.ts";

/** More than that is none of ours. */
const MAX_OCTETS = 1024 * 1024;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Files as the runtime has them; the disk is waited for in a thread of the runtime's pool. */
export function denoStateFiles(): {
  read(path: string): Promise<Uint8Array | undefined>;
  replace(path: string, octets: Uint8Array): Promise<void>;
  setAside(path: string): Promise<void>;
} {
  return {
    read: async (path) => await read(path),
    replace: async (path, octets) => await replace(path, octets),
    setAside: async (path) => await Deno.rename(path, `${path}.damaged`),
  };
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size, isFile } = await Deno.lstat(path);
    if (!isFile) throw new Error("is no regular file");
    if (size > MAX_OCTETS) throw new Error("is too large");
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(fileWords(error) ?? messageOf(error));
  }
}

/** Beside it, to the disk, over it, and that to the disk, too (rename(2) and fsync(2)). */
async function replace(path: string, octets: Uint8Array): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf("/")) || "/";
  const beside = `${path}.new`;
  try {
    await Deno.mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    // Whatever is there was made by a process that ended in the middle of this.
    await Deno.remove(beside).catch(() => {});
    await writeNew(beside, octets);
    await Deno.rename(beside, path);
    await sync(folder);
  } catch (error) {
    throw new Error(wordsOf(error, folder));
  }
}

async function writeNew(path: string, octets: Uint8Array): Promise<void> {
  const file = await Deno.open(path, { write: true, createNew: true, mode: FILE_MODE });
  try {
    for (let rest = octets; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    await file.sync();
  } finally {
    file.close();
  }
}

async function sync(folder: string): Promise<void> {
  const file = await Deno.open(folder);
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

function wordsOf(error: unknown, folder: string): string {
  const { PermissionDenied, NotCapable, NotADirectory } = Deno.errors;
  if (error instanceof PermissionDenied) return `this process may not write to ${folder}`;
  if (error instanceof NotCapable) {
    return `this process may not write to ${folder}: --allow-write leaves it out`;
  }
  if (error instanceof NotADirectory) return `${folder} is below something that is no folder`;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "EROFS":
      return `${folder} is on a file system that is read only`;
    case "ENOSPC":
    case "EDQUOT":
      return `the file system of ${folder} is full`;
    default:
      return messageOf(error);
  }
}
