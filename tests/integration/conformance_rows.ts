/**
 * What a BGP speaker must answer (RFC 4271 section 6 and its descendants) about headers, OPEN and states: what is sent
 * in which state, and what must come back. `conformance_table_test.ts` runs the rows.
 */
import type { PeerConfig } from "../../src/config/config.ts";
import {
  capability,
  fourOctetAs,
  header,
  KEEPALIVE,
  keepalive,
  message,
  multiprotocol,
  NOTIFICATION,
  notification,
  type Octets,
  OPEN,
  open,
  parameter,
  ROUTE_REFRESH,
  routeRefresh,
  u16,
  UPDATE,
  update,
  withCapabilities,
} from "../support/raw_peer.ts";

/** What must come of a row. */
export type Expected =
  /** A NOTIFICATION with these codes and this data, then FIN. */
  | { readonly code: number; readonly subcode: number; readonly data: Octets }
  /** The end of the connection without a word. */
  | "silent close"
  /** An OPEN is accepted, and a KEEPALIVE then establishes the session. */
  | "establishes"
  /** The session goes on; so many UPDATEs counted as malformed (RFC 7606). */
  | { readonly malformed: number };

/** One row. */
export interface Row {
  readonly name: string;
  readonly rfc: string;
  readonly state: "OpenSent" | "OpenConfirm" | "Established";
  readonly send: readonly Octets[];
  readonly expected: Expected;
  /** The probe's OPEN on the way to the state. */
  readonly open?: Octets;
  /** What of the peer's configuration differs. */
  readonly peer?: Partial<PeerConfig>;
}

/** The expectation of a NOTIFICATION. */
export function answers(code: number, subcode: number, data: Octets = []): Expected {
  return { code, subcode, data };
}

/** The expectation that nothing is wrong. */
export const SURVIVES: Expected = { malformed: 0 };

const STATES = ["OpenSent", "OpenConfirm", "Established"] as const;

function zeros(count: number): Octets {
  return new Array<number>(count).fill(0);
}

const HEADERS: readonly (readonly [string, Octets, Expected])[] = [
  ["a marker of zeros", [...zeros(16), 0, 19, 4], answers(1, 1)],
  ["a marker whose first octet is wrong", [0xfe, ...header(4, 19).slice(1)], answers(1, 1)],
  ["a marker whose last octet is wrong", [...header(4, 19).slice(0, 15), 0, 0, 19, 4], answers(1, 1)],
  [
    "a marker that is an HTTP request",
    [...new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")],
    answers(1, 1),
  ],
  ["length 0", header(KEEPALIVE, 0), answers(1, 2, [0, 0])],
  ["length 1 of an UPDATE", header(UPDATE, 1), answers(1, 2, [0, 1])],
  ["length 18", header(KEEPALIVE, 18), answers(1, 2, [0, 18])],
  ["OPEN of 19", header(OPEN, 19), answers(1, 2, [0, 19])],
  ["OPEN of 28", [...header(OPEN, 28), ...zeros(9)], answers(1, 2, [0, 28])],
  ["OPEN of 4097", header(OPEN, 4097), answers(1, 2, u16(4097))],
  ["OPEN of 65535", header(OPEN, 65_535), answers(1, 2, u16(65_535))],
  ["KEEPALIVE of 20", [...header(KEEPALIVE, 20), 0], answers(1, 2, [0, 20])],
  ["KEEPALIVE of 4097", header(KEEPALIVE, 4097), answers(1, 2, u16(4097))],
  ["KEEPALIVE of 65535", header(KEEPALIVE, 65_535), answers(1, 2, u16(65_535))],
  ["UPDATE of 19", header(UPDATE, 19), answers(1, 2, [0, 19])],
  ["UPDATE of 22", [...header(UPDATE, 22), ...zeros(3)], answers(1, 2, [0, 22])],
  ["NOTIFICATION of 19", header(NOTIFICATION, 19), answers(1, 2, [0, 19])],
  ["NOTIFICATION of 20", [...header(NOTIFICATION, 20), 6], answers(1, 2, [0, 20])],
  ["type 0", header(0, 19), answers(1, 3, [0])],
  ["type 6", header(6, 19), answers(1, 3, [6])],
  ["type 128", header(128, 23), answers(1, 3, [128])],
  ["type 255", header(255, 19), answers(1, 3, [255])],
];

const headerRows: readonly Row[] = STATES.flatMap((state) =>
  HEADERS.map(([name, octets, expected]) => ({ name, rfc: "4271 6.1", state, send: [octets], expected }))
);

const tooLong: readonly Row[] = [
  { name: "UPDATE of 4097", type: UPDATE },
  { name: "NOTIFICATION of 4097", type: NOTIFICATION },
  { name: "ROUTE-REFRESH of 65535", type: ROUTE_REFRESH },
].flatMap(({ name, type }) => {
  const length = name.endsWith("65535") ? 65_535 : 4097;
  const send = [header(type, length)];
  return [{ name, rfc: "8654 4", state: "OpenSent" as const, send, expected: answers(1, 2, u16(length)) }];
});

function refresh(body: Octets): Octets {
  return message(ROUTE_REFRESH, body);
}

const refreshRows: readonly Row[] = [
  ...[[], [0, 1, 0], [0, 1, 0, 1, 0], [0, 1, 1], [0, 1, 1, 1, 0], [0, 1, 2, 1, 0]].map((body): Row => ({
    name: `ROUTE-REFRESH of ${19 + body.length} with subtype ${body[2] ?? "none"}`,
    rfc: "7313 5",
    state: "Established",
    send: [refresh(body)],
    expected: answers(7, 1, refresh(body)),
  })),
  ...([
    ["ROUTE-REFRESH of subtype 1", routeRefresh(1, 1)],
    ["ROUTE-REFRESH of subtype 2", routeRefresh(1, 2)],
    ["ROUTE-REFRESH of subtype 255", routeRefresh(1, 255)],
    ["ROUTE-REFRESH of subtype 255 and 30 octets", refresh([0, 1, 255, 1, ...zeros(7)])],
    ["ROUTE-REFRESH of a family that is not negotiated", routeRefresh(25, 0, 70)],
  ] as const).map(([name, octets]): Row => ({
    name,
    rfc: "2918 4, 7313 5",
    state: "Established",
    send: [octets],
    expected: SURVIVES,
  })),
];

/** An OPEN row. */
function opens(
  rfc: string,
  name: string,
  octets: Octets,
  expected: Expected,
  peer: Partial<PeerConfig> = {},
): Row {
  return { rfc, name, state: "OpenSent", send: [octets], expected, peer };
}

const UNSPECIFIC = answers(2, 0);
const MP4 = multiprotocol(1);
const AS4 = fourOctetAs(65_002);
const caps = (...capabilities: readonly Octets[]) =>
  open({ parameters: withCapabilities(capabilities.flat()) });
const internal: Partial<PeerConfig> = { as: 65_001 };
/** RFC 9072: the octets after Opt Parm Len are 255 and the length in two octets. */
const extended = (octets: Octets, shortLength = 255, length = octets.length) =>
  open({ parameters: [shortLength, 255, ...u16(length), ...octets] });
/** A parameter with a length in two octets. */
const longParameter = (value: Octets, type = 2) => [type, ...u16(value.length), ...value];
const unknownCapabilities = (count: number) =>
  Array.from({ length: count }, (_, i) => capability(128 + i % 100, zeros(30))).flat();

const openRows: readonly Row[] = [
  opens("4271 6.2", "version 3", open({ version: 3 }), answers(2, 1, [0, 4])),
  opens("4271 6.2", "version 5", open({ version: 5 }), answers(2, 1, [0, 4])),
  opens("4271 6.2", "version 0", open({ version: 0 }), answers(2, 1, [0, 4])),
  opens("4271 6.2", "another AS", open({ as: 65_003 }), answers(2, 2)),
  opens("7607 2", "AS 0", open({ as: 0, parameters: [0] }), answers(2, 2)),
  opens(
    "7607 2",
    "AS 0 and a good capability",
    open({ as: 0, parameters: withCapabilities([...MP4, ...AS4]) }),
    answers(2, 2),
  ),
  opens("7607 2", "four-octet AS 0", caps(MP4, fourOctetAs(0)), answers(2, 2)),
  opens("6793 4.1", "AS_TRANS without a capability", open({ as: 23_456, parameters: [0] }), answers(2, 2)),
  opens(
    "6793 4.1",
    "AS_TRANS with the AS",
    open({ as: 23_456, parameters: withCapabilities([...MP4, ...AS4]) }),
    "establishes",
  ),
  opens(
    "6793 4.1",
    "AS_TRANS with AS_TRANS",
    open({ as: 23_456, parameters: withCapabilities([...MP4, ...fourOctetAs(23_456)]) }),
    answers(2, 2),
  ),
  opens(
    "6793 4.1",
    "AS_TRANS with a four-octet AS",
    open({ as: 23_456, parameters: withCapabilities([...MP4, ...fourOctetAs(4_200_000_002)]) }),
    "establishes",
    { as: 4_200_000_002 },
  ),
  opens(
    "6793 4.1",
    "AS_TRANS with another AS",
    open({ as: 23_456, parameters: withCapabilities([...MP4, ...fourOctetAs(70_000)]) }),
    answers(2, 2),
  ),
  opens("6793 4.1", "two ASes that differ", caps(MP4, fourOctetAs(65_003)), answers(2, 2)),
  opens("6286 2.2", "identifier 0", open({ identifier: zeros(4) }), answers(2, 3)),
  opens(
    "6286 2.2",
    "our identifier from an internal peer",
    open({ as: 65_001, identifier: [10, 0, 0, 1] }),
    answers(2, 3),
    internal,
  ),
  opens(
    "6286 2.1",
    "our identifier from an external peer",
    open({ identifier: [10, 0, 0, 1] }),
    "establishes",
  ),
  opens(
    "6286 2.1",
    "an identifier that is no host's address",
    open({ identifier: [224, 0, 0, 1] }),
    "establishes",
  ),
  opens("6286 2.1", "identifier 255.255.255.255", open({ identifier: [255, 255, 255, 255] }), "establishes"),
  opens("4271 6.2", "hold time 1", open({ holdTime: 1 }), answers(2, 6)),
  opens("4271 6.2", "hold time 2", open({ holdTime: 2 }), answers(2, 6)),
  opens("4271 4.2", "hold time 0", open({ holdTime: 0 }), "establishes"),
  opens("4271 4.2", "hold time 3", open({ holdTime: 3 }), "establishes"),
  opens("4271 4.2", "hold time 65535", open({ holdTime: 65_535 }), "establishes"),
  opens("4271 6.2", "parameter type 0", open({ parameters: [2, 0, 0] }), answers(2, 4)),
  opens("4271 6.2", "parameter type 1", open({ parameters: [3, 1, 1, 0] }), answers(2, 4)),
  opens("4271 6.2", "parameter type 3", open({ parameters: [4, 3, 2, 0, 0] }), answers(2, 4)),
  opens(
    "4271 6.2",
    "parameter type 254 behind capabilities",
    open({ parameters: [2 + AS4.length + 2, ...parameter(AS4), 254, 0] }),
    answers(2, 4),
  ),
  opens("4271 6.2", "Opt Parm Len too large", open({ parameters: [9, ...parameter(AS4)] }), UNSPECIFIC),
  opens("4271 6.2", "Opt Parm Len too small", open({ parameters: [4, ...parameter(AS4)] }), UNSPECIFIC),
  opens("4271 6.2", "Opt Parm Len 0 and octets", open({ parameters: [0, ...parameter(AS4)] }), UNSPECIFIC),
  opens("4271 6.2", "a parameter of one octet", open({ parameters: [1, 2] }), UNSPECIFIC),
  opens("4271 6.2", "a parameter longer than the rest", open({ parameters: [3, 2, 9, 0] }), UNSPECIFIC),
  opens(
    "5492 4",
    "a capability longer than its parameter",
    open({ parameters: [4, 2, 2, 65, 4] }),
    UNSPECIFIC,
  ),
  opens("5492 4", "a capability of one octet", open({ parameters: [3, 2, 1, 65] }), UNSPECIFIC),
  opens("5492 4", "an empty Capabilities parameter", open({ parameters: [2, 2, 0] }), "establishes"),
  opens("4271 4.2", "no optional parameters", open({ parameters: [0] }), "establishes"),
  opens(
    "5492 4",
    "unknown capabilities",
    caps(MP4, capability(0), capability(3, [1, 2, 3]), capability(255, zeros(9)), AS4),
    "establishes",
  ),
  opens(
    "5492 4",
    "deprecated and vendors' capabilities",
    caps(MP4, capability(128), capability(131, [1]), capability(184, [9]), AS4),
    "establishes",
  ),
  opens(
    "5492 4",
    "the same capability twice",
    caps(MP4, MP4, AS4, AS4, capability(2), capability(2)),
    "establishes",
  ),
  opens(
    "5492 4",
    "a parameter for each capability",
    open({ parameters: [16, ...parameter(MP4), ...parameter(AS4)] }),
    "establishes",
  ),
  opens(
    "5492 5",
    "no common family",
    caps(multiprotocol(25), AS4),
    answers(2, 7, [...MP4, ...multiprotocol(2)]),
  ),
  opens("4760 8", "IPv6 alone", caps(multiprotocol(2), AS4), "establishes"),
  opens("4760 8", "Multiprotocol of 3 octets", caps(capability(1, [0, 1, 0]), AS4), UNSPECIFIC),
  opens("4760 8", "Multiprotocol of 5 octets", caps(capability(1, [0, 1, 0, 1, 0]), AS4), UNSPECIFIC),
  opens("2918 2", "Route Refresh of 1 octet", caps(MP4, capability(2, [0])), UNSPECIFIC),
  opens("6793 3", "four-octet AS of 2 octets", caps(MP4, capability(65, [0xfd, 0xea])), UNSPECIFIC),
  opens("6793 3", "four-octet AS of 5 octets", caps(MP4, capability(65, zeros(5))), UNSPECIFIC),
  opens("4724 3", "Graceful Restart of 1 octet", caps(MP4, capability(64, [0])), UNSPECIFIC),
  opens("4724 3", "Graceful Restart of 5 octets", caps(MP4, capability(64, zeros(5))), UNSPECIFIC),
  opens("4724 3", "Graceful Restart without families", caps(MP4, capability(64, [0xc0, 120])), "establishes"),
  opens("8654 3", "Extended Message of 1 octet", caps(MP4, capability(6, [0])), UNSPECIFIC),
  opens("8950 4", "Extended Next Hop of 5 octets", caps(MP4, capability(5, zeros(5))), UNSPECIFIC),
  opens("9072 2", "the extended form without need", extended(longParameter([...MP4, ...AS4])), "establishes"),
  opens(
    "9072 2",
    "the extended form with Non-Ext OP Len 1",
    extended(longParameter([...MP4, ...AS4]), 1),
    "establishes",
  ),
  opens(
    "9072 2",
    "the extended form, 1000 octets of capabilities",
    extended(longParameter([...MP4, ...unknownCapabilities(31), ...AS4])),
    "establishes",
  ),
  opens(
    "9072 2",
    "the extended form, several parameters",
    extended([...longParameter(MP4), ...longParameter(unknownCapabilities(10)), ...longParameter(AS4)]),
    "establishes",
  ),
  opens("9072 2", "the extended form and nothing in it", extended([]), "establishes"),
  opens("9072 2", "the extended form, too long", extended(longParameter(AS4), 255, 99), UNSPECIFIC),
  opens("9072 2", "the extended form, too short", extended(longParameter(AS4), 255, 3), UNSPECIFIC),
  opens("9072 2", "the extended form, cut in its length", open({ parameters: [255, 255, 0] }), UNSPECIFIC),
  opens("9072 2", "the extended form, a parameter of 2 octets", extended([2, 0]), UNSPECIFIC),
  opens("9072 2", "the extended form, an unknown parameter", extended(longParameter([], 9)), answers(2, 4)),
  opens(
    "4271 4.2",
    "255 octets of parameters in the short form",
    open({
      parameters: [255, ...parameter(AS4), ...parameter(capability(200, zeros(243)))],
    }),
    "establishes",
  ),
];

const WORD = update({});

const stateRows: readonly Row[] = [
  ...([
    ["KEEPALIVE", keepalive()],
    ["UPDATE", WORD],
    ["malformed UPDATE", update({ attributesLength: 99 })],
    ["ROUTE-REFRESH", routeRefresh()],
    ["malformed ROUTE-REFRESH", refresh([0])],
  ] as const).flatMap(([name, octets]): Row[] => [
    { name, rfc: "6608 4", state: "OpenSent", send: [octets], expected: answers(5, 1) },
    ...(name === "KEEPALIVE" ? [] : [
      { name, rfc: "6608 4", state: "OpenConfirm", send: [octets], expected: answers(5, 2) } as const,
    ]),
  ]),
  { name: "a second OPEN", rfc: "6608 4", state: "OpenConfirm", send: [open()], expected: answers(5, 2) },
  { name: "OPEN", rfc: "6608 4", state: "Established", send: [open()], expected: answers(5, 3) },
  {
    name: "OPEN of version 3",
    rfc: "4271 8.2.2",
    state: "Established",
    send: [open({ version: 3 })],
    expected: answers(5, 3),
  },
  {
    name: "OPEN of another AS",
    rfc: "6608 4",
    state: "Established",
    send: [open({ as: 9 })],
    expected: answers(5, 3),
  },
  ...STATES.flatMap((state): Row[] =>
    ([
      ["Cease", notification(6, 0)],
      ["Cease/Administrative Shutdown", notification(6, 2, [3, 0x62, 0x79, 0x65])],
      ["Cease/Administrative Shutdown with bad UTF-8", notification(6, 2, [2, 0xff, 0xfe])],
      ["Cease/Administrative Shutdown longer than its message", notification(6, 2, [200, 0x62])],
      ["Cease/Hard Reset without a reason", notification(6, 9)],
      ["Cease/Hard Reset within itself", notification(6, 9, [6, 9, 6, 9, 6, 9])],
      ["Unsupported Version Number", notification(2, 1, [0, 3])],
      ["Unsupported Capability", notification(2, 7, MP4)],
      ["Hold Timer Expired", notification(4, 0)],
      ["an error that nobody knows", notification(255, 255, zeros(100))],
      ["error 0/0", notification(0, 0)],
      ["an error of 4096 octets", notification(3, 1, zeros(4075))],
    ] as const).map(([name, octets]) => ({
      name: `NOTIFICATION ${name}`,
      rfc: "4271 6.4",
      state,
      send: [octets],
      expected: "silent close" as const,
    }))
  ),
  {
    name: "100 KEEPALIVEs",
    rfc: "4271 8.2.2",
    state: "Established",
    send: new Array<Octets>(100).fill(keepalive()),
    expected: SURVIVES,
  },
  {
    name: "a fault and then a good message",
    rfc: "4271 6",
    state: "Established",
    send: [header(0, 19), WORD],
    expected: answers(1, 3, [0]),
  },
  {
    name: "two faults",
    rfc: "4271 6",
    state: "Established",
    send: [header(0, 19), header(KEEPALIVE, 0)],
    expected: answers(1, 3, [0]),
  },
  {
    name: "a fault and then NOTIFICATION",
    rfc: "4271 6",
    state: "Established",
    send: [header(0, 19), notification(6, 0)],
    expected: answers(1, 3, [0]),
  },
  {
    name: "NOTIFICATION and then a fault",
    rfc: "4271 6.4",
    state: "Established",
    send: [notification(6, 0), header(0, 19)],
    expected: "silent close",
  },
  {
    name: "OPEN and KEEPALIVE in one write",
    rfc: "4271 4.1",
    state: "OpenSent",
    send: [open(), keepalive()],
    expected: SURVIVES,
  },
  {
    name: "OPEN, KEEPALIVE and an UPDATE with a fault in one write",
    rfc: "4271 4.1",
    state: "OpenSent",
    send: [open(), keepalive(), update({ withdrawnLength: 9 })],
    expected: answers(3, 1),
  },
];

/** Every row about headers, OPEN and states. */
export const ROWS: readonly Row[] = [...headerRows, ...tooLong, ...refreshRows, ...openRows, ...stateRows];
