/** All sections of the page, each as a text, made in steps; and the places where they stand. Pure. */
import type { JournalEntry } from "../../events/journal.ts";
import { explain } from "../../status/explain.ts";
import type { Status } from "../../status/status.ts";
import { escapeUnprintable } from "../../text/escapes.ts";
import { ServicesHead } from "./document.tsx";
import { AgentSection, EventsSection } from "./events.tsx";
import { type Element } from "./parts.tsx";
import { PeerItem, toneOfPeer } from "./peers.tsx";
import { PictureSection } from "./picture.tsx";
import {
  type DownSince,
  type PageTone,
  peerAnchor,
  problemsOf,
  serviceAnchor,
  serviceProblems,
} from "./problems.ts";
import { ServiceItem, type ServiceView, toneOfService } from "./services.tsx";
import { TrafficSection } from "./traffic.tsx";
import type { TrafficHistory } from "./traffic_history.ts";
import { type Verdict, verdictOf, VerdictSection } from "./verdict.tsx";

/** What the sections are made of. */
export interface SectionsSource {
  readonly status: Status;
  readonly now: Date;
  readonly host: string;
  /** Oldest first. */
  readonly entries: readonly JournalEntry[];
  readonly history: TrafficHistory;
  /** `now` on the scale of the history. */
  readonly nowMs: number;
}

/** The sections by ID, in the order of the page. */
export class Sections {
  readonly byId: ReadonlyMap<string, string>;
  readonly #services: readonly string[];
  readonly #peers: readonly string[];

  constructor(byId: ReadonlyMap<string, string>, services: readonly string[], peers: readonly string[]) {
    this.byId = byId;
    this.#services = services;
    this.#peers = peers;
  }

  /** All of them in their places; `text` says what stands for each. */
  layout(text: (id: string) => string): string {
    return [
      '<main id="main">',
      text("verdict"),
      text("picture"),
      '<section id="peers" aria-labelledby="peers-title"><h2 id="peers-title">Peers</h2><div id="peers-list">',
      ...this.#peers.map(text),
      "</div></section>",
      '<section id="services" aria-labelledby="services-title">',
      text("services-head"),
      '<div id="services-list">',
      ...this.#services.map(text),
      "</div></section>",
      text("traffic"),
      text("events"),
      text("agent"),
      "</main>",
    ].join("");
  }
}

const ORDER: readonly PageTone[] = ["bad", "changing", "good", "off"];

/** All of them, and the sentence at the top. */
export function* sectionsInSteps(
  { status, now, host, entries, history, nowMs }: SectionsSource,
): Generator<void, { readonly verdict: Verdict; readonly sections: Sections }> {
  const byId = new Map<string, string>();
  const put = (id: string, element: Element) => void byId.set(id, escapeUnprintable(String(element)));
  const down = downSince(status, entries);
  const views: ServiceView[] = [];
  for (const service of status.services) {
    const explanation = explain({ ...status, services: [service] }, service.name, undefined, now);
    views.push({ service, explanation, problems: serviceProblems({ service, explanation }) });
    yield;
  }
  const place = { peers: status.peers.map(({ name }) => name), now };
  for (const view of views) {
    put(serviceAnchor(view.service.name), <ServiceItem view={view} place={place} />);
    yield;
  }
  for (const peer of status.peers) {
    put(peerAnchor(peer.name), <PeerItem peer={peer} status={status} down={down} now={now} />);
    yield;
  }
  const problems = problemsOf(status, views.map((view) => view.problems), { now, down });
  const verdict = verdictOf(status, problems);
  put("verdict", <VerdictSection status={status} problems={problems} verdict={verdict} now={now} />);
  yield;
  put("picture", <PictureSection status={status} host={host} />);
  yield;
  put("traffic", <TrafficSection services={status.services} history={history} nowMs={nowMs} />);
  yield;
  put("events", <EventsSection entries={entries} now={now} />);
  put("agent", <AgentSection status={status} now={now} />);
  const tones = new Map(views.map((view) => [view.service.name, toneOfService(view, place.peers)]));
  const services = sortedBy(status.services, ({ name }) => tones.get(name) ?? "off");
  put("services-head", <ServicesHead words={countsOf([...tones.values()])} />);
  return {
    verdict,
    sections: new Sections(
      byId,
      services.map(({ name }) => serviceAnchor(name)),
      sortedBy(status.peers, toneOfPeer).map(({ name }) => peerAnchor(name)),
    ),
  };
}

/** When each session that is down was up last; of one that never was, when the agent was started. */
function downSince({ peers, startedAt, journal }: Status, entries: readonly JournalEntry[]): DownSince {
  const names = peers.filter(({ state }) => state !== "Established").map(({ name }) => name);
  const down = new Map(journal.oldest > 1 ? [] : names.map((name) => [name, startedAt]));
  if (names.length === 0) return down;
  for (const { kind, record: { from, peer, at } } of entries) {
    if (kind === "peer-state" && from === "Established" && typeof peer === "string") {
      down.set(peer, String(at));
    }
  }
  return down;
}

function sortedBy<T>(all: readonly T[], toneOf: (one: T) => PageTone): readonly T[] {
  return ORDER.flatMap((tone) => all.filter((one) => toneOf(one) === tone));
}

const WORDS: Readonly<Record<PageTone, string>> = {
  bad: "wrong",
  changing: "not as usual",
  good: "well",
  off: "disabled",
};

function countsOf(tones: readonly PageTone[]): string {
  const counts = ORDER.map((tone) => ({ tone, count: tones.filter((each) => each === tone).length }));
  return counts.filter(({ count }) => count > 0).map(({ tone, count }) => `${count} ${WORDS[tone]}`).join(
    ", ",
  ) ||
    "none is configured";
}
