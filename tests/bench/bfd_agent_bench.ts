/**
 * BFD of a whole agent at work: 50 sessions of 50 ms by 3 with a station on the other end of a veth pair, while 1,000,000
 * prefixes come in again and again, 100 checks run each second, and passes go over a kernel (in memory) with 1,000 services of
 * 10 destinations. Printed are sessions that were lost, for how long the event loop stood still, and CPU; then, from the end of
 * the link to the end of the BGP session. `deno run -A tests/bench/bfd_agent_bench.ts --seconds=600`
 */
import { parseArgs } from "node:util";
import { Process } from "../support/process.ts";
import { NetworkNamespace } from "../support/namespace.ts";
import { serviceNumber } from "./watched_agent.ts";

const SESSIONS = 50;
const CHECKS = 100;
const SERVICES = 1000;
const DESTINATIONS = 10;
const INTERVAL_MS = 50;
const HTTP_PORT = 8080;
/** All processes have started by then, sessions are up, and the flood begins. */
const SETTLE_SECONDS = 15;

const { values } = parseArgs({ args: Deno.args, options: { seconds: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);

function configuration(): unknown {
  const bfd = { transmit: `${INTERVAL_MS}ms`, receive: `${INTERVAL_MS}ms`, multiplier: 3 };
  return {
    network: { setup: true },
    http: { listen: "" },
    control: { socket: "" },
    state: { directory: "" },
    bgp: {
      local: { routerID: "10.9.1.1", as: 65001, listenAddresses: ["10.9.1.1"] },
      defaults: { as: 65002, holdTime: "240s", passive: true, families: ["ipv4-unicast"], bfd },
      peers: Array.from({ length: SESSIONS }, (_, index) => ({
        name: `r${index}`,
        address: `10.9.2.${index + 1}`,
        localAddress: `10.9.1.${index + 1}`,
      })),
    },
    services: Array.from({ length: SERVICES }, (_, index) => ({
      name: `s${index}`,
      addresses: [serviceNumber(index)],
      ports: [{
        port: 80,
        destinations: Array.from({ length: DESTINATIONS }, (_, each) => ({
          address: `10.8.${index >> 8}.${index & 255}`,
          port: 8000 + each,
        })),
      }],
      checks: index >= CHECKS
        ? []
        : [{ type: "http", address: "10.9.2.1", port: HTTP_PORT, path: `/s${index}`, interval: "1s" }],
    })),
  };
}

/** One of the processes, inside. */
function start(namespace: NetworkNamespace, onLine: (text: string) => void, ...args: readonly string[]) {
  const [file = "", ...rest] = args;
  return new Process({
    command: "ip",
    args: [
      ...["netns", "exec", namespace.name, Deno.execPath(), "run", "--no-prompt", "--allow-all", "--quiet"],
      ...[new URL(file, import.meta.url).pathname, ...rest],
    ],
    onLine: ({ stream, text }) => stream === "stdout" ? onLine(text) : console.error(text),
  });
}

await using a = await NetworkNamespace.create("a");
await using b = await NetworkNamespace.create("b");
await a.ip("link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", b.name);
for (const [namespace, device, net] of [[a, "va", 1], [b, "vb", 2]] as const) {
  await namespace.ip("link", "set", device, "up");
  for (let host = 1; host <= SESSIONS; host++) {
    await namespace.ip("addr", "add", `10.9.${net}.${host}/16`, "dev", device);
  }
}
const folder = await Deno.makeTempDir();
try {
  const file = `${folder}/config.json`;
  await Deno.writeTextFile(file, JSON.stringify(configuration()));
  const { promise: measured, resolve: tell } = Promise.withResolvers<string>();
  const { promise: gone, resolve: tellGone } = Promise.withResolvers<string>();
  const long = `${seconds + 2 * SETTLE_SECONDS}`;
  await using agent = start(
    a,
    (text) => text.includes("lostAtMs") ? tellGone(text) : tell(text),
    ...["bfd_agent.ts", file, `${SETTLE_SECONDS}`, `${seconds}`],
  );
  await using _station = start(
    b,
    () => {},
    ...["bfd_station.ts", "10.9.2", "10.9.1", `${SESSIONS}`, `${INTERVAL_MS}`, long],
  );
  await using _load = start(
    b,
    () => {},
    "bfd_agent_load.ts",
    "10.9.2.1",
    "10.9.1.1",
    `${HTTP_PORT}`,
    `${SETTLE_SECONDS}`,
  );
  const failed = agent.exited.then(({ code }) => Promise.reject(new Error(`the agent ended: ${code}`)));
  const figures = JSON.parse(await Promise.race([measured, failed]));
  console.log(
    `${figures.up} of ${figures.sessions} BFD sessions up, ${figures.lost} lost, ${figures.ended} BGP sessions ended in ` +
      `${seconds} s; ${figures.extensions} given more time (${figures.lostAtStart} lost while everything started)`,
  );
  console.log(
    `  meanwhile ${
      (figures.prefixes / 1e6).toFixed(1)
    } million prefixes came in, ${figures.healthy} services healthy, ` +
      `${figures.passes} passes over ${SERVICES} services of ${DESTINATIONS} destinations, ${
        figures.packets.toFixed(0)
      } BFD packets each second`,
  );
  console.log(
    `  event loop late by ${figures.longestMs.toFixed(0)} ms at most (${
      figures.longestCpuMs.toFixed(0)
    } ms of its own ` +
      `CPU time); CPU ${figures.cpu.toFixed(0)} % of a processor`,
  );
  const cutMs = Date.now();
  await b.ip("link", "set", "vb", "down");
  const { lostAtMs } = JSON.parse(await Promise.race([gone, failed]));
  console.log(
    `  link down to BGP session ended: ${lostAtMs - cutMs} ms, of which 150 ms are the detection time`,
  );
} finally {
  await Deno.remove(folder, { recursive: true });
}
