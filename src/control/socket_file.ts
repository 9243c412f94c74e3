/**
 * The file of the control socket: who may have it, and whether it is still ours. Nothing is followed, opened or changed
 * that somebody else could put there; only an agent that answers on it keeps us from having it.
 */
import type { ListenerEvents, StreamListener, Streams } from "../net/sockets.ts";
import { codeOf } from "../text/error_message.ts";
import { type Clock, sleep } from "../time/clock.ts";
import { type AgentIdentity, findAgent } from "./client.ts";
import type { FileFacts, SocketFiles } from "./socket_files.ts";
import {
  canShare,
  GroupError,
  groupNumber,
  listenForGroup,
  pathOf,
  type SocketPlace,
} from "./socket_group.ts";

/** A live agent has the socket. */
export class ControlSocketInUseError extends Error {
  override readonly name = "ControlSocketInUseError";
}

/** What is needed to have the socket. */
export interface ControlSocketPorts {
  readonly streams: Streams;
  readonly files: SocketFiles;
  readonly clock: Clock;
}

/** Where the socket is, and whose. */
export interface ControlSocketPlace {
  readonly path: string;
  /** The name or number of a group whose members may use it; undefined: this user alone. */
  readonly group: string | undefined;
}

/** The socket, as long as it is ours. Disposing removes the file, if it still is, and stops to listen. */
export interface ControlSocket extends Disposable {
  /** Why the members of its group cannot use it; undefined: they can, or it has none. */
  readonly shortfall: string | undefined;
  /** Why it has to be opened anew; undefined while the file is the one that was made. */
  problem(): string | undefined;
}

const STICKY = 0o1000;
const WORLD_WRITABLE = 0o002;
/** Somebody else's lock is not waited for any longer: it only keeps two agents apart that start in the same moment. */
const LOCK_LIMIT_MS = 500;
const LOCK_RETRY_MS = 25;

/**
 * Listens there; the folder is made where it is missing, and a socket that nobody listens on any more is replaced. Where
 * its group cannot be had, that is a shortfall: the owner alone can use it, until the group can.
 * @throws {ControlSocketInUseError} an agent answers there
 * @throws {Error} in words for people, where the path cannot be had
 */
export async function openControlSocket(
  { path, group }: ControlSocketPlace,
  events: ListenerEvents,
  ports: ControlSocketPorts,
): Promise<ControlSocket> {
  try {
    const folder = prepareFolder(folderOf(path), ports.files);
    const place = { folder, socket: path.slice(path.lastIndexOf("/") + 1) };
    using _lock = await lockFor(folder, ports);
    await clear(pathOf(place), ports);
    return listenAt(place, group, events, ports);
  } catch (error) {
    throw error instanceof Error ? inWords(error, folderOf(path)) : error;
  }
}

function listenAt(
  place: SocketPlace,
  group: string | undefined,
  events: ListenerEvents,
  { streams, files }: ControlSocketPorts,
): ControlSocket {
  const path = pathOf(place);
  const listen = (path: string) => streams.listen({ path }, events);
  let listener: StreamListener | undefined;
  let shortfall: GroupError | undefined;
  try {
    if (group !== undefined) listener = listenForGroup(groupNumber(group, files), place, listen, files);
  } catch (error) {
    if (!(error instanceof GroupError)) throw error;
    shortfall = error;
  }
  const listening = listener ?? listen(path);
  const ours = files.look(path)?.identity;
  return {
    shortfall: shortfall && `${shortfall.message}; until then its owner alone can use the socket`,
    problem() {
      const change = changeOf(files.look(path), ours);
      if (change !== undefined || group === undefined || shortfall?.mayHeal !== true) return change;
      return canShare(group, place, files) ? "it is opened anew, as control.group can be had now" : undefined;
    },
    [Symbol.dispose]() {
      if (ours !== undefined && files.look(path)?.identity === ours) removeQuietly(path, files);
      listening[Symbol.dispose]();
    },
  };
}

/** Makes the folder, or looks whether nobody else has a say in it; gives its real path. */
function prepareFolder(folder: string, files: SocketFiles): string {
  if (files.look(folder) === undefined) files.makeFolder(folder);
  const real = files.realPath(folder);
  for (let at = real;; at = folderOf(at)) {
    const facts = files.look(at);
    if (facts !== undefined) refuseForeign(at, facts, files.user);
    if (at === "/") return real;
  }
}

function refuseForeign(path: string, { owner, mode }: FileFacts, user: number | undefined): void {
  if (isForeign(owner, user)) {
    throw new Error(
      `${path} belongs to another user (${owner}), who could put anything in the socket's place`,
    );
  }
  if ((mode & WORLD_WRITABLE) !== 0 && (mode & STICKY) === 0) {
    throw new Error(`everybody may write to ${path}, and could put anything in the socket's place`);
  }
}

function isForeign(owner: number, user: number | undefined): boolean {
  return user !== undefined && owner !== user && owner !== 0;
}

async function lockFor(
  folder: string,
  { files, clock }: ControlSocketPorts,
): Promise<Disposable | undefined> {
  const limitMs = clock.now() + LOCK_LIMIT_MS;
  for (;;) {
    const lock = files.lock(folder);
    if (lock !== undefined || clock.now() >= limitMs) return lock;
    await sleep(clock, LOCK_RETRY_MS);
  }
}

/** Removes a socket that nobody listens on any more; anything else stays. */
async function clear(path: string, { streams, files, clock }: ControlSocketPorts): Promise<void> {
  const there = files.look(path);
  if (there === undefined) return;
  if (there.kind === "link") {
    throw new Error("what is there is a symbolic link, which is not followed, and stays");
  }
  if (there.kind !== "socket") throw new Error("what is there is not a socket, and stays");
  if (isForeign(there.owner, files.user)) {
    throw new Error(`the socket there belongs to another user (${there.owner}), and stays`);
  }
  const found = await findAgent(path, { streams, clock });
  switch (found.type) {
    case "agent":
      throw new ControlSocketInUseError(`another agent${describe(found.agent)} answers at ${path}`);
    case "other":
      throw new Error("something that is no agent listens there, and stays");
    case "silent":
      throw new Error("something listens there and does not answer, and stays");
    case "nobody":
      if (files.look(path)?.identity === there.identity) files.remove(path);
      return;
    default:
      return found satisfies never;
  }
}

function describe({ version, pid }: AgentIdentity): string {
  const known = [
    version === undefined ? [] : [`version ${version}`],
    pid === undefined ? [] : [`process ${pid}`],
  ].flat();
  return known.length === 0 ? "" : ` (${known.join(", ")})`;
}

function changeOf(now: FileFacts | undefined, ours: string | undefined): string | undefined {
  if (now === undefined) return "the socket was removed";
  return now.identity === ours ? undefined : "something else is in the socket's place";
}

function removeQuietly(path: string, files: SocketFiles): void {
  try {
    files.remove(path);
  } catch {
    // Whoever starts next replaces it.
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function inWords(error: Error, folder: string): Error {
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
      return new Error(`this process may not write to ${folder}`);
    case "EROFS":
      return new Error(`${folder} is on a file system that is read only`);
    case "ENOTDIR":
      return new Error(`${folder} is no folder`);
    case "ENOSPC":
      return new Error(`the file system of ${folder} is full`);
    case "EADDRINUSE":
    case "EEXIST":
      return new Error("somebody put something there in this very moment");
    default:
      return error;
  }
}
