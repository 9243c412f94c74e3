/** `announce` of a service: which attributes stand for which, and whether those of an unhealthy one are worse for everybody. */
import { changedKeys } from "./canonical.ts";
import type { AnnounceConfig, AnnouncedAttributes, PeerConfig } from "./config.ts";
import { localAsOf } from "./local_as.ts";
import type { FileLocal } from "./schema/bgp.ts";
import type { FileAnnounce } from "./schema/announce.ts";
import type { Element } from "./validation.ts";
import type { Finding, Path } from "./values/finding.ts";

/** How the service is announced: a key of `whenUnhealthy` stands in place of the same one beside it, the others stay. */
export function resolveAnnounce(announce: FileAnnounce): AnnounceConfig {
  const { whenUnhealthy: worse, peers } = announce;
  return {
    ...attributesOf(announce),
    peers,
    whenUnhealthy: worse === undefined ? "withdraw" : attributesOf({
      med: worse.med ?? announce.med,
      localPreference: worse.localPreference ?? announce.localPreference,
      communities: worse.communities ?? announce.communities,
      extendedCommunities: worse.extendedCommunities ?? announce.extendedCommunities,
      largeCommunities: worse.largeCommunities ?? announce.largeCommunities,
      asPathPrepend: worse.asPathPrepend ?? announce.asPathPrepend,
    }),
  };
}

type FileAttributes = Omit<FileAnnounce, "peers" | "whenUnhealthy">;

function attributesOf(
  { med, localPreference, communities, extendedCommunities, largeCommunities, asPathPrepend }: FileAttributes,
): AnnouncedAttributes {
  return {
    med,
    localPreference,
    communities: communities.filter((community) => typeof community === "number"),
    largeCommunities,
    extendedCommunities: [
      ...communities.filter((community) => typeof community !== "number"),
      ...extendedCommunities,
    ],
    asPathPrepend,
  };
}

/** Warns of what makes an unhealthy service better than a healthy one, or as good for some peer. */
export function checkWhenUnhealthy(
  { whenUnhealthy: worse, peers: names, ...own }: AnnounceConfig,
  path: Path,
  { peers, local }: {
    readonly peers: readonly Element<PeerConfig>[];
    readonly local: Pick<FileLocal, "as"> | undefined;
  },
  findings: Finding[],
): void {
  if (worse === "withdraw") return;
  for (const [key, isBetter, rule] of PREFERENCES) {
    if (!isBetter(worse, own)) continue;
    const message = `makes an unhealthy service better than a healthy one, whose ${key} is ${
      own[key] ?? "not sent"
    }: ${rule}`;
    findings.push({ path: [...path, key], message, severity: "warning" });
  }
  if (local === undefined) return;
  const differing = changedKeys(own, worse);
  const isInternal = (peer: PeerConfig) => peer.as === localAsOf(local, peer);
  const alike = peers.map(({ value }) => value).filter((peer) => {
    const unsent = isInternal(peer) ? "asPathPrepend" : "localPreference";
    return (names?.includes(peer.name) ?? true) && differing.every((key) => key === unsent);
  });
  const [first] = alike;
  if (first === undefined) return;
  const who = alike.map(({ name }) => name).join(", ");
  const why = differing.length === 0
    ? "it has the attributes of a healthy one"
    : `${differing.join(", ")} is not for ${isInternal(first) ? "iBGP" : "eBGP"} peers`;
  const message = `tells ${who} of an unhealthy service what it tells of a healthy one: ${why}`;
  findings.push({ path, message, severity: "warning", showValue: "never" });
}

type Attributes = AnnouncedAttributes;

/** What routers choose by that has an order (RFC 4271 9.1; a MED that is not sent is the lowest to most of them). */
const PREFERENCES: readonly (readonly [
  "med" | "localPreference" | "asPathPrepend",
  (worse: Attributes, own: Attributes) => boolean,
  string,
])[] = [
  ["med", (worse, own) => (worse.med ?? 0) < (own.med ?? 0), "the lower one wins"],
  ["localPreference", (worse, own) => worse.localPreference > own.localPreference, "the higher one wins"],
  ["asPathPrepend", (worse, own) => worse.asPathPrepend < own.asPathPrepend, "the shorter path wins"],
];
