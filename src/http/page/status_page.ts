/**
 * The status page at `/`: one document that stands by itself, made on the server. It is made when somebody asks, at most once
 * a second for all who do, and in slices; who says which edition it has gets only the sections that have changed since. A
 * section is kept as text with the edition in which it changed last.
 */
import type { Journal } from "../../events/journal.ts";
import type { Traffic } from "../../kernel/kernel.ts";
import { virtualServiceName } from "../../status/destinations_text.ts";
import type { Status } from "../../status/status.ts";
import { escapeUnprintable } from "../../text/escapes.ts";
import { type Clock, sleep } from "../../time/clock.ts";
import { inSlices } from "../../time/steps.ts";
import { Pace } from "../pace.ts";
import { type DocumentFacts, headHtml, openingHtml, topHtml } from "./document.tsx";
import { type PageAssets, pageAssets, pageHeaders } from "./policy.ts";
import { type Sections, sectionsInSteps } from "./sections.tsx";
import { TrafficHistory } from "./traffic_history.ts";

/** What the page shows, and by which it is made. */
export interface StatusPagePorts {
  status(): Status | Promise<Status>;
  /** What goes through IPVS; nothing where that is not ours, or cannot be known. */
  traffic(): Promise<readonly Traffic[]>;
  readonly journal: Pick<Journal, "run" | "newest" | "since">;
  readonly clock: Clock;
  /** This host's name; undefined: it is not known. */
  hostname(): string | undefined;
}

/** All who ask within so long get the same, unless something has happened. */
const SHARED_MS = 1000;
/** So many answers of one edition are kept as octets. */
const KEPT_ANSWERS = 4;
/** An answer goes out in such pieces, so that hundreds of readers, however slow, have no copy each. */
const PIECE_OCTETS = 65_536;

/** The page as it was made last. */
interface Edition extends DocumentFacts {
  readonly startedMs: number;
  /** ID of the newest event that it may have. */
  readonly newest: number;
  readonly sections: Sections;
  /** By the ID of the section, the edition in which it changed last. */
  readonly changed: ReadonlyMap<string, number>;
  /** As octets, by the edition that the client has. */
  readonly answers: Map<number, Uint8Array<ArrayBuffer>>;
}

/** The page of one agent. */
export class StatusPage {
  readonly #ports: StatusPagePorts;
  readonly #history = new TrafficHistory();
  readonly #pace: Pace;
  #edition: Edition | undefined;
  #making: Promise<void> | undefined;
  #assets: Promise<PageAssets> | undefined;

  constructor(ports: StatusPagePorts) {
    this.#ports = ports;
    this.#pace = new Pace(ports.clock);
  }

  /** The page, or what of it has changed since the edition that the client names (`?since=RUN.NUMBER`). */
  async answer(request: Request): Promise<Response> {
    const { clock, journal } = this.#ports;
    const wanted = journal.newest;
    const askedMs = clock.now();
    const assets = await (this.#assets ??= pageAssets());
    let edition = this.#edition;
    while (edition === undefined || !this.#isFresh(edition, wanted, askedMs)) {
      await (this.#making ??= this.#make().finally(() => this.#making = undefined));
      edition = this.#edition;
    }
    // All who have waited for it are answered one after the other, each in a turn of its own.
    await this.#pace.admit();
    const since = new URL(request.url).searchParams.get("since") ?? "";
    const [run, digits] = since.split(".");
    const known = run === journal.run && /^\d{1,9}$/.test(digits ?? "") ? Number(digits) : 0;
    const headers = { ...pageHeaders(assets), "transfer-encoding": "chunked" };
    return new Response(inPieces(octetsOf(edition, known, assets)), { headers });
  }

  /** What was begun after the question is, however long it took: who asks waits for two editions at most. */
  #isFresh({ startedMs, newest }: Edition, wanted: number, askedMs: number): boolean {
    return newest >= wanted &&
      (startedMs >= askedMs || this.#ports.clock.now() - startedMs < SHARED_MS);
  }

  /** However fast somebody asks, and whatever happens meanwhile, once a second. */
  async #make(): Promise<void> {
    const { clock, journal, hostname } = this.#ports;
    const last = this.#edition;
    const waitMs = last === undefined ? 0 : last.startedMs + SHARED_MS - clock.now();
    if (waitMs > 0) await sleep(clock, waitMs);
    const startedMs = clock.now();
    await this.#look(startedMs);
    const newest = journal.newest;
    const status = await this.#ports.status();
    const now = clock.wallTime();
    const host = hostname() ?? status.routerID;
    const { entries } = journal.since(0);
    const history = this.#history;
    const steps = sectionsInSteps({ status, now, host, entries, history, nowMs: startedMs });
    const { verdict, sections } = await inSlices(clock, steps);
    const { edition, changed } = compared(last, sections);
    this.#edition = {
      host,
      version: status.version,
      run: journal.run,
      edition,
      at: now.toISOString(),
      verdict,
      startedMs,
      newest,
      sections,
      changed,
      answers: new Map(),
    };
  }

  /** What goes through IPVS, while somebody looks. What cannot be read is left out: the kernel's errors stand elsewhere. */
  async #look(nowMs: number): Promise<void> {
    if (!this.#history.isDue(nowMs)) return;
    const traffic = await this.#ports.traffic().catch(() => []);
    const rates = traffic.map(({ service: { address, ...id }, rates }) =>
      [virtualServiceName({ ...id, address: address.text, family: address.family }), rates] as const
    );
    if (rates.length > 0) this.#history.note(nowMs, new Map(rates));
  }
}

/** The next edition, where anything differs; what a section is the same as stays of its own. */
function compared(last: Edition | undefined, sections: Sections): Pick<Edition, "edition" | "changed"> {
  const edition = (last?.edition ?? 0) + 1;
  const changed = new Map<string, number>();
  for (const [id, html] of sections.byId) {
    const before = last?.sections.byId.get(id) === html ? last.changed.get(id) : undefined;
    changed.set(id, before ?? edition);
  }
  return { edition, changed };
}

/** The whole document for who has nothing; a document of what has changed for who has an edition of ours. */
function octetsOf(edition: Edition, known: number, assets: PageAssets): Uint8Array<ArrayBuffer> {
  const since = known > edition.edition ? 0 : known;
  const kept = edition.answers.get(since);
  if (kept !== undefined) return kept;
  const isWhole = since === 0;
  const text = (id: string) => {
    const html = edition.sections.byId.get(id) ?? "";
    return (edition.changed.get(id) ?? 0) > since ? html : `<i id="${idOf(html)}" data-same></i>`;
  };
  const parts = [
    `<!DOCTYPE html><html lang="en" data-assets="${assets.id}"><head><meta charset="utf-8">`,
    isWhole ? HEAD : "",
    escapeUnprintable(headHtml(edition)),
    isWhole ? `<style>${assets.style}</style>` : "",
    "</head><body>",
    isWhole ? openingHtml() : "",
    escapeUnprintable(topHtml(edition)),
    edition.sections.layout(text),
    isWhole ? `<script>${assets.script}</script>` : "",
    "</body></html>\n",
  ];
  const octets = new TextEncoder().encode(parts.join(""));
  if (edition.answers.size < KEPT_ANSWERS) edition.answers.set(since, octets);
  return octets;
}

function inPieces(octets: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
    controller.enqueue(octets.subarray(at, at += PIECE_OCTETS));
    if (at >= octets.length) controller.close();
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}

const HEAD =
  '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">';

/** As it stands in the markup of a section, escaped there. */
function idOf(html: string): string {
  return / id="([^"]*)"/.exec(html)?.[1] ?? "";
}
