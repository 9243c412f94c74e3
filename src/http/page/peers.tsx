/** The peers: a line each, and behind it all that `bgp-lb peers` says of it. */
import { bfdReason } from "../../status/bfd_text.ts";
import { downReason, peersText } from "../../status/peers_text.ts";
import type { PeerEntry, Status } from "../../status/status.ts";
import { type Element, For, State } from "./parts.tsx";
import { type DownSince, type PageTone, peerAnchor } from "./problems.ts";

/** How a peer is. */
export function toneOfPeer({ state, bfd, held, stuck }: PeerEntry): PageTone {
  if (state !== "Established") return "bad";
  return bfdReason(bfd) !== undefined || held.length > 0 || stuck !== undefined ? "changing" : "good";
}

/** One peer. */
export function PeerItem(
  { peer, status, down, now }: {
    readonly peer: PeerEntry;
    readonly status: Status;
    readonly down: DownSince;
    readonly now: Date;
  },
): Element {
  const { name, address, as, state, advertised, flaps, held, bfd } = peer;
  const tone = toneOfPeer(peer);
  const since = state === "Established" ? peer.since.toISOString() : down.get(name);
  const why = downReason(peer, now) ?? bfdReason(bfd) ?? held[0]?.reason ?? "";
  return (
    <details id={peerAnchor(name)} class={`row ${tone}`}>
      <summary>
        <span class="name">{name}</span>
        <State tone={tone} text={state} />
        <span class="prefix">{address}</span>
        <span class="fact">
          <i>AS</i> {as}
        </span>
        <span class="fact num">
          <i>routes</i> {advertised.length}
        </span>
        <span class="fact num">
          <i>flaps</i> {flaps}
        </span>
        <span class="fact num">
          {since !== undefined && (
            <>
              <i>for</i> <For since={since} now={now} />
            </>
          )}
        </span>
        {why !== "" && <span class="why">{why}</span>}
      </summary>
      <dl class="inside facts">
        {factsOf(peersText({ ...status, peers: [peer] }, now)).map(([label, text]) => (
          <>
            <dt>{label}</dt>
            <dd>{text}</dd>
          </>
        ))}
      </dl>
    </details>
  );
}

/** Where in a line of a peer's paragraph its label ends. */
const LABEL_END = 17;

/** The lines of a paragraph as label and text; what has no label goes on what is before it. */
function factsOf(paragraph: string): readonly (readonly [string, string])[] {
  const facts: [string, string][] = [];
  for (const line of paragraph.trimEnd().split("\n").slice(1)) {
    const label = line.slice(0, LABEL_END).trim();
    const text = line.slice(LABEL_END);
    const last = facts.at(-1);
    if (label === "" && last !== undefined) last[1] += `; ${text}`;
    else facts.push([label, text]);
  }
  return facts;
}
