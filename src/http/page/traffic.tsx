/** Rates of IPVS as small plots with their numbers beside them: of all services, and of the busiest. */
import { virtualServiceName } from "../../status/destinations_text.ts";
import type { ServiceStatus } from "../../status/status.ts";
import type { TrafficRates } from "../../kernel/kernel.ts";
import { counted, type Element } from "./parts.tsx";
import { serviceAnchor } from "./problems.ts";
import { type TrafficHistory, type TrafficSample, WINDOW_MS } from "./traffic_history.ts";

/** So many services have plots of their own. */
const BUSIEST = 20;
const WIDTH = 120;
const HEIGHT = 24;
/** Where the line is broken: nobody has looked for so long. */
const GAP_MS = 30_000;

const COLUMNS: readonly {
  readonly title: string;
  text(rates: TrafficRates): string;
  value(rates: TrafficRates): number;
}[] = [
  {
    title: "new connections",
    value: ({ connections }) => connections,
    text: (rates) => `${short(rates.connections)}/s`,
  },
  {
    title: "packets in",
    value: ({ packetsIn }) => packetsIn,
    text: (rates) => `${short(rates.packetsIn)}/s`,
  },
  { title: "bits in", value: ({ octetsIn }) => octetsIn, text: (rates) => `${short(rates.octetsIn * 8)}b/s` },
  {
    title: "bits out",
    value: ({ octetsOut }) => octetsOut,
    text: (rates) => `${short(rates.octetsOut * 8)}b/s`,
  },
];

/** The section; nothing where IPVS is not managed, or nothing was read. */
export function TrafficSection(
  { services, history, nowMs }: {
    readonly services: readonly ServiceStatus[];
    readonly history: TrafficHistory;
    readonly nowMs: number;
  },
): Element {
  const rows = services.filter(({ virtualServices }) => virtualServices.length > 0).map((service) => {
    const course = history.course(service.virtualServices.map(virtualServiceName));
    const busy = course.reduce((all, { rates }) => all + rates.packetsIn + rates.connections, 0);
    return { name: service.name, course, busy };
  }).sort((one, other) => other.busy - one.busy);
  const shown = rows.filter(({ busy }) => busy > 0).slice(0, BUSIEST);
  const names = services.flatMap(({ virtualServices }) => virtualServices.map(virtualServiceName));
  const all = history.course([...new Set(names)]);
  if (rows.length === 0 || all.length === 0) return <section id="traffic" hidden></section>;
  const left = rows.length - shown.length;
  return (
    <section id="traffic" aria-labelledby="traffic-title">
      <h2 id="traffic-title">Traffic through IPVS</h2>
      <div class="scroll" tabindex={0} role="region" aria-label="traffic by service">
        <table>
          <caption>
            Rates of the last five minutes by the kernel's estimate, where this page was looked at. What real
            servers send past this host is not counted.
          </caption>
          <thead>
            <tr>
              <th scope="col">service</th>
              {COLUMNS.map(({ title }) => <th scope="col">{title}</th>)}
            </tr>
          </thead>
          <tbody>
            <TrafficRow name="all" anchor={undefined} course={all} nowMs={nowMs} />
            {shown.map(({ name, course }) => (
              <TrafficRow name={name} anchor={serviceAnchor(name)} course={course} nowMs={nowMs} />
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <p class="quiet">
          {`${counted(left, "service")} ${shown.length < BUSIEST ? "without traffic" : "with less"}`}
        </p>
      )}
    </section>
  );
}

function TrafficRow(
  { name, anchor, course, nowMs }: {
    readonly name: string;
    readonly anchor: string | undefined;
    readonly course: readonly TrafficSample[];
    readonly nowMs: number;
  },
): Element {
  const last = course.at(-1);
  return (
    <tr>
      <th scope="row">
        {anchor === undefined ? name : <a href={`#${encodeURIComponent(anchor)}`}>{name}</a>}
      </th>
      {COLUMNS.map(({ title, text, value }) => {
        const most = Math.max(...course.map(({ rates }) => value(rates)));
        const highest = course.find(({ rates }) => value(rates) === most);
        const words = `${title} of ${name}: at most ${highest === undefined ? "0" : text(highest.rates)}`;
        return (
          <td class="plot">
            <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words}>
              <title>{words}</title>
              <path
                d={pathOf(course.map(({ atMs, rates }) => ({ atMs, value: value(rates) })), most, nowMs)}
              />
            </svg>
            <span class="num">{last === undefined ? "" : text(last.rates)}</span>
          </td>
        );
      })}
    </tr>
  );
}

/** A line over the window, broken where nobody looked. */
function pathOf(
  points: readonly { readonly atMs: number; readonly value: number }[],
  most: number,
  nowMs: number,
): string {
  let before = -Infinity;
  return points.map(({ atMs, value }) => {
    const x = Math.round(WIDTH * (1 - (nowMs - atMs) / WINDOW_MS));
    const y = Math.round((HEIGHT - 2) * (1 - (most === 0 ? 0 : value / most)) + 1);
    const command = atMs - before > GAP_MS ? `M${x} ${y}h1` : `L${x} ${y}`;
    before = atMs;
    return command;
  }).join("");
}

const UNITS = ["", "k", "M", "G", "T"];

/** Three digits and a unit: `1.24 M`. */
export function short(value: number): string {
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  const digits = scaled >= 100 || Number.isInteger(scaled) ? 0 : scaled >= 10 ? 1 : 2;
  return power === 0 ? scaled.toFixed(Math.min(digits, 1)) : `${scaled.toFixed(digits)} ${UNITS[power]}`;
}
