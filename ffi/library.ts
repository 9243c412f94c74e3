/** Opens a shared library, or says which one is missing and which Debian package brings it. */

/** What to open and where it comes from. */
export interface LibraryName {
  /** The soname, such as `libnl-3.so.200`. */
  readonly soname: string;
  /** The Debian package that brings it. */
  readonly debianPackage: string;
}

/** A shared library, or a symbol of it, is not there. */
export class LibraryError extends Error {
  override readonly name = "LibraryError";
  constructor(readonly library: LibraryName, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`cannot open ${library.soname}: ${reason} (${hint(library, cause)})`, { cause });
  }
}

/**
 * Opens `library` with the symbols of `symbols`.
 * @throws {LibraryError} it is missing, lacks a symbol, or the process may not use FFI
 */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  library: LibraryName,
  symbols: S,
): Deno.DynamicLibrary<S> {
  try {
    return Deno.dlopen(library.soname, symbols);
  } catch (error) {
    throw new LibraryError(library, error);
  }
}

function hint(library: LibraryName, cause: unknown): string {
  if (cause instanceof Deno.errors.NotCapable) return "run with --allow-ffi";
  return `it comes with the Debian package ${library.debianPackage}: apt install ${library.debianPackage}`;
}
