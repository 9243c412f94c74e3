/** The port to the file system that the control socket needs. */

/** What there is at a path; a symbolic link is not followed. */
export interface FileFacts {
  readonly kind: "socket" | "folder" | "link" | "other";
  /** User ID of its owner. */
  readonly owner: number;
  /** Group ID. */
  readonly group: number;
  /** Permissions, with the sticky bit. */
  readonly mode: number;
  /** The same for the same file only: device and inode. */
  readonly identity: string;
}

/** The port to the file system. Its errors have a `code`, such as EACCES, where the kernel gave one. */
export interface SocketFiles {
  /** User ID of this process; undefined where it may not know. */
  readonly user: number | undefined;
  /** Undefined where nothing is there, or where it may not be looked at. */
  look(path: string): FileFacts | undefined;
  /** A folder, and those above it that are missing, for this user alone. @throws {Error} */
  makeFolder(path: string): void;
  /** The folder's path without links in it. @throws {Error} */
  realPath(path: string): string;
  /** Removes a file, or an empty folder. @throws {Error} */
  remove(path: string): void;
  /** The names in a folder. @throws {Error} */
  list(folder: string): readonly string[];
  /** A new folder in `parent` for this user alone, with a short name. @throws {Error} */
  makePrivateFolder(parent: string): string;
  /** Gives a file or folder to a group, with these permissions. Only where nobody could put a link. @throws {Error} EPERM */
  give(path: string, group: number, mode: number): void;
  /** A second name for a file; it replaces nothing. @throws {Error} EEXIST */
  link(from: string, to: string): void;
  /** The text of /etc/group. @throws {Error} in words */
  groups(): string;
  /** A lock that ends with the process (flock on the folder itself), undefined where somebody has it. @throws {Error} */
  lock(folder: string): Disposable | undefined;
}
