/** Where the control socket is. */
import { printableProblem } from "../../text/characters.ts";
import type { Parsed } from "../../text/parsed.ts";

/** Where the agent's commands find it by default. */
export const DEFAULT_CONTROL_SOCKET = "/run/bgp-lb/control.sock";

/** sockaddr_un holds 108 octets of path, the last of them 0 (unix(7)). */
const MAX_SOCKET_PATH_OCTETS = 107;

/** The path of a unix socket; "" is none, and undefined. */
export function parseSocketPath(text: string): Parsed<string | undefined> {
  if (text === "") return { value: undefined };
  if (!text.startsWith("/") || text.endsWith("/")) return { problem: "must be an absolute path of a file" };
  const problem = printableProblem(text);
  if (problem !== undefined) return { problem };
  const octets = new TextEncoder().encode(text).byteLength;
  return octets > MAX_SOCKET_PATH_OCTETS
    ? { problem: `is ${octets} bytes long, the path of a socket has at most ${MAX_SOCKET_PATH_OCTETS}` }
    : { value: text };
}
