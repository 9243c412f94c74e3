/** Words for what went wrong with a connection, from the errors of fetch, Deno and node. */

/** What each error code of node, and each text of fetch's innermost cause, means. First match wins. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /unexpected ?eof|close_notify|handshake eof|before secure TLS/i,
    "connection closed within the TLS handshake",
  ],
  [/socket hang up|connection closed before message completed/i, "connection closed without an answer"],
  [/ECONNREFUSED|connection refused/i, "connection refused"],
  [/ECONNRESET|connection reset/i, "connection reset"],
  [/EHOSTUNREACH|no route to host/i, "no route to host"],
  [/ENETUNREACH|network is unreachable/i, "network is unreachable"],
  [/ETIMEDOUT|connection timed out/i, "connecting timed out in the kernel"],
  [/EADDRNOTAVAIL|cannot assign requested address/i, "no local address or port to connect from"],
  [/EMFILE|too many open files/i, "this process has too many open files"],
  [/EACCES|EPERM|operation not permitted|permission denied/i, "not permitted by this host"],
  [/ENOTFOUND|name or service not known|no address associated/i, "host name not found"],
  [/EAI_AGAIN|temporary failure in name resolution/i, "host name lookup failed for now"],
  [/HPE_|invalid HTTP|invalid header|message head is too large/i, "the answer is not HTTP"],
  [/InvalidContentType|corrupt message/i, "the answer is not TLS"],
  [/UnknownIssuer|CaUsedAsEndEntity|SELF_SIGNED|UNABLE_TO_/i, "certificate is not from a trusted issuer"],
  [/NotValidForName|not valid for name|ALTNAME_INVALID/i, "certificate is for another name"],
  [/NotValidYet|certificate not valid yet/i, "certificate is not valid yet"],
  [/certificate:? expired|CERT_HAS_EXPIRED/i, "certificate has expired"],
];

/** Why an attempt failed, in a few words. */
export function describeFailure(error: unknown): string {
  const texts = causes(error);
  for (const [pattern, words] of WORDS) if (texts.some((text) => pattern.test(text))) return words;
  return (texts.at(-1) ?? "unknown error").replace(/^.*client error \(\w+\): /, "").replace(
    / \(os error \d+\)$/,
    "",
  );
}

/** The codes and messages of an error and of what caused it, outermost first. */
function causes(error: unknown): string[] {
  const texts: string[] = [];
  for (let next = error; next !== undefined && next !== null && texts.length < 16;) {
    if (!(next instanceof Error)) return [...texts, String(next)];
    if ("code" in next && typeof next.code === "string") texts.push(next.code);
    texts.push(next.message);
    next = next.cause;
  }
  return texts;
}
