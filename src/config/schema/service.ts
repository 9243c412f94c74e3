/**
 * The file's `services`: addresses, announcements, checks. What many files have none of is lazy: a zod type takes some 20
 * microseconds to make.
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
import { parseServiceAddress } from "../values/address.ts";
import { command } from "../values/command.ts";
import { parseInterfaceName } from "../values/name.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, duration, text, whole } from "../values/rules.ts";
import { ipvsSchema, SERVICE_FLAGS } from "./ipvs.ts";
import { portSchema } from "./port.ts";

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
  }).meta({ allOf: SERVICE_FLAGS, description: "A service" });
});

/** A service as the schema reads it. */
export type FileService = z.output<ReturnType<typeof serviceSchema>>;
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
