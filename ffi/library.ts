/**
 * Opens a shared library, or says which one is missing and which Debian package brings it. Where the process may load
 * anything, the dynamic linker finds it by its soname; where `--allow-ffi` lists files or folders, it has to be asked
 * for by a path that is spelled as there, so the usual folders are tried.
 */

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
  constructor(readonly library: LibraryName, reason: string, hint: string, cause?: unknown) {
    super(`cannot open ${library.soname}: ${reason} (${hint})`, { cause });
  }
}

/** Where distributions keep the libraries of this machine: Debian's multiarch folders, then those of the others. */
export function libraryFolders(arch: typeof Deno.build.arch = Deno.build.arch): readonly string[] {
  const triplet = `${arch}-linux-gnu`;
  return [`/usr/lib/${triplet}`, `/lib/${triplet}`, "/usr/lib64", "/lib64", "/usr/lib", "/lib"];
}

/** Whether `--allow-ffi` lets the C library be opened, at all or at one of the usual paths. */
export function mayUseFfi(): boolean {
  return isGranted() || libraryFolders().some((folder) => isGranted(`${folder}/libc.so.6`));
}

/**
 * Opens `library` with the symbols of `symbols`.
 * @throws {LibraryError} it is missing, lacks a symbol, or the process may not use FFI
 */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  library: LibraryName,
  symbols: S,
): Deno.DynamicLibrary<S> {
  return open(library, spellings(library.soname), symbols);
}

/**
 * Opens `library`, and each of `symbols` when it is used first: binding one costs a third of a millisecond, and most are
 * for rare moments. A symbol that is missing shows then.
 * @throws {LibraryError} it is missing, or the process may not use FFI
 */
export function openLazily<const S extends Deno.ForeignLibraryInterface>(
  library: LibraryName,
  symbols: S,
): Pick<Deno.DynamicLibrary<S>, "symbols" | "close"> {
  // Looked up once: each permission that is asked for is a call into the runtime.
  const tried = spellings(library.soname);
  const opened: { close(): void }[] = [open(library, tried, {})];
  const bound = {};
  for (const [name, definition] of Object.entries(symbols)) {
    const bind = () => {
      const part = open(library, tried, { [name]: definition });
      opened.push(part);
      // From now on a plain property, as fast as any.
      const value: unknown = part.symbols[name];
      Object.defineProperty(bound, name, { value });
      return value;
    };
    Object.defineProperty(bound, name, { get: bind, configurable: true });
  }
  return {
    symbols: bound as Deno.DynamicLibrary<S>["symbols"],
    close: () => opened.splice(0).forEach((part) => part.close()),
  };
}

/** Opens `library` by the first of `tried` that is one. */
function open<const S extends Deno.ForeignLibraryInterface>(
  library: LibraryName,
  tried: readonly string[],
  symbols: S,
): Deno.DynamicLibrary<S> {
  if (tried.length === 0) {
    const [folder] = libraryFolders();
    throw new LibraryError(library, "not permitted", `run with --allow-ffi, or with --allow-ffi=${folder}`);
  }
  let fault: unknown;
  for (const spelling of tried) {
    try {
      return Deno.dlopen(spelling, symbols);
    } catch (error) {
      // What is there and cannot be used says more than that it is not at the next path.
      if (fault === undefined || !isMissingFile(error)) fault = error;
    }
  }
  const reason = fault instanceof Error ? fault.message : String(fault);
  const { debianPackage } = library;
  const hint = `it comes with the Debian package ${debianPackage}: apt install ${debianPackage}`;
  throw new LibraryError(library, reason, hint, fault);
}

/** How the library may be asked for; under a list of paths a soname is none of them. */
function spellings(soname: string): readonly string[] {
  if (isGranted()) return [soname];
  return libraryFolders().map((folder) => `${folder}/${soname}`).filter(isGranted);
}

function isGranted(path?: string): boolean {
  const descriptor = path === undefined ? { name: "ffi" } as const : { name: "ffi", path } as const;
  return Deno.permissions.querySync(descriptor).state === "granted";
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && /No such file or directory/.test(error.message);
}
