/** The services: a line each, and behind it the chain of gates, checks and destinations. */
import { resultsText, VERDICT_TONES } from "../../status/checks_text.ts";
import { destinationCells, HEADINGS, liveCount, virtualServiceName } from "../../status/destinations_text.ts";
import type { PeerChain, RouteChain, Step } from "../../status/explain.ts";
import { announcedCell, serviceSince, stateOf, whyOf } from "../../status/services_text.ts";
import type { CheckStatusEntry, ServiceStatus, VirtualServiceStatus } from "../../status/status.ts";
import { textOf } from "../../text/style.ts";
import { coarseAge, type Element, For, Mark, pageTone, State } from "./parts.tsx";
import { type ExplainedService, type PageTone, peerAnchor, type Problem, serviceAnchor } from "./problems.ts";

/** What a service's part of the page is made of. */
export interface ServiceView extends ExplainedService {
  readonly problems: readonly Problem[];
}

/** What all services share. */
export interface ServicePlace {
  readonly peers: readonly string[];
  readonly now: Date;
}

/** How bad it is, which is the order on the page. */
export function toneOfService({ service, problems }: ServiceView, peers: readonly string[]): PageTone {
  if (!service.enabled) return "off";
  const reach = reachTone(service, peers);
  if (reach === "bad" || problems.some(({ tone }) => tone === "bad")) return "bad";
  return problems.length > 0 ? "changing" : reach;
}

/** Whether what is announced gets to all peers, some, or none. */
function reachTone({ routes }: ServiceStatus, peers: readonly string[]): PageTone {
  const announced = routes.filter(({ announce }) => announce);
  if (announced.some((route) => route.peers.length === 0)) return "bad";
  return announced.length === 0 ? "good" : pageTone(announcedCell(announced, peers));
}

/** One service. */
export function ServiceItem(
  { view, place }: { readonly view: ServiceView; readonly place: ServicePlace },
): Element {
  const { service, explanation } = view;
  const { peers, now } = place;
  const { name, routes, virtualServices } = service;
  const tone = toneOfService(view, peers);
  const state = stateOf(service);
  const announced = announcedCell(routes, peers);
  const isAnnounced = routes.some(({ announce }) => announce);
  const { live, all } = liveCount(virtualServices);
  const connections = virtualServices.flatMap(({ destinations }) => destinations)
    .reduce((sum, { activeConnections }) => sum + activeConnections, 0);
  const why = whyOf(service, peers, now);
  return (
    <details id={serviceAnchor(name)} class={`row ${tone}`}>
      <summary>
        <span class="name">{name}</span>
        <State tone={pageTone(state)} text={textOf(state)} />
        <span class="prefix">{routes.map(({ prefix }) => prefix).slice(0, 4).join(" ")}</span>
        <span class="fact">
          <i>announced</i>{" "}
          <State tone={isAnnounced ? reachTone(service, peers) : tone} text={textOf(announced)} />
        </span>
        <span class="fact num">
          {all > 0 && (
            <>
              <i>live</i> {`${live}/${all}`}
            </>
          )}
        </span>
        <span class="fact num">
          {virtualServices.length > 0 && (
            <>
              <i>connections</i> {connections}
            </>
          )}
        </span>
        <span class="fact num">
          <i>for</i> <For since={serviceSince(service)} now={now} />
        </span>
        {tone !== "good" && why !== "" && <span class="why">{why}</span>}
      </summary>
      <div class="inside">
        {explanation.routes.map((route) => <RoutePart route={route} service={service} now={now} />)}
        {service.checks.length > 0 && (
          <ul class="checks">
            {service.checks.map((check) => <CheckItem check={check} now={now} />)}
          </ul>
        )}
        {virtualServices.map((each) => <VirtualPart service={each} now={now} />)}
      </div>
    </details>
  );
}

function RoutePart(
  { route, service, now }: {
    readonly route: RouteChain;
    readonly service: ServiceStatus;
    readonly now: Date;
  },
): Element {
  const { prefix, steps, peers } = route;
  return (
    <section class="route">
      <h3>{`${prefix} of ${service.name}`}</h3>
      <ol class="chain">
        {steps.map((step) => <StepItem step={step} now={now} />)}
      </ol>
      {steps.every(({ open }) => open) && peers.length > 0 && (
        <ul class="to">
          {sentGroups(peers).map((text) => (
            <li>
              <Mark tone="good" />
              {text}
            </li>
          ))}
          {peers.filter(isShut).slice(0, SHOWN_PEERS).map((chain) => <ShutPeer chain={chain} now={now} />)}
        </ul>
      )}
    </section>
  );
}

/** So many peers are named, of those that have a route, and of those that lack it. */
const SHOWN_PEERS = 8;

function isShut({ steps }: PeerChain): boolean {
  return steps.some(({ open }) => !open);
}

/** Those that have it, by what they were told. */
function sentGroups(peers: readonly PeerChain[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const chain of peers) {
    if (isShut(chain)) continue;
    const saw = chain.steps.at(-1)?.saw ?? "";
    groups.set(saw, [...groups.get(saw) ?? [], chain.peer]);
  }
  return [...groups].map(([saw, names]) => {
    const more = names.length - SHOWN_PEERS;
    return `sent to ${names.slice(0, SHOWN_PEERS).join(", ")}${more > 0 ? ` and ${more} more` : ""} ${saw}`;
  });
}

function ShutPeer(
  { chain: { peer, steps }, now }: { readonly chain: PeerChain; readonly now: Date },
): Element {
  const step = steps.find(({ open }) => !open);
  return (
    <li>
      <Mark tone={step?.name === "sent" ? "changing" : "bad"} />
      {`not to ${peer}: `}
      {step?.name === "session Established"
        // Why is said there: it changes all the time, and is the same for all services.
        ? <a href={`#${encodeURIComponent(peerAnchor(peer))}`}>session is not Established</a>
        : step !== undefined && <StepWords step={step} now={now} />}
    </li>
  );
}

function StepItem({ step, now }: { readonly step: Step; readonly now: Date }): Element {
  const tone = !step.open ? "bad" : step.degraded ? "changing" : "good";
  return (
    <li class={tone === "good" ? undefined : tone}>
      <Mark tone={tone} />
      <StepWords step={step} now={now} />
    </li>
  );
}

/** What a gate is, saw, and what opens it where it is shut. */
function StepWords({ step, now }: { readonly step: Step; readonly now: Date }): Element {
  const { name, open, degraded, saw, since, opens } = step;
  const word = !open ? "shut" : degraded ? "degraded" : "open";
  return (
    <>
      <b>{name}</b> <span class="word">{word}</span> {saw}
      {opens !== undefined && (
        <span class="opens">
          {since !== undefined && `for ${coarseAge(since, now)}; `}
          {`opens: ${opens}`}
        </span>
      )}
    </>
  );
}

function CheckItem({ check, now }: { readonly check: CheckStatusEntry; readonly now: Date }): Element {
  const { name, verdict, cause, since, expects, recent } = check;
  return (
    <li>
      <State tone={pageTone({ text: "", tone: VERDICT_TONES[verdict] })} text={verdict} />{" "}
      <b>{`check ${name}`}</b>
      {" for "}
      <For since={since} now={now} />
      {`: ${cause}`}
      {expects !== "" && <span class="quiet">{` (passes where ${expects})`}</span>}
      {verdict !== "healthy" && recent.length > 0 && (
        <pre tabindex={0} role="region" aria-label={`last results of ${name}`}>
          {resultsText(recent, now).trimEnd().split("\n").map((line) => <>{line}<br /></>)}
        </pre>
      )}
    </li>
  );
}

/** So many destinations of a virtual service stand here, those that are not live first. */
const SHOWN_DESTINATIONS = 50;

function VirtualPart(
  { service, now }: { readonly service: VirtualServiceStatus; readonly now: Date },
): Element {
  const { destinations, quorum, scheduler } = service;
  const name = virtualServiceName(service);
  const sorted = [...destinations.filter(({ live }) => !live), ...destinations.filter(({ live }) => live)];
  const more = sorted.length - SHOWN_DESTINATIONS;
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={`destinations of ${name}`}>
      <table>
        <caption>
          {`${name}, ${scheduler}`}
          {quorum !== undefined && `: live weight ${quorum.live} of ${quorum.total}, needs ${quorum.needs}`}
          {more > 0 && `; and ${more} more destinations`}
        </caption>
        <thead>
          <tr>
            {HEADINGS.map((heading) => <th scope="col">{heading.toLowerCase()}</th>)}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, SHOWN_DESTINATIONS).map((destination) => {
            const [address = "", weight, of, state = "", _since, ...rest] = destinationCells(
              destination,
              now,
            );
            const tone = destination.live ? "good" : destination.verdict === "unhealthy" ? "bad" : "changing";
            return (
              <tr>
                <th scope="row">{address}</th>
                <td class="num">{weight}</td>
                <td class="num">{of}</td>
                <td>
                  <State tone={tone} text={state} />
                </td>
                <td class="num">
                  {destination.since !== undefined && <For since={destination.since} now={now} />}
                </td>
                {rest.map((cell, index) => <td class={index < 2 ? "num" : undefined}>{cell}</td>)}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
