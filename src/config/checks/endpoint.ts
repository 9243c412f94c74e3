/** The keys of the kinds that connect to a port of a host, and what a destination lends to those of its checks. */
import { parseAddress } from "../../net/address.ts";
import type { Parsed } from "../../text/parsed.ts";
import { lazily } from "../values/lazily.ts";
import { parseHost } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { text, whole } from "../values/rules.ts";
import { type CheckBase, networkSchema, viaSchema } from "./base.ts";
import { type CheckTarget, NEEDS_PORT } from "./kind.ts";

/** Where a check connects to that is not told; those that go through the service do not. */
export const DEFAULT_ADDRESS = "127.0.0.1";

/** Where a check connects to. */
export interface Endpoint {
  /** An address or a host name. */
  readonly address: string;
  readonly port: number;
}

const address = lazily(() => text(parseHost, PATTERNS.host));
const port = lazily(() => whole(1, 65535));

/** The keys of a check of a service. */
export const endpointSchema = lazily(() => {
  return {
    address: address().prefault(DEFAULT_ADDRESS).describe("Where to connect: an address or a host name"),
    port: port().describe("The port to connect to"),
    ...networkSchema(),
    ...viaSchema(),
  } as const;
});

/** The keys of a check of a destination. */
export const destinationEndpointSchema = lazily(() => {
  return {
    address: address().optional().describe(
      "Where to connect: an address or a host name. Default: the destination's address",
    ),
    port: port().optional().describe("The port to connect to. Default: the destination's"),
    ...networkSchema(),
  } as const;
});

/** The check of that destination: what was left out is the destination's. Or what it lacks. */
export function aimEndpoint<
  File extends { readonly address?: string | undefined; readonly port?: number | undefined },
>(
  check: File,
  target: CheckTarget,
): Parsed<File & Endpoint> {
  const port = check.port ?? target.port;
  const address = check.address ?? target.address.text;
  return port === 0 ? { problem: NEEDS_PORT } : { value: { ...check, address, port } };
}

/** The same keys as the file spells them; undefined ones are left out. */
export function renderEndpoint(
  { address, port, source, through }: Endpoint & CheckBase,
): Readonly<Record<string, unknown>> {
  return through.length > 0
    ? { port, source: source?.text, via: "service" }
    : { address, port, source: source?.text };
}

/** As in a URL; `service` stands for all of its addresses. */
export function authority({ address, port, via }: Endpoint & { readonly via?: string | undefined }): string {
  if (via === "service") return `service:${port}`;
  return `${parseAddress(address)?.family === 6 ? `[${address}]` : address}:${port}`;
}
