/** The runtime's debugger, which gives whoever connects all that this process may do. */

/** Closes it where it was opened at the start, as NODE_OPTIONS=--inspect has the runtime do. */
export async function closeDebugger(): Promise<void> {
  const { close } = await import("node:inspector");
  close();
}
