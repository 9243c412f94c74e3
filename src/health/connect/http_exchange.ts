/** A request and its answer, as probes have them, by whichever version of HTTP. */
import { ProbeFailure } from "./failure.ts";

/** A request, by whichever version of HTTP; it has no body. */
export interface HttpRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly path: string;
  /** By name. */
  readonly fields: Readonly<Record<string, string>>;
  /** What of the answer is looked at. */
  readonly wanted: WantedParts;
}

/** What of an answer is looked at beside its status. */
export interface WantedParts {
  /** Names of fields, in lower case. */
  readonly fields: readonly string[];
  readonly body: boolean;
}

/** The head of an answer, and the way to its body. */
export interface HttpAnswer {
  readonly status: number;
  /** The first value of a field that is wanted; undefined: there is none. */
  field(name: string): string | undefined;
  /**
   * The next octets of the body, a view that is good until the next call; undefined at its end.
   * @throws {ProbeFailure} it ends too early, or cannot be read
   */
  readBody(): Promise<Uint8Array | undefined>;
}

/** Interim answers (1xx) that one answer may have before it. */
export const MAX_INTERIM_ANSWERS = 16;

/** More of them than there may be. */
export function interimAnswers(): ProbeFailure {
  return new ProbeFailure(`more than ${MAX_INTERIM_ANSWERS} interim answers (1xx)`);
}

/** The connection ended within a body. */
export function bodyCutShort(): ProbeFailure {
  return new ProbeFailure("connection closed within the body");
}
