/** Files that outlive the process, with a word for each write of whether it got to the disk; the newest of a file counts. */
import type { Clock } from "../time/clock.ts";
import { DISK_LIMIT_MS } from "./disk.ts";
import type { StateFiles } from "./drain_keeper.ts";

/** The same files. `tell` gets the name of the file in its folder; of a disk that hangs it hears as of one that fails. */
export function toldWrites(
  files: StateFiles,
  clock: Clock,
  tell: (file: string, isKept: boolean) => void,
): StateFiles {
  const newest = new Map<string, symbol>();
  return {
    read: (path) => files.read(path),
    setAside: (path) => files.setAside(path),
    async replace(path, octets) {
      const file = path.slice(path.lastIndexOf("/") + 1);
      const write = Symbol(file);
      newest.set(file, write);
      const say = (isKept: boolean) => {
        if (newest.get(file) === write) tell(file, isKept);
      };
      const limit = clock.at(clock.now() + DISK_LIMIT_MS, () => say(false));
      try {
        await files.replace(path, octets);
        say(true);
      } catch (error) {
        say(false);
        throw error;
      } finally {
        limit[Symbol.dispose]();
      }
    },
  };
}
