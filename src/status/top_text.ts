/** `bgp-lb top`: the agent on one screen, whatever its size: services, peers, rates, and the newest events. Pure. */
import type { StatusDocument } from "./document.ts";
import { liveCount } from "./destinations_text.ts";
import { bfdReason } from "./bfd_text.ts";
import { downReason } from "./peers_text.ts";
import type { Rates } from "./rates.ts";
import { stateOf, whyOf } from "./services_text.ts";
import { type Piece, type Style, textOf, toned } from "../text/style.ts";
import { cutToColumns } from "../text/columns.ts";
import { age, lines, table } from "../text/table.ts";

/** What is shown. */
export interface TopPicture {
  readonly status: StatusDocument;
  /** Undefined: there is nothing to compare with yet. */
  readonly rates: Rates | undefined;
  /** Newest last. */
  readonly events: readonly TopEvent[];
  /** Why the newest answer is missing; undefined: it is this. */
  readonly trouble: string | undefined;
}

/** One event in words. */
export interface TopEvent {
  /** ISO 8601. */
  readonly at: string;
  readonly text: string;
}

/** The screen that it has to fit in. */
export interface TopStyle extends Style {
  readonly width: number;
  readonly rows: number;
}

/** From so many rows on there is room for empty lines. */
const ROOMY_ROWS = 16;
/** From so many columns on no column is left out. */
const WIDE_COLUMNS = 60;

/** As many lines as there are rows, at most. */
export function topText(picture: TopPicture, now: Date, style: TopStyle): string {
  const head = headLines(picture, now).map((piece) => oneLine(piece, style));
  const sections = [servicesLines(picture, now, style), peersLines(picture, now, style)];
  const gap = style.rows >= ROOMY_ROWS ? 1 : 0;
  const room = style.rows - head.length - gap * (sections.length + 1);
  const wanted = sections.map((section) => section.length);
  const [services = 0, peers = 0, events = 0] = shared(room, [...wanted, picture.events.length + 1]);
  const parts = [
    head,
    cutBelow(sections[0] ?? [], services),
    cutBelow(sections[1] ?? [], peers),
    eventsLines(picture, style).slice(-Math.max(0, events - 1)),
  ];
  const heading = events === 0 ? [] : [oneLine(toned("EVENTS", "strong"), style)];
  const [top = [], first = [], second = [], last = []] = parts;
  const empty = Array.from({ length: gap }, () => "");
  return [...top, ...empty, ...first, ...empty, ...second, ...empty, ...heading, ...events < 2 ? [] : last]
    .slice(0, style.rows).map((line) => `${line}\n`).join("");
}

/** Shares rows out: who wants few gets them, the others the same number each. */
function shared(room: number, wanted: readonly number[]): readonly number[] {
  const given = wanted.map(() => 0);
  let left = Math.max(0, room);
  for (let open = wanted.map((_, index) => index); open.length > 0 && left > 0;) {
    const each = Math.max(1, Math.floor(left / open.length));
    for (const index of open) {
      const more = Math.min(each, left, (wanted[index] ?? 0) - (given[index] ?? 0));
      given[index] = (given[index] ?? 0) + more;
      left -= more;
    }
    open = open.filter((index) => (given[index] ?? 0) < (wanted[index] ?? 0));
  }
  return given;
}

function headLines({ status, rates, trouble }: TopPicture, now: Date): readonly Piece[] {
  const { version, state, startedAt, routerID, as, services, kernel } = status;
  const connections = services.flatMap(({ virtualServices }) => virtualServices)
    .flatMap(({ destinations }) => destinations)
    .reduce((sum, { activeConnections }) => sum + activeConnections, 0);
  const wrong = kernel.errors.length > 0;
  return [
    ...trouble === undefined ? [] : [toned(trouble, "bad")],
    toned(
      `bgp-lb ${version}  ${state} ${age(startedAt, now)}  ${routerID} AS ${as}  ${timeOf(now)}`,
      "strong",
    ),
    `probes ${perSecond(rates?.probes)}, failed ${perSecond(rates?.failures)}  UPDATEs ${
      perSecond(rates?.updates)
    }  ` +
    `messages ${perSecond(rates?.messages)}  connections ${connections}`,
    ...wrong ? [toned(`kernel: not as it should be: ${kernel.errors.join("; ")}`, "bad")] : [],
  ];
}

function perSecond(rate: number | undefined): string {
  return rate === undefined ? "-" : `${rate.toFixed(1)}/s`;
}

/** What is not as it should be comes first: a small screen shows that. */
function servicesLines({ status }: TopPicture, now: Date, style: TopStyle): readonly string[] {
  const names = status.peers.map(({ name }) => name);
  const rows = status.services.map((service) => {
    const announced = service.routes.filter(({ announce }) => announce);
    const { live, all } = liveCount(service.virtualServices);
    const shut = service.routes.flatMap(({ gates }) => gates).find(({ open }) => !open);
    return {
      wrong: announced.length < service.routes.length || service.degraded || service.phase.name !== "serving",
      cells: [
        service.name,
        stateOf(service),
        toned(
          `${announced.length}/${service.routes.length}`,
          announced.length === service.routes.length ? "good" : "bad",
        ),
        `${announced[0]?.peers.length ?? 0}/${(service.routes[0]?.targets ?? names).length}`,
        all === 0 ? "" : toned(`${live}/${all}`, live === all ? "good" : live === 0 ? "bad" : "changing"),
        shut?.name ?? "",
        whyOf(service, names, now),
      ],
    };
  });
  return tableLines(["SERVICE", "STATE", "ADDR", "PEERS", "LIVE", "SHUT", "WHY"], rows, {
    ...style,
    spare: ["ADDR", "LIVE", "WHY"],
  });
}

function peersLines({ status: { peers } }: TopPicture, now: Date, style: TopStyle): readonly string[] {
  const rows = peers.map((peer) => {
    const up = peer.state === "Established";
    return {
      wrong: !up,
      cells: [
        peer.name,
        toned(peer.state, up ? "good" : "bad"),
        age(peer.since, now),
        `${peer.advertised.length}`,
        `${peer.flaps}`,
        downReason(peer, now) ?? bfdReason(peer.bfd) ??
          (peer.held[0] === undefined ? "" : `held: ${peer.held[0].reason}`),
      ],
    };
  });
  return tableLines(["PEER", "STATE", "FOR", "ROUTES", "FLAPS", "WHY"], rows, {
    ...style,
    spare: ["ROUTES", "FLAPS"],
  });
}

/** A table whose columns are as wide as what is seen of it needs, wrong rows first. */
function tableLines(
  headings: readonly string[],
  rows: readonly { readonly wrong: boolean; readonly cells: readonly Piece[] }[],
  style: TopStyle & { readonly spare: readonly string[] },
): readonly string[] {
  const sorted = [...rows.filter(({ wrong }) => wrong), ...rows.filter(({ wrong }) => !wrong)];
  // Thousands of rows are not set where some tens are seen.
  const left = (_: unknown, column: number) =>
    style.width >= WIDE_COLUMNS || !style.spare.includes(headings[column] ?? "");
  const shown = sorted.slice(0, style.rows).map(({ cells }) => cells.filter(left));
  const text = table(headings.filter(left), shown, { ...style, cut: true });
  const hidden = Array.from({ length: sorted.length - shown.length }, () => "");
  return [...text.replace(/\n$/, "").split("\n"), ...hidden];
}

function cutBelow(all: readonly string[], count: number): readonly string[] {
  if (all.length <= count) return all;
  return count < 3 ? all.slice(0, count) : [...all.slice(0, count - 1), `… ${all.length - count + 1} more`];
}

function eventsLines({ events }: TopPicture, style: TopStyle): readonly string[] {
  return events.slice(-style.rows).map(({ at, text }) => oneLine(`${timeOf(new Date(at))}  ${text}`, style));
}

function oneLine(piece: Piece, style: TopStyle): string {
  const line = cutToColumns(lines([textOf(piece)]).trimEnd(), style.width);
  return lines([typeof piece === "string" ? line : { ...piece, text: line }], { ...style, width: undefined })
    .replace(/\n$/, "");
}

function timeOf(moment: Date): string {
  return moment.toISOString().slice(11, 19);
}
