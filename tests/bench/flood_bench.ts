/**
 * A full table comes in: a probe of bare octets in this process pours 1,000,000 prefixes into a speaker in a process of
 * its own, then into GoBGP where it is installed, with its import policy set to reject. `deno run -A tests/bench/flood_bench.ts`
 */
import { Speaker } from "../../src/bgp/speaker.ts";
import { denoTransport } from "../../src/bgp/transport_deno.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { flood } from "../support/raw_flood.ts";
import {
  connectRaw,
  freePort,
  KEEPALIVE,
  keepalive,
  open,
  type RawPeer,
  routeRefresh,
  UPDATE,
} from "../support/raw_peer.ts";
import { until } from "../support/until.ts";

const PREFIXES = 1_000_000;
/** The long flood repeats the table, so that it lasts several hold times. */
const LONG_FLOOD_MS = 10_000;
const SPEAKER = "127.0.0.1";
const HOLD_TIME = 3;
const CLOCK_TICKS = 100;

/** A speaker in a process of its own. */
interface Subject {
  readonly name: string;
  readonly args: (port: number, folder: string) => Promise<readonly [string, readonly string[]]>;
  /** Changes its routes at a word on its standard input, and says when. */
  readonly changes: boolean;
  /** Gives it a route to announce, where its configuration cannot. */
  readonly prepare?: (folder: string, port: number) => Promise<void>;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: "bgp-lb",
    changes: true,
    args: (port) =>
      Promise.resolve([Deno.execPath(), ["run", "-A", import.meta.filename ?? "", "speaker", `${port}`]]),
  },
  {
    name: "gobgpd",
    changes: false,
    async args(port, folder) {
      const neighbours = [2, 3].map((host) =>
        `[[neighbors]]
  [neighbors.config]
    neighbor-address = "127.0.0.${host}"
    peer-as = 65002
  [neighbors.transport.config]
    passive-mode = true
  [neighbors.timers.config]
    hold-time = ${HOLD_TIME}
  [neighbors.ebgp-multihop.config]
    enabled = true
  [neighbors.apply-policy.config]
    default-import-policy = "reject-route"
`
      ).join("");
      await Deno.writeTextFile(
        `${folder}/gobgp.toml`,
        `[global.config]
  as = 65001
  router-id = "10.0.0.1"
  port = ${port}
  local-address-list = ["${SPEAKER}"]
${neighbours}`,
      );
      return ["gobgpd", [
        "-f",
        `${folder}/gobgp.toml`,
        "--api-hosts",
        `127.0.0.1:${port + 1}`,
        "-l",
        "error",
      ]];
    },
    async prepare(_folder, port) {
      const args = ["-p", `${port + 1}`, "global", "rib", "add", "10.99.0.1/32", "-a", "ipv4"];
      for (let attempt = 0; attempt < 50; attempt++) {
        const { success } = await new Deno.Command("gobgp", { args, stdout: "null", stderr: "null" })
          .output();
        if (success) return;
        await pause(100);
      }
      throw new Error("gobgp does not answer");
    },
  },
];

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function print(line: string): void {
  console.log(line);
}

/** A file of /proc, which Deno itself may read only with every permission. */
async function procFile(pid: number, name: string): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/${name}`] }).output();
  return new TextDecoder().decode(stdout);
}

/** CPU seconds of a process so far. */
async function cpuSeconds(pid: number): Promise<number> {
  const text = await procFile(pid, "stat");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

/** Resident memory of a process in MB: all of it, and what of it is no file's. */
async function memory(pid: number): Promise<{ readonly all: number; readonly anonymous: number }> {
  const text = await procFile(pid, "status");
  const of = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { all: of("VmRSS"), anonymous: of("RssAnon") };
}

/** Sends a KEEPALIVE from each peer once a second. */
function beat(peers: readonly RawPeer[]): Disposable {
  const timer = setInterval(() => peers.forEach((peer) => peer.send(keepalive())), 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Connects as soon as the speaker listens and takes it. */
async function establish(host: string, port: number): Promise<RawPeer> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      const peer = await connectRaw(host, SPEAKER, port);
      await peer.establish(open({ holdTime: HOLD_TIME }));
      await peer.hear(UPDATE);
      return peer;
    } catch {
      await pause(100);
    }
  }
  throw new Error("no session");
}

/** Resolves when the speaker has read what was sent before: it answers a request for its routes. */
async function drained(peer: RawPeer): Promise<number> {
  const updates = peer.heard.filter(({ type, body }) => type === UPDATE && body.byteLength > 4).length;
  peer.send(routeRefresh());
  const heard = () => peer.heard.filter(({ type, body }) => type === UPDATE && body.byteLength > 4);
  await until(() => heard().length > updates || peer.ended !== undefined, () => "an answer", 180_000);
  const answer = heard()[updates];
  if (answer === undefined) throw new Error(`the session was lost; heard ${peer.words}`);
  return answer.at;
}

/** The longest time without a word on a connection in a span, in seconds. */
function longestSilence(peer: RawPeer, from: number, to: number): number {
  const times = [from, ...peer.heard.map(({ at }) => at).filter((at) => at >= from && at <= to), to];
  return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at))) / 1000;
}

async function measure(subject: Subject, octets: Uint8Array): Promise<void> {
  const folder = await Deno.makeTempDir();
  const port = await freePort();
  const [command, args] = await subject.args(port, folder);
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: subject.changes ? "piped" : "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await subject.prepare?.(folder, port);
    using peer = await establish("127.0.0.2", port);
    using other = await establish("127.0.0.3", port);
    using _pulse = beat([peer, other]);
    await pause(1000);
    const before = await memory(child.pid);
    const cpu = await cpuSeconds(child.pid);
    const since = performance.now();
    const pouring = peer.pour(octets);
    let change = "";
    if (subject.changes) {
      await pause(150);
      const heard = other.count(UPDATE);
      const at = performance.now();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("change\n"));
      writer.releaseLock();
      change = `, a change reaches the other peer in ${
        Math.round((await other.hear(UPDATE, heard + 1)).at - at)
      } ms`;
    }
    await pouring;
    const seconds = (await drained(peer) - since) / 1000;
    const used = await cpuSeconds(child.pid) - cpu;
    await pause(1000);
    const after = await memory(child.pid);
    print(
      `${subject.name.padEnd(8)} drained in ${seconds.toFixed(2)} s (${
        (PREFIXES / seconds / 1e6).toFixed(1)
      } M/s), CPU ${used.toFixed(2)} s, RSS ${before.all.toFixed(1)} -> ${
        after.all.toFixed(1)
      } MB (anonymous ${before.anonymous.toFixed(1)} -> ${after.anonymous.toFixed(1)})${change}`,
    );
    if (seconds > 5) return;
    const start = performance.now();
    let tables = 0;
    while (performance.now() - start < LONG_FLOOD_MS) {
      await peer.pour(octets);
      tables++;
    }
    const end = await drained(peer);
    print(
      `         ${tables}M prefixes for ${
        ((end - start) / 1000).toFixed(1)
      } s: longest silence to the sender ${longestSilence(peer, start, end).toFixed(2)} s, to the other ${
        longestSilence(other, start, end).toFixed(2)
      } s (1.00 due), KEEPALIVEs ${peer.count(KEEPALIVE)} and ${other.count(KEEPALIVE)}, RSS ${
        (await memory(child.pid)).all.toFixed(1)
      } MB`,
    );
  } finally {
    if (subject.changes) await child.stdin.close().catch(() => {});
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
}

/** The process under test. */
async function speak(port: number): Promise<void> {
  const speaker = new Speaker({
    local: localBgp({ listenPort: port, listenAddresses: [address(SPEAKER)] }),
    peers: [2, 3].map((host) =>
      peerConfig({ name: `${host}`, address: address(`127.0.0.${host}`), port, passive: true })
    ),
    transport: denoTransport(),
    clock: systemClock,
    random: Math.random,
    restarting: false,
    onEvent: () => {},
  });
  const first = route("10.99.0.1/32");
  speaker.announce([first]);
  speaker.start();
  for await (const _ of Deno.stdin.readable) speaker.announce([first, route("10.98.0.1/32")]);
  speaker.abort();
}

if (Deno.args[0] === "speaker") await speak(Number(Deno.args[1]));
else {
  const octets = flood(PREFIXES);
  print(`${PREFIXES} prefixes, ${(octets.byteLength / 1e6).toFixed(1)} MB, hold time ${HOLD_TIME} s`);
  for (const subject of SUBJECTS) {
    try {
      await measure(subject, octets);
    } catch (error) {
      const missing = error instanceof Deno.errors.NotFound;
      print(`${subject.name}: ${missing ? "not installed" : error instanceof Error ? error.message : error}`);
    }
  }
}
