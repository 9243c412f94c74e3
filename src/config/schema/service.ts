/**
 * The file's `services`: addresses, announcements, IPVS, checks. What many files have none of is lazy: a zod type takes some
 * 20 microseconds to make, and these are 80 of 550.
 */
import * as z from "zod";
import { lazily } from "../values/lazily.ts";
import {
  type LargeCommunity,
  parseCommunity,
  parseExtendedCommunity,
  parseLargeCommunity,
  WellKnownCommunity,
} from "../../net/community.ts";
import { checkSchema } from "../checks/kinds.ts";
import { nearest } from "../../text/nearest.ts";
import type { Parsed } from "../../text/parsed.ts";
import { parseHostAddress, parseServiceAddress } from "../values/address.ts";
import { command } from "../values/command.ts";
import { parseInterfaceName } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, duration, optionalPart, seconds, text, whole } from "../values/rules.ts";

/** IPVS schedulers of the kernel. */
export const SCHEDULERS = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "sed",
  "nq",
  "fo",
  "ovf",
  "mh",
] as const;

function announceSchema() {
  return z.strictObject({
    med: whole(0, 4294967295).optional().describe("MULTI_EXIT_DISC, lower is better. Default: not sent"),
    localPreference: whole(0, 4294967295).default(100).describe(
      "LOCAL_PREF, higher is better; to iBGP peers only",
    ),
    communities: distinct(text(parseAnyCommunity, PATTERNS.community)).default([]).describe(
      "Standard communities: 65512:100, or a name such as no-export; extended ones: rt:65512:1, ro:65512:1, " +
        "link-bandwidth:65512:125000000",
    ),
    extendedCommunities: distinct(text(parseExtended, PATTERNS.extendedCommunity)).default([]).describe(
      "Extended communities (RFC 4360)",
    ),
    largeCommunities: distinct(text(parseLarge, PATTERNS.largeCommunity)).default([]).describe(
      "Large communities (RFC 8092): 65512:1:2",
    ),
    asPathPrepend: whole(0, 100).default(0).describe("Extra copies of our AS in AS_PATH, to eBGP peers only"),
    peers: distinct(z.string()).min(1, { error: "must name at least one peer; leave it out for all" })
      .optional()
      .describe("Names of the peers to announce to. Default: all"),
    whenUnhealthy: z.literal("withdraw", {
      error: ({ input }) =>
        typeof input === "object" && input !== null
          ? "other than withdraw is not supported yet"
          : "must be withdraw",
    }).default("withdraw").describe("What happens to the routes of an unhealthy service"),
  }).describe("How the addresses are announced");
}

function destinationSchema() {
  return z.strictObject({
    address: text(parseHostAddress, PATTERNS.hostAddress).describe("Address of the real server"),
    port: whole(1, 65535).describe("Port of the real server"),
    weight: whole(0, 65535).default(1).describe("Share of the connections; 0: no new ones"),
    forwarding: z.enum(["masq", "droute", "tunnel"]).default("masq").describe(
      "masq: NAT; droute: same link, address kept; tunnel: IP in IP. The latter two cannot change the port",
    ),
  }).describe("A real server");
}

function portSchema() {
  return z.strictObject({
    port: whole(1, 65535).describe("Port of the service"),
    protocol: z.enum(["tcp", "udp", "sctp"]).default("tcp").describe("tcp, udp or sctp"),
    targetPort: whole(1, 65535).optional().describe(
      "Short for one destination: this host (bgp.local.address or address6) at this port; instead of destinations",
    ),
    destinations: z.array(destinationSchema()).min(1, { error: "must have at least one destination" })
      .optional()
      .describe(
        "Real servers; instead of targetPort",
      ),
  }).superRefine((value, context) => {
    if (value.targetPort !== undefined && value.destinations !== undefined) {
      const message = "cannot be given together with destinations";
      context.addIssue({ code: "custom", path: ["targetPort"], message });
    }
    if (value.targetPort === undefined && value.destinations === undefined) {
      const message = "is required (or destinations)";
      context.addIssue({ code: "custom", path: ["targetPort"], message });
    }
    const seen = new Set<string>();
    for (const [index, { address, port, forwarding }] of (value.destinations ?? []).entries()) {
      const path = ["destinations", index];
      if (forwarding !== "masq" && port !== value.port) {
        const message = `must be the service's port ${value.port}: forwarding ${forwarding} cannot change it`;
        context.addIssue({ code: "custom", path: [...path, "port"], message });
      }
      const key = `${address.text} ${port}`;
      if (seen.has(key)) {
        context.addIssue({ code: "custom", path, message: "is the same address and port as another" });
      }
      seen.add(key);
    }
  }).meta({
    oneOf: [{ required: ["targetPort"] }, { required: ["destinations"] }],
    description: "An IPVS virtual service",
  });
}

const FLAGS = ["sh-fallback", "sh-port", "mh-fallback", "mh-port", "ops"] as const;

function persistenceSchema() {
  return z.strictObject({
    timeout: seconds("must be a duration of 1s to 31 days in whole seconds", { min: 1, max: 2_678_400 })
      .prefault("300s").describe("How long a client stays with its real server"),
    netmask: whole(1, 32).default(32).describe("IPv4 clients that share this prefix length count as one"),
    netmask6: whole(1, 128).default(128).describe("IPv6 clients that share this prefix length count as one"),
  }).describe("Clients stay with their real server. Default: off");
}

/** The same as the rule between scheduler and flags, for JSON Schema. (ajv 8 may take an empty list for one that contains something.) */
const FLAGS_OF_SCHEDULERS = ["sh", "mh"].map((scheduler) => ({
  if: {
    properties: {
      flags: { minItems: 1, contains: { enum: [`${scheduler}-fallback`, `${scheduler}-port`] } },
    },
    required: ["flags"],
  },
  then: { properties: { scheduler: { const: scheduler } }, required: ["scheduler"] },
}));

function ipvsSchema() {
  return z.strictObject({
    scheduler: z.enum(SCHEDULERS).default("rr").describe("The kernel's name of the scheduler"),
    flags: distinct(z.enum(FLAGS)).default([]).describe(
      "sh-fallback, sh-port, mh-fallback, mh-port; ops: every UDP datagram is scheduled by itself",
    ),
    persistence: optionalPart(z.lazy(persistenceSchema)),
  }).superRefine(({ scheduler, flags }, context) => {
    for (const [index, flag] of flags.entries()) {
      const needs = flag.split("-")[0];
      if (flag !== "ops" && needs !== scheduler) {
        const message = `needs scheduler ${needs}, not ${scheduler}`;
        context.addIssue({ code: "custom", path: ["flags", index], message });
      }
    }
  }).meta({ allOf: FLAGS_OF_SCHEDULERS, description: "How IPVS spreads connections over destinations" });
}

function stopSchema() {
  return z.strictObject({
    shift: duration(0, 3_600_000).prefault("0s").describe(
      "So long the routes go on, with GRACEFUL_SHUTDOWN (RFC 8326) and the worst preference, before they are withdrawn",
    ),
    converge: duration(0, 3_600_000).prefault("1s").describe(
      "From withdrawing the routes to taking IPVS down",
    ),
    quiesce: duration(0, 86_400_000).prefault("30s").describe("Longest wait for open connections to end"),
  }).describe("How the service is taken down");
}

/** One service. */
export const serviceSchema = lazily(() => {
  return z.strictObject({
    name: text(parseOwnInterfaceName, PATTERNS.interfaceName).describe(
      "Unique; also the dummy interface's name, so at most 15 bytes",
    ),
    interface: text(parseOwnInterfaceName, PATTERNS.interfaceName).optional().describe(
      "Name of the dummy interface. Default: name",
    ),
    enabled: z.boolean().default(true).describe("false: the service is not announced"),
    addresses: z.array(text(parseServiceAddress, PATTERNS.serviceAddress)).min(1, {
      error: "must have at least one address",
    }).describe(
      "Addresses that are bound and announced as /32 or /128; ADDRESS/LENGTH announces that prefix instead",
    ),
    announce: announceSchema().prefault({}),
    ports: z.array(z.lazy(portSchema)).default([]).describe(
      "IPVS virtual services; leave out where the application listens on the address itself",
    ),
    ipvs: ipvsSchema().prefault({}),
    checks: z.array(checkSchema()).default([]).describe(
      "All must pass. None: the service counts as healthy",
    ),
    stop: stopSchema().prefault({}),
    onChange: z.lazy(command).optional().describe(
      "A program and its arguments, run at every transition: facts in BGP_LB_* and as JSON on standard input",
    ),
  }).describe("A service");
});

/** A service as the schema reads it. */
export type FileService = z.output<ReturnType<typeof serviceSchema>>;
/** One of its ports. */
export type FilePort = FileService["ports"][number];
/** A community of the `communities` list: standard ones are numbers, extended ones octets. */
export type AnyCommunity = number | Uint8Array;

/** Ours to create: not a name that the kernel has already, as an interface or as a sysctl folder beside them. */
function parseOwnInterfaceName(input: string): Parsed<string> {
  return ["lo", "all", "default"].includes(input)
    ? { problem: "cannot be the name of an interface of ours: Linux uses it itself" }
    : parseInterfaceName(input);
}

function parseAnyCommunity(input: string): Parsed<AnyCommunity> {
  const value = parseCommunity(input) ?? parseExtendedCommunity(input);
  if (value !== undefined) return { value };
  if (parseLargeCommunity(input) !== undefined) {
    return { problem: "is a large community and belongs in largeCommunities" };
  }
  const guess = nearest(input, Object.keys(WellKnownCommunity));
  const rule = "must be a community such as 65512:100 (each from 0 to 65535), no-export or rt:65512:1";
  return { problem: guess === undefined ? rule : `${rule}; did you mean ${guess}?` };
}

function parseExtended(input: string): Parsed<Uint8Array> {
  const value = parseExtendedCommunity(input);
  return value === undefined
    ? {
      problem:
        "must be an extended community such as rt:65512:1, ro:10.0.0.1:5 or link-bandwidth:65512:125000000",
    }
    : { value };
}

function parseLarge(input: string): Parsed<LargeCommunity> {
  const value = parseLargeCommunity(input);
  return value === undefined
    ? { problem: "must be a large community: three whole numbers from 0 to 4294967295, such as 65512:1:2" }
    : { value };
}
