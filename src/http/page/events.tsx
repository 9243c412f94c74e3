/** The newest events, and what of the agent itself belongs on the page. */
import type { JournalEntry } from "../../events/journal.ts";
import { type EventLine, eventLine } from "../../status/event_line.ts";
import { kernelLines, wrongLines } from "../../status/status_text.ts";
import type { Status } from "../../status/status.ts";
import { clockText, type Element } from "./parts.tsx";

/** So many events are shown. */
const SHOWN_EVENTS = 30;

/** The section. */
export function EventsSection(
  { entries, now }: { readonly entries: readonly JournalEntry[]; readonly now: Date },
): Element {
  const events: EventLine[] = [];
  for (let at = entries.length - 1; at >= 0 && events.length < SHOWN_EVENTS; at--) {
    const event = eventLine(entries[at]?.text ?? "");
    if (event !== undefined && !event.attempt) events.push(event);
  }
  return (
    <section id="events" aria-labelledby="events-title">
      <h2 id="events-title">Newest events</h2>
      <ol reversed class="events">
        {events.map(({ id, at, text }) => (
          <li id={`event-${id}`}>
            <time datetime={at}>{clockText(at, now)}</time> {text}
          </li>
        ))}
      </ol>
      {events.length === 0 && <p>none is kept</p>}
      <p class="quiet">
        Without attempts at sessions that did not come up. All that are kept: <code>bgp-lb events</code>.
      </p>
    </section>
  );
}

/** The agent itself: what it is, what it listens on, how the kernel is. */
export function AgentSection({ status, now }: { readonly status: Status; readonly now: Date }): Element {
  const { version, state, startedAt, routerID, as, config, listeners, leaving } = status;
  // When it was read changes all the time.
  const kernel = kernelLines(status, now).map((line) => line.replace(/, read .* ago$/, ""));
  const wrong = wrongLines(status, now);
  return (
    <section id="agent" aria-labelledby="agent-title">
      <h2 id="agent-title">Agent</h2>
      <dl class="facts">
        <dt>version</dt>
        <dd>{`bgp-lb ${version}, ${state}, started ${clockText(startedAt, now)}`}</dd>
        <dt>BGP</dt>
        <dd>{`Identifier ${routerID}, AS ${as}`}</dd>
        <dt>listens on</dt>
        <dd>
          {listeners.map(({ address, port }) => `${address} port ${port}`).join(", ") || "nothing for BGP"}
        </dd>
        <dt>configuration</dt>
        <dd>{`${config.hash}, loaded ${clockText(config.loadedAt, now)}`}</dd>
        <dt>kernel</dt>
        <dd>{kernel.join("; ").replace(/^kernel: /, "")}</dd>
        {leaving.length > 0 && (
          <>
            <dt>leaving</dt>
            <dd>
              {leaving.map(({ service, phase, what }) => `${service}, ${phase.name}: ${what.join(", ")}`)
                .join("; ")}
            </dd>
          </>
        )}
        {wrong.length > 0 && (
          <>
            <dt>to know</dt>
            <dd>{wrong.join("; ")}</dd>
          </>
        )}
      </dl>
    </section>
  );
}
