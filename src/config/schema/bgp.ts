/** The file's `bgp` part: this speaker, the defaults of its peers, and the peers. */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import { type Address, parseAddress } from "../../net/address.ts";
import type { Parsed } from "../../text/parsed.ts";
import { addressProblem, parseHostAddress, parsePeerPlace } from "../values/address.ts";
import { parseInterfaceName, parseTellable } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, duration, optionalPart, seconds, text, whole } from "../values/rules.ts";
import { bfdSchema } from "./bfd.ts";
import { MAX_PASSWORD_OCTETS, parsePassword, parsePasswordFile } from "./secret.ts";
import { tcpAoSchema } from "./tcp_ao.ts";

/** An AS number that a speaker can have (RFC 6793 section 9, RFC 7607). */
function asNumber(): z.ZodNumber {
  const error = "must be an AS number, a whole number from 1 to 4294967295";
  return whole(1, 4294967295, error)
    .refine((as) => as !== 23456, {
      error: "cannot be 23456, which stands for every four-octet AS (RFC 6793)",
    }).meta({ not: { const: 23456 } });
}

const PORT_OR_OFF = "must be a port from 1 to 65535, or -1 to only connect out";

/** This speaker. */
function localSchema() {
  return z.strictObject({
    routerID: text(parseRouterID, PATTERNS.routerID).describe(
      "The BGP Identifier of this host, an IPv4 address",
    ),
    as: asNumber().describe("The AS number of this host"),
    listenPort: whole(-1, 65535, PORT_OR_OFF)
      .refine((port) => port !== 0, { error: PORT_OR_OFF }).meta({ not: { const: 0 } }).default(179)
      .describe("The port that peers connect to; -1: only connect out"),
    listenAddresses: distinct(text(parseBindAddress, PATTERNS.bindAddress)).min(1, {
      error: "must have at least one address (bgp.local.listenPort: -1 turns listening off)",
    }).prefault(["0.0.0.0", "::"]).describe("The addresses that peers connect to"),
    address: text((input) => parseHostAddress(input, 4), PATTERNS.hostAddress4).optional().describe(
      "This host's own IPv4 address: the IPVS destination of targetPort, and the next hop over IPv6. Default: routerID",
    ),
    address6: text((input) => parseHostAddress(input, 6), PATTERNS.hostAddress6).optional().describe(
      "This host's own IPv6 address: the IPVS destination of targetPort for IPv6. Default: none",
    ),
  }).describe("This BGP speaker");
}

function gracefulRestartSchema() {
  return z.strictObject({
    restartTime: seconds("must be a duration of 1s to 4095s in whole seconds", { min: 1, max: 4095 })
      .prefault("120s").describe("How long a peer keeps the routes of an agent that is being restarted"),
  }, {
    error: ({ code }) =>
      code === "invalid_type" ? "must be off, or a mapping such as {restartTime: 120s}" : undefined,
  }).describe("Graceful restart (RFC 4724), so that a restart of the agent withdraws nothing. Default: off");
}

function capabilitiesSchema() {
  const offered = () => z.boolean().default(true);
  return z.strictObject({
    routeRefresh: offered().describe("Route refresh (RFC 2918)"),
    enhancedRouteRefresh: offered().describe("Enhanced route refresh (RFC 7313)"),
    extendedMessages: offered().describe("Messages of up to 65535 bytes (RFC 8654)"),
    extendedNextHop: offered().describe("IPv6 next hops of IPv4 routes (RFC 8950), where they can be needed"),
  }).describe("false: not offered to the peer");
}

/** Keys of a peer that `bgp.defaults` may have, too: one set of types for both. */
const peerOptions = lazily(() => {
  return {
    as: asNumber().optional().describe("The peer's AS number, required"),
    port: whole(1, 65535).optional().describe("The peer's BGP port. Default: 179"),
    passive: z.boolean().optional().describe("true: wait for the peer to connect. Default: false"),
    localAddress: text(parseHostAddress, PATTERNS.hostAddress).optional().describe(
      "Source address. Default: the kernel's choice",
    ),
    password: text(parsePassword, `^[^]{1,${MAX_PASSWORD_OCTETS}}$`).optional().describe(
      "TCP-MD5 key (RFC 2385); instead of passwordFile",
    ),
    passwordFile: text(parsePasswordFile, "^[^]+$").optional().describe(
      "A file with the TCP-MD5 key, such as a systemd credential; instead of password",
    ),
    ttlSecurity: whole(1, 254).optional().describe(
      "GTSM (RFC 5082): at most so many hops away; instead of multihop. Default: off",
    ),
    multihop: whole(1, 255).optional().describe(
      "TTL of packets to an eBGP peer that is several hops away; instead of ttlSecurity. Default: 1",
    ),
    holdTime: seconds(
      "must be 0, or 3s to 65535s in whole seconds (RFC 4271 section 4.2)",
      { min: 3, max: 65535, orZero: true },
    ).optional().describe("Silence after which the peer counts as lost; 0: never. Default: 90s"),
    keepaliveTime: seconds("must be a duration from 1s to 21845s in whole seconds", { min: 1, max: 21845 })
      .optional().describe("Time between KEEPALIVE messages. Default: a third of the negotiated hold time"),
    connectRetryTime: duration(100, 3_600_000).optional().describe(
      "First retry after a failed connection; doubles with jitter to ten times this. Default: 5s",
    ),
    sendHoldTime: seconds(
      "must be 0, or 4s to 131070s in whole seconds (RFC 9687)",
      { min: 4, max: 131_070, orZero: true },
    ).optional().describe(
      "Time in which the peer takes nothing after which it counts as lost; 0, or a negotiated hold time of 0: never. " +
        "Default: 480s or twice the hold time, the longer",
    ),
    families: distinct(z.enum(["ipv4-unicast", "ipv6-unicast"]))
      .min(1, { error: "must have at least one family" }).optional().describe(
        "Address families to negotiate. Default: the families of the services' addresses",
      ),
    nextHop: text(parseHostAddress, PATTERNS.hostAddress).optional().describe(
      "Next hop of IPv4 routes; an IPv6 one works where the peer supports RFC 8950. " +
        "Default: the session's local address, or bgp.local.address where that is of the other family",
    ),
    nextHop6: text((input) => parseHostAddress(input, 6), PATTERNS.hostAddress6).optional().describe(
      "Next hop of IPv6 routes. Default: the session's local address, or local.address6",
    ),
    gracefulRestart: optionalPart(z.lazy(gracefulRestartSchema)),
    interface: text(parseInterfaceName, PATTERNS.interfaceName).optional().describe(
      "The interface, or VRF, that the session is bound to. Default: any",
    ),
    localAS: asNumber().optional().describe("The AS shown to the peer. Default: bgp.local.as"),
    tcpMSS: whole(88, 32767).optional().describe(
      "The longest TCP segment, for a path that loses longer ones. Default: the kernel's choice",
    ),
    linkLocalNextHop: z.enum(["auto", "never"]).optional().describe(
      "Whether a link-local address goes beside a global next hop (RFC 2545). Default: auto",
    ),
    capabilities: z.lazy(capabilitiesSchema).optional(),
    localRole: z.enum(["provider", "rs", "rs-client", "customer", "peer"]).optional().describe(
      "What this host is to the peer (RFC 9234). Default: no role is offered",
    ),
    strictRole: z.boolean().optional().describe(
      "true: a peer that has no role is refused (RFC 9234). Default: false",
    ),
    tcpAO: optionalPart(z.lazy(tcpAoSchema)),
    bfd: optionalPart(z.lazy(bfdSchema)),
  };
});

function defaultsSchema() {
  return z.strictObject(peerOptions()).superRefine(exclusive).meta({
    ...EXCLUSIVE,
    description: "Any key of a peer except address and name; each peer overrides",
  });
}

function peerSchema() {
  return z.strictObject({
    address: text(parsePeerPlace, PATTERNS.peerAddress).describe(
      "IPv4, IPv6, link-local with its interface: fe80::1%eth0, or auto: the router that advertises itself on `interface`",
    ),
    name: text(parseName, PATTERNS.peerName).optional().describe(
      "Name of the peer in commands and metrics. Default: the address",
    ),
    ...peerOptions(),
  }).superRefine(exclusive).meta({ ...EXCLUSIVE, description: "A peer" });
}

/** The same as `exclusive`, for JSON Schema. */
const EXCLUSIVE = {
  allOf: [
    { not: { required: ["password", "passwordFile"] } },
    { not: { required: ["password", "tcpAO"] } },
    { not: { required: ["passwordFile", "tcpAO"] } },
    { not: { required: ["ttlSecurity", "multihop"] } },
  ],
};

/** Keys of which only one may be given. */
function exclusive(
  options: Readonly<Record<string, unknown>>,
  context: z.RefinementCtx,
): void {
  for (const [key, other] of NOT_TOGETHER) {
    if (options[key] === undefined || options[other] === undefined) continue;
    context.addIssue({ code: "custom", path: [key], message: `cannot be given together with ${other}` });
  }
}

const NOT_TOGETHER = [
  ["passwordFile", "password"],
  ["tcpAO", "password"],
  ["tcpAO", "passwordFile"],
  ["multihop", "ttlSecurity"],
] as const;

/** Each peer's AS is its own or that of the defaults. */
const AS_SOMEWHERE = {
  anyOf: [
    { properties: { defaults: { required: ["as"] } }, required: ["defaults"] },
    { properties: { peers: { items: { required: ["as"] } } } },
  ],
};

/** The `bgp` part. */
export const bgpSchema = lazily(() => {
  return z.strictObject({
    local: localSchema(),
    defaults: defaultsSchema().prefault({}),
    peers: z.array(peerSchema()).min(1, { error: "must have at least one peer" }).describe(
      "The routers to announce to",
    ),
  }).meta({ ...AS_SOMEWHERE, description: "BGP" });
});

/** This speaker as the schema reads it. */
export type FileLocal = z.output<ReturnType<typeof localSchema>>;
/** The peers' defaults. */
export type FileDefaults = z.output<ReturnType<typeof defaultsSchema>>;
/** BFD with a peer. */
export type FileBfd = z.output<ReturnType<typeof bfdSchema>>;
/** A key of TCP-AO. */
export type FileTcpAoKey = z.output<ReturnType<typeof tcpAoSchema>>[number];
/** A peer, without the defaults. */
export type FilePeer = z.output<ReturnType<typeof peerSchema>>;

function parseRouterID(input: string): Parsed<Address> {
  const address = parseAddress(input);
  if (address === undefined) return { problem: addressProblem(input, 4) };
  if (address.family === 6) return { problem: "must be an IPv4 address" };
  return address.text === "0.0.0.0"
    ? { problem: "must be an IPv4 address other than 0.0.0.0" }
    : { value: address };
}

function parseBindAddress(input: string): Parsed<Address> {
  const address = parseAddress(input);
  return address !== undefined && address.bytes.every((octet) => octet === 0)
    ? { value: address }
    : parseHostAddress(input);
}

function parseName(input: string): Parsed<string> {
  if (input === "") return { problem: "must not be empty" };
  if (input.length > 64) return { problem: "must have at most 64 characters" };
  if (/[\s\p{Cc}]/u.test(input)) return { problem: "must not have spaces or control characters" };
  return parseTellable(input);
}
