/**
 * A control socket that the members of a group may use, too: mode 0660 and theirs from the moment that it is in its place,
 * and a folder that lets them through. Modes are changed by path, so it is done where nobody else can move anything.
 */
import { codeOf, messageOf } from "../text/error_message.ts";
import type { FileFacts, SocketFiles } from "./socket_files.ts";

const SOCKET_MODE = 0o660;
const FOLDER_MODE = 0o750;
const GROUP_PASSES = 0o010;
const OTHERS_PASS = 0o001;

/** Nobody else may move what is there, where modes are changed by path. */
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/** Where the socket is; the folder without links in its path. */
export interface SocketPlace {
  readonly folder: string;
  /** Its name there. */
  readonly socket: string;
}

/** The group cannot be had; in words, with the cure. */
export class GroupError extends Error {
  override readonly name = "GroupError";

  /** @param mayHeal whether that may change while this process lives */
  constructor(words: string, readonly mayHeal: boolean) {
    super(`control.group: ${words}`);
  }
}

/** The path of the socket. */
export function pathOf({ folder, socket }: SocketPlace): string {
  return `${folder === "/" ? "" : folder}/${socket}`;
}

/** The number of a group, by name or number. @throws {GroupError} */
export function groupNumber(group: string, files: SocketFiles): number {
  if (/^[0-9]+$/.test(group)) return Number(group);
  const number = groupIn(groupsOf(files), group);
  if (number !== undefined) return number;
  throw new GroupError(
    `there is no group ${group} in /etc/group; make it (groupadd --system ${group}), name another, or give the number of ` +
      "one that is kept elsewhere",
    true,
  );
}

function groupsOf(files: SocketFiles): string {
  try {
    return files.groups();
  } catch (error) {
    throw new GroupError(messageOf(error), true);
  }
}

/** Looks a name up in the text of /etc/group (group(5)). */
function groupIn(text: string, name: string): number | undefined {
  for (const line of text.split("\n")) {
    const [called, , number] = line.split(":");
    if (called === name && number !== undefined && /^[0-9]{1,10}$/.test(number)) return Number(number);
  }
  return undefined;
}

/** Whether the group could be had now, as far as that can be seen. */
export function canShare(group: string, place: SocketPlace, files: SocketFiles): boolean {
  try {
    return obstacle(groupNumber(group, files), place, files) === undefined;
  } catch {
    return false;
  }
}

/**
 * Has `listen` bind the socket in a folder of our own, where it gets its group and mode, and moves it to its place then.
 * The folder of its place, where it holds nothing else, is ours and is given to the group; any other stays as it is.
 * @throws {GroupError} the group cannot be had @throws {Error}
 */
export function listenForGroup<L extends Disposable>(
  group: number,
  place: SocketPlace,
  listen: (path: string) => L,
  files: SocketFiles,
): L {
  const { folder } = place;
  const words = obstacle(group, place, files);
  if (words !== undefined) throw new GroupError(words, true);
  const facts = files.look(folder);
  if (facts !== undefined && !passes(facts, group)) give(folder, group, FOLDER_MODE, files);
  const aside = files.makePrivateFolder(folder);
  try {
    const bound = `${aside}/s`;
    const listener = listen(bound);
    try {
      give(bound, group, SOCKET_MODE, files);
      // Unlike a rename this replaces nothing.
      files.link(bound, pathOf(place));
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

/** What keeps the group from the socket, with the cure; undefined: nothing that can be seen. */
function obstacle(group: number, place: SocketPlace, files: SocketFiles): string | undefined {
  for (let at = place.folder; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const facts = files.look(at);
    if (facts === undefined) continue;
    const mode = facts.mode.toString(8).padStart(4, "0");
    if ((facts.mode & OTHERS_WRITE) !== 0 && (facts.mode & STICKY) === 0) {
      return `a group may write to ${at} (mode ${mode}), and could put anything in the socket's place: chmod g-w ${at}`;
    }
    if (passes(facts, group) || (at === place.folder && isOurs(facts, place, files))) continue;
    return `the members of group ${group} cannot reach the socket, as ${at} (mode ${mode}) does not let them through: ` +
      `chmod o+x ${at}, or choose another folder`;
  }
  return undefined;
}

function passes({ group: owner, mode }: FileFacts, group: number): boolean {
  return (mode & (owner === group ? GROUP_PASSES : OTHERS_PASS)) !== 0;
}

function isOurs({ owner }: FileFacts, { folder, socket }: SocketPlace, files: SocketFiles): boolean {
  return owner === files.user && files.list(folder).every((name) => name === socket);
}

/** @throws {GroupError} this process may not */
function give(path: string, group: number, mode: number, files: SocketFiles): void {
  try {
    files.give(path, group, mode);
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
    throw new GroupError(
      `this process may not give ${path} to group ${group}: it needs CAP_CHOWN, or to be a member of it ` +
        `(SupplementaryGroups=${group} in a drop-in of the unit)`,
      false,
    );
  }
}
