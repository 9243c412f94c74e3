/**
 * Regular expressions of the file's texts, for JSON Schema: editors see the same grammar that `bgp-lb check` has. They say
 * what a text looks like; what it means (two addresses that are the same, a range of durations) is checked by parsing.
 */
import { WellKnownCommunity } from "../../net/community.ts";
import { DURATION_PATTERN } from "../../time/duration.ts";

const OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const V4 = `${OCTET}(?:\\.${OCTET}){3}`;
const H = "[0-9A-Fa-f]{1,4}";

/** RFC 4291 section 2.2, by the place of the double colon. */
const V6 = `(?:${
  [
    `(?:${H}:){7}${H}`,
    `(?:${H}:){6}${V4}`,
    ...[1, 2, 3, 4, 5, 6, 7].map((left) => {
      const right = 7 - left;
      return `(?:${H}:){${left}}(?::|${right === 0 ? ":" : `(?::${H}){1,${right}}`})`;
    }),
    ...[1, 2, 3, 4, 5].map((left) => `(?:${H}:){${left}}(?::${H}){0,${5 - left}}:${V4}`),
    `::(?:${H}(?::${H}){0,6})?`,
    `::(?:${H}:){0,5}${V4}`,
  ].join("|")
})`;
/** Not unspecified, broadcast or multicast; nor an IPv4 address in the form of an IPv6 one. */
const HOST4 = `(?!0\\.0\\.0\\.0$|255\\.255\\.255\\.255$|2(?:2[4-9]|3[0-9])\\.)${V4}`;
const HOST6 = `(?!::$|[fF]{2}[0-9A-Fa-f]{2}:|::[fF]{4}:)${V6}`;
const U16 = "(?:[0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
const U32 = "(?:0|[1-9][0-9]{0,9})";
/** RFC 1123, and underscores. */
const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const HOST_NAME = `(?!.{254})(?!(?:.*\\.)?[0-9]+\\.?(?:$|:))${LABEL}(?:\\.${LABEL})*\\.?`;
/** Of a name in DNS (RFC 1035 section 2.3.4), wildcards and RFC 2317's slashes, too. */
const DOMAIN_LABEL = "[A-Za-z0-9_*/-]{1,63}";
const DOMAIN_NAME = `(?!.{255})(?!.{253}[^.])(?:\\.|${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*\\.?)`;
/** What no name has: spaces, controls, and what has a meaning in paths, URLs and zones. */
const NO_NAME = "\\s/:%\\u0000-\\u001f\\u007f-\\u009f";
const EXTENDED = `(?:rt|ro):(?:${U32}L?|${V4}):${U32}|link-bandwidth:${U16}:[0-9.eE+]+|0x[0-9a-f]{16}`;

function whole(pattern: string): string {
  return `^(?:${pattern})$`;
}

/** By what a text stands for. */
export const PATTERNS = {
  duration: whole(DURATION_PATTERN),
  routerID: whole(`(?!0\\.0\\.0\\.0$)${V4}`),
  hostAddress4: whole(HOST4),
  hostAddress6: whole(HOST6),
  hostAddress: whole(`${HOST4}|${HOST6}`),
  serverAddress: whole(`${HOST4}|(?![fF][eE][89aAbB])${HOST6}`),
  bindAddress: whole(`0\\.0\\.0\\.0|::|${HOST4}|${HOST6}`),
  peerAddress: whole(
    `auto|${HOST4}|(?![fF][eE][89aAbB])${HOST6}|[fF][eE][89aAbB][0-9A-Fa-f:.]*%[^${NO_NAME}]{1,15}`,
  ),
  serviceAddress: whole(
    `(?!127\\.|0\\.|169\\.254\\.|255\\.255\\.255\\.255|2(?:2[4-9]|3[0-9])\\.)${V4}(?:/(?:[1-9]|[12][0-9]|3[0-2]))?|` +
      `(?!::1?(?:/|$)|[fF][eE][89aAbB]|[fF]{2}[0-9A-Fa-f]{2}:|::[fF]{4}:)${V6}(?:/(?:[1-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?`,
  ),
  listenAddress: whole(`|(?:|localhost|${V4}|\\[${V6}\\]):(?!0)${U16}`),
  interfaceName: whole(`(?!\\.{1,2}$|lo$|all$|default$)[^${NO_NAME}]{1,15}`),
  checkName: whole("\\S(?:.{0,98}\\S)?"),
  peerName: whole("\\S{1,64}"),
  socketPath: whole("|/.*[^/]"),
  directory: whole("|/.*"),
  group: whole("[A-Za-z_][A-Za-z0-9_.-]{0,30}\\$?|0|[1-9][0-9]{0,9}"),
  filePath: whole("/.*[^/]"),
  user: whole("[A-Za-z_][A-Za-z0-9_.-]{0,30}\\$?"),
  /** Of an environment, but for those that say what a check is of. */
  variable: whole("(?!BGP_LB_)[A-Za-z_][A-Za-z0-9_]{0,99}"),
  /** systemd.unit(5). */
  unit: whole(
    "[A-Za-z0-9:_.\\\\][A-Za-z0-9:_.\\\\@-]{0,238}\\.(?:service|socket|target|mount|scope|slice|timer|path)",
  ),
  /** execve(2) ends an argument at a 0. */
  commandArgument: whole("[^\\u0000]*"),
  /** RFC 9110 section 5.1. */
  fieldName: whole("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}"),
  grpcService: whole("[^\\u0000-\\u001f\\u007f-\\u009f]{0,255}"),
  hex: whole("[0-9A-Fa-f]{2}(?: ?[0-9A-Fa-f]{2})*"),
  address4: whole(V4),
  address6: whole(V6),
  domainName: whole(DOMAIN_NAME),
  domainNameOrAddress: whole(`${DOMAIN_NAME}|${V6}`),
  fieldValue: whole("(?:[!-~](?:[\\t -~]{0,4094}[!-~])?)?"),
  httpMethod: whole("[A-Z][A-Z0-9_-]{0,31}"),
  httpStatus: whole("([2-5][0-9]{2})(?:-([2-5][0-9]{2}))?"),
  urlPath: whole("/[^\\s#]*"),
  host: whole(`${HOST_NAME}|${HOST4}|${HOST6}`),
  authority: whole(`(?:${HOST_NAME}|${HOST4}|\\[(?:${HOST6})\\])(?::(?!0)${U16})?`),
  community: whole(`${Object.keys(WellKnownCommunity).join("|")}|${U16}:${U16}|${EXTENDED}`),
  extendedCommunity: whole(EXTENDED),
  largeCommunity: whole(`${U32}:${U32}:${U32}`),
} as const;
