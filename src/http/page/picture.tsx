/** The picture: routers, this host, backends; as a drawing where there is room, else as a list. Bounded for any number. */
import { endpoint } from "../../status/destinations_text.ts";
import type { DestinationStatus, Status } from "../../status/status.ts";
import { foreignText } from "../../text/foreign.ts";
import { type Element, State } from "./parts.tsx";
import type { PageTone } from "./problems.ts";
import { toneOfPeer } from "./peers.tsx";

/** So many of each are drawn. */
const DRAWN = 6;
const ROW = 34;
const WIDTH = 720;
const BOX = 200;
const LETTERS = 24;

/** One box at a side. */
interface Node {
  readonly name: string;
  readonly word: string;
  readonly tone: PageTone;
}

/** Two sides of the host. */
interface Sides {
  readonly routers: readonly Node[];
  readonly backends: readonly Node[];
}

/** The section. */
export function PictureSection(
  { status, host }: { readonly status: Status; readonly host: string },
): Element {
  const sides = { routers: cut(routersOf(status)), backends: cut(backendsOf(status)) };
  const rows = Math.max(sides.routers.length, sides.backends.length, 2);
  const height = rows * ROW + 28;
  const middle = 28 + rows * ROW / 2;
  const words = wordsOf(sides, host);
  return (
    <section id="picture" aria-labelledby="picture-title">
      <h2 id="picture-title">Routers, this host, backends</h2>
      <svg
        class="drawing"
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-labelledby="drawing-title drawing-words"
      >
        <title id="drawing-title">Routers, this host, backends</title>
        <desc id="drawing-words">{words}</desc>
        <text class="head" x="0" y="14">routers (BGP)</text>
        <text class="head" x={WIDTH / 2} y="14" text-anchor="middle">this host</text>
        <text class="head" x={WIDTH} y="14" text-anchor="end">backends (IPVS)</text>
        {sides.routers.map((node, index) => (
          <Edge node={node} y={rowY(index, sides.routers, rows)} middle={middle} />
        ))}
        {sides.backends.map((node, index) => (
          <Edge node={node} y={rowY(index, sides.backends, rows)} middle={middle} right />
        ))}
        <rect class="host" x={(WIDTH - BOX) / 2} y={middle - 24} width={BOX} height="48" rx="4" />
        <text x={WIDTH / 2} y={middle - 3} text-anchor="middle">{foreignText(host, LETTERS)}</text>
        <text class="quiet" x={WIDTH / 2} y={middle + 14} text-anchor="middle">{addressesText(status)}</text>
      </svg>
      <div class="listing">
        <NodeList title="routers" nodes={sides.routers} />
        <p>{`this host: ${host}, ${addressesText(status)}`}</p>
        <NodeList title="backends" nodes={sides.backends} />
      </div>
    </section>
  );
}

function NodeList({ title, nodes }: { readonly title: string; readonly nodes: readonly Node[] }): Element {
  return (
    <>
      <h3>{title}</h3>
      <ul>
        {nodes.map(({ name, word, tone }) => (
          <li>
            <State tone={tone} text={name} />
            {` ${word}`}
          </li>
        ))}
        {nodes.length === 0 && <li>none</li>}
      </ul>
    </>
  );
}

function rowY(index: number, nodes: readonly Node[], rows: number): number {
  return 28 + (rows - nodes.length) * ROW / 2 + index * ROW + ROW / 2;
}

function Edge(
  { node: { name, word, tone }, y, middle, right = false }: {
    readonly node: Node;
    readonly y: number;
    readonly middle: number;
    readonly right?: boolean;
  },
): Element {
  const x = right ? WIDTH - BOX : 0;
  const [from, to] = right ? [(WIDTH + BOX) / 2, WIDTH - BOX] : [BOX, (WIDTH - BOX) / 2];
  const bend = (from + to) / 2;
  const [start, end] = right ? [middle, y] : [y, middle];
  return (
    <g class={tone}>
      <path class="edge" d={`M${from} ${start}C${bend} ${start} ${bend} ${end} ${to} ${end}`} />
      <rect class="node" x={x} y={y - 14} width={BOX} height="28" rx="4" />
      <use href={`#m-${tone}`} x={x + 8} y={y - 7} width="14" height="14" />
      <text x={x + 28} y={y + 4}>
        {foreignText(name, LETTERS - Math.min(word.length, 11))}
        <tspan class="quiet">{` ${word}`}</tspan>
      </text>
    </g>
  );
}

function routersOf({ peers }: Status): readonly Node[] {
  return peers.map((peer) => ({ name: peer.name, word: peer.state, tone: toneOfPeer(peer) }));
}

/** One for each address and port, however many virtual services lead there. */
function backendsOf({ services }: Status): readonly Node[] {
  const found = new Map<string, DestinationStatus[]>();
  for (const { virtualServices } of services) {
    for (const each of virtualServices.flatMap(({ destinations }) => destinations)) {
      const name = endpoint(each.address, each.port);
      const there = found.get(name);
      if (there === undefined) found.set(name, [each]);
      else there.push(each);
    }
  }
  return [...found].map(([name, uses]) => {
    const live = uses.filter((use) => use.live).length;
    const connections = uses.reduce((sum, { activeConnections }) => sum + activeConnections, 0);
    if (live === uses.length) return { name, word: `${connections} conn`, tone: "good" as const };
    const idle = uses.every(({ role }) => role === "sorry");
    const tone = idle ? "off" : live === 0 ? "bad" : "changing";
    return { name, word: idle ? "sorry" : live === 0 ? "not live" : `${live}/${uses.length} live`, tone };
  });
}

/** Those that are not well first; what has no room is one box. */
function cut(nodes: readonly Node[]): readonly Node[] {
  const order: readonly PageTone[] = ["bad", "changing", "good", "off"];
  const sorted = order.flatMap((tone) => nodes.filter((node) => node.tone === tone));
  if (sorted.length <= DRAWN) return sorted;
  const left = sorted.slice(DRAWN - 1);
  const tone = left[0]?.tone ?? "off";
  const unwell = left.filter((node) => node.tone === "bad" || node.tone === "changing").length;
  const word = unwell === 0 ? "" : `${unwell} not well`;
  return [...sorted.slice(0, DRAWN - 1), { name: `${left.length} more`, word, tone }];
}

function addressesText({ services }: Status): string {
  const routes = services.flatMap((service) => service.routes);
  const announced = routes.filter(({ announce, peers }) => announce && peers.length > 0).length;
  return `announces ${announced} of ${routes.length === 1 ? "1 address" : `${routes.length} addresses`}`;
}

function wordsOf({ routers, backends }: Sides, host: string): string {
  const side = (nodes: readonly Node[]) =>
    nodes.map(({ name, word }) => `${name} ${word}`.trim()).join(", ") || "none";
  return `Routers: ${side(routers)}. In the middle ${host}. Backends: ${side(backends)}.`;
}
