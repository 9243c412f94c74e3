/** Why listening failed, in words that name the cure. */
import type { Address } from "../../net/address.ts";

/** A listener that could not be opened. */
export interface ListenFault {
  readonly message: string;
  /** The host does not have this address family at all. */
  readonly familyMissing: boolean;
}

const LAST_PRIVILEGED_PORT = 1023;

/** Reads the system's error code off `error` or its causes. */
export function listenFault(error: unknown, address: Address, port: number): ListenFault {
  const where = `cannot listen on ${address.text} port ${port}`;
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
      return plain(
        port <= LAST_PRIVILEGED_PORT
          ? `${where}: ports up to ${LAST_PRIVILEGED_PORT} need CAP_NET_BIND_SERVICE (or bgp.local.listenPort: -1 to only connect out)`
          : `${where}: not permitted`,
      );
    case "EADDRINUSE":
      return plain(
        `${where}: in use, so another BGP speaker may be running here (bgp.local.listenPort: -1 only connects out)`,
      );
    case "EADDRNOTAVAIL":
      return address.text === "::" || address.text === "0.0.0.0"
        ? { message: `${where}: this host has no IPv${address.family}`, familyMissing: true }
        : plain(`${where}: no address of this host`);
    case "EAFNOSUPPORT":
      return { message: `${where}: this host has no IPv${address.family}`, familyMissing: true };
    default: {
      const words = error instanceof Error ? error.message : String(error);
      return plain(words.includes(address.text) ? words : `${where}: ${words}`);
    }
  }
}

function plain(message: string): ListenFault {
  return { message, familyMissing: false };
}

/** The name of the errno, such as `EADDRINUSE`, of an error or of what caused it. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return codeOf(error.cause);
}
