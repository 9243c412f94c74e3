/** The document around the sections: head, policy, shapes, header, what says whether it is live, and the script. */
import { clockText, type Element, Mark, Shapes } from "./parts.tsx";
import type { PageTone } from "./problems.ts";
import type { Verdict } from "./verdict.tsx";

/** What the document says of itself. */
export interface DocumentFacts {
  /** Of this host, where it is known. */
  readonly host: string;
  readonly version: string;
  readonly run: string;
  /** Of the sections. */
  readonly edition: number;
  /** ISO 8601. */
  readonly at: string;
  readonly verdict: Verdict;
}

/** Tab icons by tone, as the marks are. */
const ICONS: Readonly<Record<PageTone, string>> = {
  good: "<circle cx='8' cy='8' r='7' fill='%230b6b3a'/>",
  changing: "<path d='M8 1l7.5 14h-15z' fill='%239a6400'/>",
  bad: "<rect x='1' y='1' width='14' height='14' fill='%23b3261e'/>",
  off: "<circle cx='8' cy='8' r='6' fill='none' stroke='%23767676' stroke-width='2'/>",
};

/** What stands in the head and changes with how the host is. */
export function headHtml({ host, verdict }: DocumentFacts): string {
  const icon = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${
    ICONS[verdict.tone]
  }</svg>`;
  return String(
    <>
      <title>{`${host}: ${verdict.text}`}</title>
      <link id="icon" rel="icon" href={icon} />
    </>,
  );
}

/** Header and notes, which stand before the sections. */
export function topHtml(facts: DocumentFacts): string {
  const { host, version, run, edition, at } = facts;
  const time = clockText(at, new Date(at));
  return String(
    <header id="top" data-version={version} data-run={run} data-edition={`${run}.${edition}`}>
      <h1>
        {host} <span class="quiet">bgp-lb</span>
      </h1>
      <p id="live">
        <span class="still">As of {time}. Without its script this page does not renew itself.</span>
        <span class="begins">As of {time}</span>
        <span class="on">
          <Mark tone="good" />live, {time}
        </span>
        <span class="beat">
          <Mark tone="changing" />event stream cut, trying again; renewed every few seconds, {time}
        </span>
        <span class="cut">
          <Mark tone="bad" />not live since {time}, trying again
        </span>
      </p>
      <p id="anew">
        <Mark tone="changing" />The agent was started anew; what stands here is of its new run.
      </p>
    </header>,
  );
}

/** The way past the header, and the shapes. */
export function openingHtml(): string {
  return String(
    <>
      <a class="skip" href="#main">To the content</a>
      <Shapes />
    </>,
  );
}

/** What stands above the services. */
export function ServicesHead({ words }: { readonly words: string }): Element {
  return (
    <div id="services-head" class="over">
      <h2 id="services-title">Services</h2>
      <p class="quiet">{words}</p>
      <p class="filter">
        <label for="filter">filter by name, address or state</label>{" "}
        <input id="filter" type="search" autocomplete="off" />
      </p>
      <p id="none-left" class="quiet" role="status" hidden>no service has that in its line</p>
    </div>
  );
}
