/** Every kind of check as the benchmark of their costs configures it: a line each. */
import type { BackendPorts } from "./probe_backends.ts";

/** Where the checks find what they check. */
export interface KindPlace extends BackendPorts {
  /** The certificate that the backends are to be believed by. */
  readonly caFile: string;
  readonly folder: string;
  /** A process that stays. */
  readonly pidFile: string;
}

/** A kind of check, or a way to use one. */
export interface MeasuredKind {
  readonly name: string;
  /** So many probes come in a second, of as many checks as that takes at most. */
  readonly perSecond: number;
  /** Its keys, but for the timing. */
  check(place: KindPlace): Readonly<Record<string, unknown>>;
}

/** In the order in which they are printed. */
export const MEASURED_KINDS: readonly MeasuredKind[] = [
  { name: "http", perSecond: 1000, check: ({ http }) => ({ type: "http", port: http }) },
  {
    name: "http, body",
    perSecond: 1000,
    check: ({ http }) => ({ type: "http", port: http, body: { contains: "ok" } }),
  },
  {
    name: "https",
    perSecond: 50,
    check: ({ https, caFile }) => ({ type: "http", scheme: "https", port: https, caFile }),
  },
  { name: "tcp", perSecond: 1000, check: ({ http }) => ({ type: "tcp", port: http }) },
  { name: "tls", perSecond: 50, check: ({ https, caFile }) => ({ type: "tls", port: https, caFile }) },
  {
    name: "udp",
    perSecond: 1000,
    check: ({ udp }) => ({ type: "udp", port: udp, send: "x", expect: "x" }),
  },
  {
    name: "dns",
    perSecond: 1000,
    check: ({ dns }) => ({ type: "dns", port: dns, name: "example.org", expect: [] }),
  },
  { name: "grpc", perSecond: 50, check: ({ grpc }) => ({ type: "grpc", port: grpc }) },
  { name: "ping", perSecond: 1000, check: () => ({ type: "ping", addresses: ["127.0.0.1"] }) },
  { name: "exec", perSecond: 50, check: () => ({ type: "exec", command: ["/bin/true"] }) },
  {
    name: "file",
    perSecond: 1000,
    check: ({ folder }) => ({ type: "file", path: `${folder}/maintenance`, absent: true }),
  },
  { name: "process", perSecond: 1000, check: ({ pidFile }) => ({ type: "process", pidFile }) },
];
