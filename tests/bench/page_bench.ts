/**
 * What the status page costs: CPU of an idle agent without pages and with ten of them open, as browsers keep them (the stream
 * of events, and what has changed every 5 s), octets, time to make it, and how late the event loop is. `deno task bench page`
 */
import { freePort } from "../support/raw_peer.ts";
import { eventually } from "../support/until.ts";
import { Deployment } from "./deployed_agent.ts";
import { cpuSeconds, median } from "./process_figures.ts";
import { serviceNumber, WatchedAgent } from "./watched_agent.ts";

const PAGES = 10;
const BEAT_MS = 5_000;
const WINDOW_MS = 30_000;
/** So long after the start ages still change every second. */
const CALM_MS = 62_000;
const FIRST_ANSWERS = 5;

await using deployment = await Deployment.make();
await using backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
for (const services of [1, 200, 1000]) {
  const port = await freePort();
  await using agent = await WatchedAgent.start(deployment, configuration(services, port));
  const url = `http://127.0.0.1:${port}/`;
  await eventually(() => octets(url).catch(() => 0), (length) => length > 0, "the page");
  await pause(CALM_MS);
  const { pid } = agent.process;
  console.log(`${services} ${services === 1 ? "service" : "services"}, each probed once in 10 s`);
  const idle = await cpuOf(pid, () => pause(WINDOW_MS));
  let told = "";
  let sent = 0;
  const looked = await cpuOf(pid, async () => {
    told = await agent.delays(async () => void (sent = await openPages(url)));
  });
  console.log(
    `  CPU a minute                ${seconds(idle)} without pages, ${seconds(looked)} with ${PAGES} open`,
  );
  console.log(
    `  sent to a page in a minute  ${kilo(sent / PAGES * 60_000 / WINDOW_MS)}, the first time ${
      kilo(await octets(url))
    }`,
  );
  console.log(`  loop late while they are    ${told}`);
  const times: number[] = [];
  for (let at = 0; at < FIRST_ANSWERS; at++) {
    await pause(1_100);
    const startMs = performance.now();
    await octets(url);
    times.push(performance.now() - startMs);
  }
  console.log(`  made, sent and read whole   ${median(times).toFixed(1)} ms`);
}

/** Ten pages, open for a while; octets that they were sent. */
async function openPages(url: string): Promise<number> {
  const sent = await Promise.all(
    Array.from({ length: PAGES }, (_, at) => openPage(url, at * BEAT_MS / PAGES)),
  );
  return sent.reduce((sum, each) => sum + each, 0);
}

async function openPage(url: string, waitMs: number): Promise<number> {
  await pause(waitMs);
  const endMs = performance.now() + WINDOW_MS - waitMs;
  const ended = new AbortController();
  let sum = 0;
  const streaming = follow(`${url}api/v1/events?since=now`, ended.signal, (length) => sum += length);
  let edition = editionOf(await (await fetch(url)).text());
  while (performance.now() < endMs) {
    await pause(BEAT_MS);
    const text = await (await fetch(`${url}?since=${edition}`)).text();
    sum += text.length;
    edition = editionOf(text);
  }
  ended.abort();
  await streaming;
  return sum;
}

/** Reads until `signal` aborts. */
async function follow(url: string, signal: AbortSignal, heard: (octets: number) => void): Promise<void> {
  const { body } = await fetch(url);
  if (body === null) throw new Error("the stream of events has no body");
  const reader = body.getReader();
  signal.addEventListener("abort", () => void reader.cancel());
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    heard(piece.value.byteLength);
  }
}

function editionOf(html: string): string {
  return /data-edition="([^"]+)"/.exec(html)?.[1] ?? "";
}

async function octets(url: string): Promise<number> {
  return (await (await fetch(url)).arrayBuffer()).byteLength;
}

async function cpuOf(pid: number, work: () => Promise<void>): Promise<number> {
  const [before, startMs] = [await cpuSeconds(pid), performance.now()];
  await work();
  return (await cpuSeconds(pid) - before) * 60_000 / (performance.now() - startMs);
}

function configuration(services: number, port: number): Readonly<Record<string, unknown>> {
  const check = { type: "http", port: backend.addr.port, interval: "10s", timeout: "1s", rise: 1, fall: 2 };
  return {
    network: { setup: false },
    http: { listen: `127.0.0.1:${port}` },
    state: { directory: "" },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
      // Nobody is there, and is not asked again in the meantime.
      peers: [{ name: "tor-1", address: "127.0.0.2", as: 65512, port: 9, connectRetryTime: "600s" }],
    },
    services: Array.from({ length: services }, (_, at) => ({
      name: `service-${at}`,
      addresses: [serviceNumber(at)],
      checks: [check],
    })),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}

function kilo(value: number): string {
  return `${(value / 1000).toFixed(0)} kB`;
}
