/** What keeps a file from being read, in words for people. */

/** Lets only a regular file pass: a FIFO or a device would block. @throws {Error} in words for people */
export function refuseIrregular({ isFile, isDirectory }: Deno.FileInfo): void {
  if (isDirectory) throw new Error("is a folder, not a file");
  if (!isFile) throw new Error("is no regular file");
}

/** The words for an error of the file system; undefined: it has words of its own. */
export function fileWords(error: unknown): string | undefined {
  const { NotFound, NotADirectory, PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof NotFound) return "does not exist";
  if (error instanceof NotADirectory) return "is below something that is no folder";
  if (error instanceof PermissionDenied) return "may not be read by this user";
  return error instanceof NotCapable ? "may not be read: --allow-read leaves it out" : undefined;
}
