/**
 * What a client asks of the journal, and the words in which it is answered: from which event on, which ones, once or as
 * they happen; as server-sent events or as a record in each line. Pure.
 */
import { COMMENT, formatServerSentEvent } from "../net/server_sent_events.ts";
import type { JournalEntry } from "./journal.ts";
import { asciiJson } from "./record.ts";

/** Which events. */
export interface FeedFilter {
  /** Undefined: all. */
  readonly kinds: readonly string[] | undefined;
  readonly service: string | undefined;
  readonly peer: string | undefined;
}

/** Where to begin: `run` undefined means the one that is asked. */
export type FeedStart =
  | { readonly from: "oldest" | "now" }
  | { readonly from: "event"; readonly run: string | undefined; readonly id: number }
  /** The client names a place that no run of ours has given it. */
  | { readonly from: "nowhere" };

/** What a client wants. */
export interface FeedRequest {
  readonly start: FeedStart;
  readonly filter: FeedFilter;
  readonly follow: boolean;
  readonly format: FeedFormat;
}

/** Said of the stream itself, and not of an event. */
export interface FeedNotice {
  readonly kind: "gap" | "cut";
  /** So many events that the client should have had, and that are not kept any more. */
  readonly missing?: number;
  /** The place that the client names is of another run. */
  readonly restarted?: boolean;
  readonly cause: string;
}

/** A way to write the stream. `place` is where a client that has read so far goes on. */
export interface FeedFormat {
  readonly contentType: string;
  /** The first octets. */
  readonly opening: string;
  readonly heartbeat: string;
  event(entry: JournalEntry, place: string): string;
  notice(notice: FeedNotice, place: string): string;
}

/** Browsers come back after so long. */
const RETRY_MS = 3000;

const SERVER_SENT_EVENTS: FeedFormat = {
  contentType: "text/event-stream",
  opening: `retry: ${RETRY_MS}\n\n`,
  heartbeat: COMMENT,
  event: ({ text }, id) => formatServerSentEvent({ id, data: text }),
  notice: (notice, id) => formatServerSentEvent({ id, name: notice.kind, data: asciiJson(notice) }),
};

const LINES: FeedFormat = {
  contentType: "application/x-ndjson",
  opening: "",
  heartbeat: "\n",
  event: ({ text }) => `${text}\n`,
  notice: (notice) => `${asciiJson(notice)}\n`,
};

/** Reads what a client wants out of its request; a text says what is wrong with it. */
export function feedRequestOf(request: Request): FeedRequest | string {
  const query = new URL(request.url).searchParams;
  const known = ["since", "kind", "service", "peer", "follow"];
  for (const name of query.keys()) {
    if (!known.includes(name)) return `no ${name} here; try ${known.join(", ")}`;
  }
  const follow = query.get("follow") ?? "true";
  if (!["", "true", "false"].includes(follow)) return "follow is true or false";
  const start = startOf(request.headers.get("last-event-id"), query.get("since"));
  if (start === undefined) return "since is an event's number, RUN-NUMBER or now";
  const kinds = query.getAll("kind").flatMap((names) => names.split(",")).filter((name) => name !== "");
  return {
    start,
    filter: {
      kinds: kinds.length === 0 ? undefined : kinds,
      service: query.get("service") ?? undefined,
      peer: query.get("peer") ?? undefined,
    },
    follow: follow !== "false",
    format: /\bapplication\/x-ndjson\b/.test(request.headers.get("accept") ?? "")
      ? LINES
      : SERVER_SENT_EVENTS,
  };
}

/** The client's own place counts before what its address says: a browser that comes back sends both. */
function startOf(lastEventId: string | null, since: string | null): FeedStart | undefined {
  if (lastEventId !== null && lastEventId !== "") return placeOf(lastEventId) ?? { from: "nowhere" };
  if (since === null || since === "") return { from: "oldest" };
  return since === "now" ? { from: "now" } : placeOf(since);
}

function placeOf(text: string): FeedStart | undefined {
  const [, run, digits] = /^(?:([0-9a-z]{1,32})-)?([0-9]{1,15})$/.exec(text) ?? [];
  return digits === undefined ? undefined : { from: "event", run, id: Number(digits) };
}

/** Whether an event is among those that are asked for. What is about all services is about each. */
export function matches({ kind, record }: JournalEntry, { kinds, service, peer }: FeedFilter): boolean {
  if (kinds !== undefined && !kinds.includes(kind)) return false;
  if (peer !== undefined && record.peer !== peer) return false;
  if (service === undefined || record.service === service) return true;
  const isOfMany = kind === "order" || kind === "drained" || kind === "undrained";
  if (!isOfMany) return false;
  return record.services === undefined ||
    (Array.isArray(record.services) && record.services.includes(service));
}
