/** Why listening failed, with words that name the cure. */
import type { Address } from "../../net/address.ts";
import { codeOf, messageOf } from "../../text/error_message.ts";

/**
 * What kind of failure it is: `family-missing`, the host does not have this address family at all; `address-missing`, it
 * does not have this address, or not yet (duplicate address detection, a late lease); `device-missing`, nor this interface.
 */
export type ListenFaultKind =
  | "family-missing"
  | "address-missing"
  | "device-missing"
  | "in-use"
  | "not-permitted"
  | "other";

/** A listener that could not be opened. */
export interface ListenFault {
  readonly kind: ListenFaultKind;
  readonly message: string;
}

const LAST_PRIVILEGED_PORT = 1023;

/** Reads the system's error code off `error` or its causes. */
export function listenFault(error: unknown, address: Address, port: number, device?: string): ListenFault {
  const where = `cannot listen on ${address.text} port ${port}${device === undefined ? "" : ` of ${device}`}`;
  switch (codeOf(error)) {
    case "ENODEV":
      return { kind: "device-missing", message: `${where}: there is no such interface, or not yet` };
    case "EACCES":
    case "EPERM":
      return {
        kind: "not-permitted",
        message: port <= LAST_PRIVILEGED_PORT
          ? `${where}: ports up to ${LAST_PRIVILEGED_PORT} need CAP_NET_BIND_SERVICE (or bgp.local.listenPort: -1 to only connect out)`
          : `${where}: not permitted`,
      };
    case "EADDRINUSE":
      return {
        kind: "in-use",
        message:
          `${where}: in use, so another BGP speaker may be running here (bgp.local.listenPort: -1 only connects out)`,
      };
    case "EADDRNOTAVAIL":
      return address.text === "::" || address.text === "0.0.0.0"
        ? familyMissing(where, address)
        : { kind: "address-missing", message: `${where}: no address of this host, or not yet` };
    case "EAFNOSUPPORT":
      return familyMissing(where, address);
    default: {
      const words = messageOf(error);
      return { kind: "other", message: words.includes(address.text) ? words : `${where}: ${words}` };
    }
  }
}

function familyMissing(where: string, { family }: Address): ListenFault {
  return { kind: "family-missing", message: `${where}: this host has no IPv${family}` };
}
