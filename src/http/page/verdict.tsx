/** The top of the page: whether all is well, or what is wrong, why, since when, and what helps. */
import { routeSince } from "../../status/services_text.ts";
import type { Status } from "../../status/status.ts";
import { clockText, counted, type Element, For, Mark, Subjects } from "./parts.tsx";
import type { PageTone, Problem } from "./problems.ts";

/** So many problems are told here; what is left has its mark further down. */
const SHOWN_PROBLEMS = 12;

/** How the host is, in a sentence. */
export interface Verdict {
  readonly tone: PageTone;
  readonly text: string;
}

/** The sentence at the top, which is the page's title, too. */
export function verdictOf({ state, services, peers }: Status, problems: readonly Problem[]): Verdict {
  if (state !== "running") return { tone: "changing", text: `The agent is ${state}` };
  const bad = problems.filter(({ tone }) => tone === "bad").length;
  if (bad > 0) return { tone: "bad", text: `${bad} ${bad === 1 ? "thing is" : "things are"} wrong` };
  if (problems.length > 0) {
    const count = problems.length === 1
      ? "1 thing is not as usual"
      : `${problems.length} things are not as usual`;
    return { tone: "changing", text: `Nothing is wrong, ${count}` };
  }
  if (services.length === 0) return { tone: "off", text: "No service is configured" };
  return peers.length === 0
    ? { tone: "off", text: "No peer is configured" }
    : { tone: "good", text: "All is well" };
}

/** The section. */
export function VerdictSection(
  { status, problems, verdict, now }: {
    readonly status: Status;
    readonly problems: readonly Problem[];
    readonly verdict: Verdict;
    readonly now: Date;
  },
): Element {
  const shown = problems.slice(0, SHOWN_PROBLEMS);
  const more = problems.length - shown.length;
  return (
    <section id="verdict" class={`verdict ${verdict.tone}`} aria-labelledby="verdict-text">
      <div role="status" aria-live="polite" aria-atomic="true">
        <h2 id="verdict-text">
          <Mark tone={verdict.tone} />
          {verdict.text}
        </h2>
      </div>
      <p>{summaryOf(status, now)}</p>
      {shown.length > 0 && (
        <ol class="problems">
          {shown.map((problem) => <ProblemItem problem={problem} now={now} />)}
        </ol>
      )}
      {more > 0 && <p>and {more} more, each with its mark below</p>}
    </section>
  );
}

/** What the host does, in numbers. */
function summaryOf({ services, peers }: Status, now: Date): string {
  const routes = services.flatMap((service) => service.enabled ? service.routes : []);
  const announced = routes.filter((route) => route.announce && route.peers.length > 0);
  const up = peers.filter(({ state }) => state === "Established").length;
  const newest = routes.map(routeSince).reduce((one, other) => one > other ? one : other, "");
  return [
    `${announced.length} of ${routes.length === 1 ? "1 address" : `${routes.length} addresses`} announced`,
    `${up} of ${counted(peers.length, "session")} Established`,
    ...newest === "" ? [] : [`last change of a route at ${clockText(newest, now)}`],
  ].join("; ");
}

function ProblemItem({ problem, now }: { readonly problem: Problem; readonly now: Date }): Element {
  const { tone, subjects, what, why, since, cure } = problem;
  return (
    <li class={tone}>
      <h3>
        <Mark tone={tone} />
        <span class="word">{tone === "bad" ? "wrong" : "note"}</span> {subjects.length > 0 && (
          <>
            <Subjects subjects={subjects} />:{" "}
          </>
        )}
        {what}
      </h3>
      <dl>
        <dt>why</dt>
        <dd>{why}</dd>
        {since !== undefined && (
          <>
            <dt>since</dt>
            <dd>
              {clockText(since, now)} (<For since={since} now={now} />)
            </dd>
          </>
        )}
        {cure !== undefined && (
          <>
            <dt>cure</dt>
            <dd class="cure">{cure}</dd>
          </>
        )}
      </dl>
    </li>
  );
}
