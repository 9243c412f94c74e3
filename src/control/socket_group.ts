/**
 * A control socket that the members of a group may use, too: mode 0660 and theirs from the moment that it is in its place,
 * and a folder that lets them through. Modes are changed by path, so it is done where nobody else can move anything.
 */
import { codeOf } from "../text/error_message.ts";
import type { FileFacts, SocketFiles } from "./socket_files.ts";

const SOCKET_MODE = 0o660;
const FOLDER_MODE = 0o750;
const GROUP_PASSES = 0o010;
const OTHERS_PASS = 0o001;

/** The number of a group, by name or number. @throws {Error} in words, with the cure */
export function groupNumber(group: string, files: SocketFiles): number {
  if (/^[0-9]+$/.test(group)) return Number(group);
  const number = groupIn(files.groups(), group);
  if (number !== undefined) return number;
  throw new Error(
    `control.group: there is no group ${group} in /etc/group; make it (groupadd --system ${group}), name another, ` +
      "or give the number of one that is kept elsewhere",
  );
}

/** Looks a name up in the text of /etc/group (group(5)). */
export function groupIn(text: string, name: string): number | undefined {
  for (const line of text.split("\n")) {
    const [called, , number] = line.split(":");
    if (called === name && number !== undefined && /^[0-9]{1,10}$/.test(number)) return Number(number);
  }
  return undefined;
}

/**
 * Sees that the group can pass to the socket. A folder that holds nothing else is ours, and is given to the group; any
 * other stays as it is. @throws {Error} in words, where the group cannot pass
 */
export function openFolderTo(
  group: number,
  { folder, socket }: { readonly folder: string; readonly socket: string },
  files: SocketFiles,
): void {
  const facts = files.look(folder);
  const isOurs = facts !== undefined && facts.owner === files.user;
  if (facts !== undefined && !passes(facts, group) && isOurs && holdsOnly(folder, socket, files)) {
    give(folder, group, FOLDER_MODE, files);
  }
  for (let at = folder; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const found = files.look(at);
    if (found === undefined || passes(found, group)) continue;
    const mode = found.mode.toString(8).padStart(4, "0");
    throw new Error(
      `control.group: the members of group ${group} cannot reach the socket, as ${at} (mode ${mode}) does not let them ` +
        `through: chmod o+x ${at}, or choose another folder`,
    );
  }
}

/**
 * Has `listen` bind the socket in a folder of our own, where it gets its group and mode, and moves it to `path` then.
 * @throws {Error}
 */
export function listenForGroup<L extends Disposable>(
  group: number,
  { folder, path }: { readonly folder: string; readonly path: string },
  listen: (path: string) => L,
  files: SocketFiles,
): L {
  const aside = files.makePrivateFolder(folder);
  try {
    const bound = `${aside}/s`;
    const listener = listen(bound);
    try {
      give(bound, group, SOCKET_MODE, files);
      // Unlike a rename this replaces nothing.
      files.link(bound, path);
    } catch (error) {
      listener[Symbol.dispose]();
      throw error;
    } finally {
      // Without FFI the end of a listener removes what it has bound, too.
      if (files.look(bound) !== undefined) files.remove(bound);
    }
    return listener;
  } finally {
    files.remove(aside);
  }
}

/** @throws {Error} in words, with the cure, where this process may not */
function give(path: string, group: number, mode: number, files: SocketFiles): void {
  try {
    files.give(path, group, mode);
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
    throw new Error(
      `control.group: this process may not give ${path} to group ${group}: it needs CAP_CHOWN, or to be a member of it ` +
        `(SupplementaryGroups=${group} in a drop-in of the unit)`,
    );
  }
}

function passes({ group: owner, mode }: FileFacts, group: number): boolean {
  return (mode & (owner === group ? GROUP_PASSES : OTHERS_PASS)) !== 0;
}

function holdsOnly(folder: string, socket: string, files: SocketFiles): boolean {
  return files.list(folder).every((name) => name === socket);
}
