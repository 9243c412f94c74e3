/** What the two ways to send an http check's request have in common: what is asked, and what an answer says. */
import type { HttpCheckConfig } from "../../config/checks/http.ts";
import { parseAddress } from "../../net/address.ts";
import type { ProbeOutcome } from "./probe.ts";

/** Header fields of every request. */
export const REQUEST_HEADERS = { "user-agent": "bgp-lb", accept: "*/*" } as const;

/** The URL that a check asks for. */
export function urlOf(config: HttpCheckConfig): URL {
  const host = parseAddress(config.address)?.family === 6 ? `[${config.address}]` : config.address;
  const path = config.path.startsWith("/") ? config.path : `/${config.path}`;
  return new URL(`${config.scheme}://${host}:${config.port}${path}`);
}

/** What a status says: any 2xx passes. A redirect is not followed, so it fails like any other status. */
export function outcomeOf(status: number, location: string | null | undefined): ProbeOutcome {
  const pass = status >= 200 && status <= 299;
  const redirect = status >= 300 && status <= 399 && location !== null && location !== undefined;
  return { pass, detail: `status ${status}${redirect ? `, a redirect to ${location}: not followed` : ""}` };
}

/** Whether fetch can do it: it always verifies certificates, and refuses some ports. */
export function fetchCan(config: HttpCheckConfig): boolean {
  return !(config.scheme === "https" && config.insecureSkipVerify) && !BLOCKED_PORTS.has(config.port);
}

/** The bad ports of the Fetch standard, as Deno 2.9 has them. */
export const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  ...[
    1,
    7,
    9,
    11,
    13,
    15,
    17,
    19,
    20,
    21,
    22,
    23,
    25,
    37,
    42,
    43,
    53,
    69,
    77,
    79,
    87,
    95,
    101,
    102,
    103,
    104,
  ],
  ...[
    109,
    110,
    111,
    113,
    115,
    117,
    119,
    123,
    135,
    137,
    139,
    143,
    161,
    179,
    389,
    427,
    465,
    512,
    513,
    514,
    515,
  ],
  ...[526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049],
  ...[3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080],
]);
