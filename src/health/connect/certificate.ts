/** What is wrong with a server's certificate, in words that name what it has: the end, the begin, the names, the issuer. */
import { foreignText } from "../../text/foreign.ts";
import { ProbeFailure } from "./failure.ts";
import type { PeerCertificate, TlsSession } from "./ports.ts";

const DAY_MS = 86_400_000;

/** What a certificate must be. */
export interface CertificateRule {
  /** Whom it must be for; undefined: whoever is behind it is believed. */
  readonly name: string | undefined;
  /** 0: it may end at any time. */
  readonly minDaysLeft: number;
}

/**
 * What there is against the certificate of a session, but for an issuer that nobody knows; undefined: nothing. That it has
 * ended comes before anything else that is wrong with the chain, for the library does not tell the one from the other.
 */
export function certificateProblem(
  session: TlsSession,
  { name, minDaysLeft }: CertificateRule,
  now: Date,
): ProbeFailure | undefined {
  const { distrust } = session;
  const isLookedAt = minDaysLeft > 0 || (name !== undefined && distrust !== undefined);
  const certificate = isLookedAt ? session.certificate : undefined;
  if (certificate === undefined) return undefined;
  const { notBeforeMs, notAfterMs, names } = certificate;
  const nowMs = now.getTime();
  const isVerified = name !== undefined && distrust === "chain";
  if ((isVerified || minDaysLeft > 0) && notAfterMs < nowMs) {
    return new ProbeFailure(
      `certificate has expired ${days(nowMs - notAfterMs)} ago (${moment(notAfterMs)})`,
    );
  }
  if (isVerified && notBeforeMs > nowMs) {
    return new ProbeFailure(`certificate is not valid yet: it begins at ${moment(notBeforeMs)}`);
  }
  if (name !== undefined && distrust === "name") {
    return new ProbeFailure(`certificate is for another name, not for ${name}: ${namesWords(names)}`);
  }
  if (minDaysLeft > 0 && !(notAfterMs - nowMs >= minDaysLeft * DAY_MS)) {
    return new ProbeFailure(
      `certificate ends in ${days(notAfterMs - nowMs)} (${moment(notAfterMs)}), and must be valid for ${
        days(minDaysLeft * DAY_MS)
      }`,
    );
  }
  return undefined;
}

/** How long a certificate is still good. */
export function certificateWords({ notAfterMs }: PeerCertificate, now: Date): string {
  const leftMs = notAfterMs - now.getTime();
  if (Number.isNaN(leftMs)) return "certificate of unknown end";
  return leftMs < 0 ? `certificate expired ${days(-leftMs)} ago` : `certificate good for ${days(leftMs)}`;
}

/** Whole ones, as whoever renews it counts. */
function days(ms: number): string {
  const count = Math.floor(ms / DAY_MS);
  return Number.isNaN(count) ? "an unknown time" : `${count} day${count === 1 ? "" : "s"}`;
}

function moment(ms: number): string {
  return Number.isNaN(ms)
    ? "an unknown time"
    : `${new Date(ms).toISOString().replace("T", " ").replace(/:[0-9.]+Z$/, " UTC")}`;
}

function namesWords(names: string): string {
  const listed = names.replaceAll("DNS:", "").replaceAll("IP Address:", "");
  return listed === "" ? "it has no name" : `it is for ${foreignText(listed)}`;
}
