/**
 * The clients that read the journal, each at its own place and pace: bounded in number, told of what they missed, kept
 * alive by a beat, and cut off where they take nothing while events wait for them. A reader holds one piece of the stream
 * at most; publishing an event costs the agent nothing of theirs.
 */
import type { Clock } from "../time/clock.ts";
import { Pending } from "../time/pending.ts";
import { Repeats } from "../time/repeats.ts";
import { type FeedNotice, type FeedRequest, feedRequestOf, matches } from "./feed.ts";
import type { Journal } from "./journal.ts";

/** What the readers need and tell. */
export interface JournalReadersOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  /** So many at once. */
  readonly limit: number;
  /** `count` readers were cut off. */
  onCut(count: number, cause: string): void;
}

/** A sign of life, and a look at who takes nothing. */
const HEARTBEAT_MS = 15_000;
/** A reader that has taken nothing is cut off when so many events came meanwhile, or at a beat after so long. */
const MAX_WAITING = 1024;
const STUCK_MS = 10_000;
/** What is handed to a socket at once; the place moves on when the socket has taken it. */
const PIECE = { entries: 256, octets: 32_768 } as const;
/** Readers are served so long at a stretch. */
const SLICE_MS = 2;

/** The readers of one server. Disposing tells what was counted; the streams end with the journal. */
export class JournalReaders implements Disposable {
  readonly #options: JournalReadersOptions;
  readonly #readers = new Set<Reader>();
  readonly #cuts: Repeats<string>;
  readonly #following: Disposable;
  /** Those whose sockets ask for more, and who were not looked at since. */
  readonly #due = new Set<Reader>();
  readonly #turn: Pending;
  readonly #beat: Pending;
  #cut = 0;

  constructor(options: JournalReadersOptions) {
    this.#options = options;
    this.#cuts = new Repeats(options.clock, {
      once: (cause) => options.onCut(1, cause),
      more: (cause, count) => options.onCut(count, cause),
    });
    this.#turn = new Pending(options.clock, () => this.#serve());
    this.#beat = new Pending(options.clock, () => this.#beatAll());
    this.#following = options.journal.subscribe(() => this.#tell());
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    return Math.min(this.#turn.dueMs, this.#beat.dueMs);
  }

  /** Readers at this moment. */
  get count(): number {
    return this.#readers.size;
  }

  /** Readers that were cut off since the start. */
  get cut(): number {
    return this.#cut;
  }

  /** Answers a client's request with a stream, or says why there is none. */
  answer(request: Request): Response {
    const wanted = feedRequestOf(request);
    if (typeof wanted === "string") return new Response(`${wanted}\n`, { status: 400 });
    const { journal, clock, limit } = this.#options;
    if (wanted.follow && this.#readers.size >= limit) {
      const words =
        `${limit} readers follow the events, more cannot; ?follow=false gives those that there are\n`;
      return new Response(words, { status: 503, headers: { "retry-after": "10" } });
    }
    const reader = new Reader(wanted, journal, clock, {
      asks: (asking) => this.#schedule(asking),
      ended: (ended) => this.#remove(ended),
    });
    if (wanted.follow) {
      this.#readers.add(reader);
      this.#beat.want(HEARTBEAT_MS);
    }
    return new Response(reader.stream, {
      headers: {
        "content-type": wanted.format.contentType,
        "cache-control": "no-store",
        // The server sends pieces as they come.
        "transfer-encoding": "chunked",
      },
    });
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]();
    this.#turn[Symbol.dispose]();
    this.#beat[Symbol.dispose]();
    this.#cuts[Symbol.dispose]();
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    this.#due.delete(reader);
    if (this.#readers.size > 0) return;
    this.#beat[Symbol.dispose]();
  }

  /** Something is new, or there will be nothing more; this is a turn of its own. */
  #tell(): void {
    for (const reader of [...this.#readers]) {
      const waiting = reader.waiting;
      if (waiting > MAX_WAITING) this.#cutOff(reader, `it took nothing while ${waiting} events waited`);
      else this.#due.add(reader);
    }
    this.#serve();
  }

  /** In a turn of its own: a client that reads fast does not keep everything else from running. */
  #schedule(reader: Reader): void {
    this.#due.add(reader);
    this.#turn.want();
  }

  /** Serves those that are due, for a moment; the others in later turns, between which all else runs. */
  #serve(): void {
    const { clock, journal } = this.#options;
    const untilMs = clock.now() + SLICE_MS;
    for (const reader of [...this.#due]) {
      if (clock.now() > untilMs && !journal.ended) return this.#schedule(reader);
      this.#due.delete(reader);
      reader.serve();
    }
  }

  #beatAll(): void {
    for (const reader of [...this.#readers]) {
      if (reader.stuckMs < STUCK_MS) reader.beat();
      else this.#cutOff(reader, `it has taken nothing for ${Math.floor(reader.stuckMs / 1000)} s`);
    }
    if (this.#readers.size > 0) this.#beat.want(HEARTBEAT_MS);
  }

  #cutOff(reader: Reader, cause: string): void {
    this.#cut++;
    reader.cut(cause);
    this.#remove(reader);
    this.#cuts.note("", cause);
  }
}

/** What a reader tells. */
interface ReaderEvents {
  /** Its socket has taken everything, or there is more to look through: it wants to be served. */
  asks(reader: Reader): void;
  ended(reader: Reader): void;
}

/** One client's stream. */
class Reader {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #request: FeedRequest;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #events: ReaderEvents;
  /** Where one that does not follow ends. */
  readonly #until: number;
  /** ID of the last event that was handed over. */
  #place: number;
  #opening: string;
  #restarted: boolean;
  #cutCause: string | undefined;
  /** The client's socket has taken everything, and waits for more. */
  #asking: { readonly controller: ReadableStreamDefaultController<Uint8Array>; taken(): void } | undefined;
  /** When the last piece was handed over, and what was the newest event then. */
  #handedMs: number;
  #handedNewest: number;
  #ended = false;

  constructor(request: FeedRequest, journal: Journal, clock: Clock, events: ReaderEvents) {
    this.#request = request;
    this.#journal = journal;
    this.#clock = clock;
    this.#events = events;
    this.#until = journal.newest;
    this.#opening = request.format.opening;
    const { place, restarted } = this.#beginning();
    this.#place = place;
    this.#restarted = restarted;
    this.#handedMs = clock.now();
    this.#handedNewest = journal.newest;
    this.stream = new ReadableStream<Uint8Array>({
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Events that came since its socket took something last. */
  get waiting(): number {
    return this.#asking === undefined ? this.#journal.newest - this.#handedNewest : 0;
  }

  /** For so long its socket has not taken what it was handed. */
  get stuckMs(): number {
    return this.#asking === undefined ? this.#clock.now() - this.#handedMs : 0;
  }

  /** Hands over what there is, where its socket asks for more. */
  serve(): void {
    if (this.#asking === undefined) return;
    const { piece, hasAll } = this.#next();
    const last = this.#cutCause !== undefined || (hasAll && (!this.#request.follow || this.#journal.ended));
    if (piece !== "" || last) return this.#hand(piece, last);
    // Nothing of so many was asked for.
    if (!hasAll) this.#events.asks(this);
  }

  /** A sign of life. */
  beat(): void {
    this.#hand(this.#request.format.heartbeat, false);
  }

  /** Ends it; it is told so if its socket takes anything any more. */
  cut(cause: string): void {
    this.#cutCause = cause;
  }

  #beginning(): { readonly place: number; readonly restarted: boolean } {
    const { start } = this.#request;
    const { oldest, newest, run } = this.#journal;
    switch (start.from) {
      case "oldest":
        return { place: oldest - 1, restarted: false };
      case "now":
        return { place: newest, restarted: false };
      case "nowhere":
        return { place: 0, restarted: true };
      case "event": {
        const isOurs = (start.run ?? run) === run && start.id <= newest;
        return isOurs ? { place: start.id, restarted: false } : { place: 0, restarted: true };
      }
      default:
        return start satisfies never;
    }
  }

  #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { promise, resolve: taken } = Promise.withResolvers<void>();
    this.#asking = { controller, taken };
    this.#events.asks(this);
    return promise;
  }

  /** What comes next, as far as one piece goes; nothing where it has all. */
  #next(): { readonly piece: string; readonly hasAll: boolean } {
    const { format, filter, follow } = this.#request;
    if (this.#cutCause !== undefined) {
      return { piece: this.#notice({ kind: "cut", cause: this.#cutCause }), hasAll: false };
    }
    const opening = this.#opening;
    this.#opening = "";
    const { entries, missing } = this.#journal.since(this.#place, PIECE);
    const gap = this.#gap(missing);
    const events = entries.filter((entry) => matches(entry, filter))
      .map((entry) => format.event(entry, this.#placeText(entry.id)));
    const reached = entries.at(-1)?.id;
    if (reached !== undefined) this.#place = reached;
    else if (missing > 0) this.#place += missing;
    return {
      piece: [opening, gap, ...events].join(""),
      hasAll: this.#place >= (follow ? this.#journal.newest : this.#until),
    };
  }

  /** The gap before the next events; its place is that before them, as they have not come yet. */
  #gap(missing: number): string {
    const restarted = this.#restarted;
    this.#restarted = false;
    if (!restarted && missing === 0) return "";
    const gone = missing === 0
      ? ""
      : `${missing} ${missing === 1 ? "event is" : "events are"} not kept any more`;
    const anew = restarted ? "the agent was started anew" : "";
    const cause = [anew, gone].filter((words) => words !== "").join("; ");
    return this.#notice({ kind: "gap", missing, ...restarted ? { restarted } : {}, cause });
  }

  #notice(notice: FeedNotice): string {
    return this.#request.format.notice(notice, this.#placeText(this.#place));
  }

  #placeText(id: number): string {
    return `${this.#journal.run}-${id}`;
  }

  #hand(piece: string, last: boolean): void {
    const asking = this.#asking;
    if (asking === undefined) return;
    this.#asking = undefined;
    this.#handedMs = this.#clock.now();
    this.#handedNewest = this.#journal.newest;
    if (piece !== "") asking.controller.enqueue(new TextEncoder().encode(piece));
    if (last) {
      asking.controller.close();
      this.#end();
    }
    asking.taken();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#asking?.taken();
    this.#asking = undefined;
    this.#events.ended(this);
  }
}
