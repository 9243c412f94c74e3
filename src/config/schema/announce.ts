/** The file's `announce`: with which attributes a service's addresses are announced, in good health and otherwise. */
import * as z from "zod";
import {
  type LargeCommunity,
  parseCommunity,
  parseExtendedCommunity,
  parseLargeCommunity,
  WellKnownCommunity,
} from "../../net/community.ts";
import { nearest } from "../../text/nearest.ts";
import type { Parsed } from "../../text/parsed.ts";
import { lazily } from "../values/lazily.ts";
import { PATTERNS } from "../values/patterns.ts";
import { distinct, orWord, text, whole } from "../values/rules.ts";

/** The `announce` of a service. */
export const announceSchema = lazily(() => {
  const { med, localPreference, communities, extendedCommunities, largeCommunities, asPathPrepend } =
    attributes();
  return z.strictObject({
    med: med.optional().describe("MULTI_EXIT_DISC, lower is better. Default: not sent"),
    localPreference: localPreference.default(100).describe(
      "LOCAL_PREF, higher is better; to iBGP peers only",
    ),
    communities: communities.default([]).describe(
      "Standard communities: 65512:100, or a name such as no-export; extended ones: rt:65512:1, ro:65512:1, " +
        "link-bandwidth:65512:125000000",
    ),
    extendedCommunities: extendedCommunities.default([]).describe("Extended communities (RFC 4360)"),
    largeCommunities: largeCommunities.default([]).describe("Large communities (RFC 8092): 65512:1:2"),
    asPathPrepend: asPathPrepend.default(0).describe("Extra copies of our AS in AS_PATH, to eBGP peers only"),
    peers: distinct(z.string()).min(1, { error: "must name at least one peer; leave it out for all" })
      .optional()
      .describe("Names of the peers to announce to. Default: all"),
    whenUnhealthy: orWord("withdraw", z.lazy(worseSchema)).describe(
      "What becomes of the routes of an unhealthy service: withdraw, or attributes in place of the ones above. Default: withdraw",
    ),
  }).describe("How the addresses are announced");
});

/** Attributes of an unhealthy service; those that are not given are what they are in good health. */
const worseSchema = lazily(() => {
  const { med, localPreference, communities, extendedCommunities, largeCommunities, asPathPrepend } =
    attributes();
  return z.strictObject({
    med: med.optional().describe("MULTI_EXIT_DISC, lower is better"),
    localPreference: localPreference.optional().describe("LOCAL_PREF, to iBGP peers only"),
    communities: communities.optional().describe("In place of announce.communities"),
    extendedCommunities: extendedCommunities.optional().describe("In place of announce.extendedCommunities"),
    largeCommunities: largeCommunities.optional().describe("In place of announce.largeCommunities"),
    asPathPrepend: asPathPrepend.optional().describe("Extra copies of our AS in AS_PATH, to eBGP peers only"),
  }, { error: ({ code }) => code === "invalid_type" ? WORD_OR_ATTRIBUTES : undefined })
    .refine((given) => Object.keys(given).length > 0, {
      error: "must have at least one attribute that is another one, such as med",
    })
    .register(z.globalRegistry, { minProperties: 1 });
});

const WORD_OR_ATTRIBUTES = "must be withdraw, or a mapping of attributes such as {med: 1000}";

function attributes() {
  return {
    med: whole(0, 4294967295),
    localPreference: whole(0, 4294967295),
    communities: distinct(text(parseAnyCommunity, PATTERNS.community)),
    extendedCommunities: distinct(text(parseExtended, PATTERNS.extendedCommunity)),
    largeCommunities: distinct(text(parseLarge, PATTERNS.largeCommunity)),
    asPathPrepend: whole(0, 100),
  };
}

/** `announce` as the schema reads it. */
export type FileAnnounce = z.output<ReturnType<typeof announceSchema>>;
/** A community of the `communities` list: standard ones are numbers, extended ones octets. */
export type AnyCommunity = number | Uint8Array;

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
