/** The port to the files of the control socket (src/control/socket_file.ts) over the runtime's own calls. */
import { messageOf } from "../text/error_message.ts";
import { readFile } from "./files.ts";
import { makePrivateFolder } from "./private_folder.ts";

/** What a path has; nothing is followed. */
interface Facts {
  readonly kind: "socket" | "folder" | "link" | "other";
  readonly owner: number;
  readonly group: number;
  readonly mode: number;
  readonly identity: string;
}

const GROUP_FILE = "/etc/group";
const MAX_GROUP_FILE_OCTETS = 1024 * 1024;
const FOLDER_MODE = 0o700;
const PERMISSIONS = 0o7777;

/** Files as the runtime has them. */
export function denoSocketFiles(): {
  readonly user: number | undefined;
  look(path: string): Facts | undefined;
  makeFolder(path: string): void;
  realPath(path: string): string;
  remove(path: string): void;
  list(folder: string): readonly string[];
  makePrivateFolder(parent: string): string;
  give(path: string, group: number, mode: number): void;
  link(from: string, to: string): void;
  groups(): string;
  lock(folder: string): Disposable | undefined;
} {
  return {
    get user() {
      return userId();
    },
    look,
    makeFolder: (path) => Deno.mkdirSync(path, { recursive: true, mode: FOLDER_MODE }),
    realPath: (path) => Deno.realPathSync(path),
    remove: (path) => Deno.removeSync(path),
    list: (folder) => [...Deno.readDirSync(folder)].map(({ name }) => name),
    makePrivateFolder,
    give(path, group, mode) {
      Deno.chownSync(path, null, group);
      Deno.chmodSync(path, mode);
    },
    link: (from, to) => Deno.linkSync(from, to),
    groups,
    lock,
  };
}

function userId(): number | undefined {
  if (Deno.permissions.querySync({ name: "sys", kind: "uid" }).state !== "granted") return undefined;
  return Deno.uid() ?? undefined;
}

function look(path: string): Facts | undefined {
  try {
    const { isSocket, isDirectory, isSymlink, uid, gid, mode, dev, ino } = Deno.lstatSync(path);
    return {
      kind: isSocket === true ? "socket" : isDirectory ? "folder" : isSymlink ? "link" : "other",
      owner: uid ?? 0,
      group: gid ?? 0,
      mode: (mode ?? 0) & PERMISSIONS,
      identity: `${dev}:${ino}`,
    };
  } catch (error) {
    const { NotFound, NotCapable, PermissionDenied } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotCapable || error instanceof PermissionDenied) {
      return undefined;
    }
    throw error;
  }
}

function groups(): string {
  try {
    return new TextDecoder().decode(readFile(GROUP_FILE, MAX_GROUP_FILE_OCTETS).octets);
  } catch (error) {
    throw new Error(`${GROUP_FILE} ${messageOf(error)}: give the group by its number`);
  }
}

function lock(folder: string): Disposable | undefined {
  // A folder can be opened without waiting for anybody, which a FIFO cannot.
  const file = Deno.openSync(folder);
  if (file.tryLockSync(true)) return { [Symbol.dispose]: () => file.close() };
  file.close();
  return undefined;
}
