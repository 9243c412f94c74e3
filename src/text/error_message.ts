/** What was thrown, in words, and the kernel's name for it. */

/** The message of an error; anything else as text. Never throws, whatever was thrown. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "something that has no text";
  }
}

/** The kernel's name for what failed, such as `EADDRINUSE`, of an error or of what caused it; undefined: it has none. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return codeOf(error.cause);
}

/** The system call that failed, such as `bind`, of an error or of what caused it; undefined: it is not named. */
export function operationOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("operation" in error && typeof error.operation === "string") return error.operation;
  return operationOf(error.cause);
}
