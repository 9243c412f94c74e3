/** What the scale benchmark measures, each as a process of its own: bgp-lb's speaker, BIRD 2, GoBGP. */
import { formatU32 } from "../../src/net/address.ts";
import { agentArguments } from "../support/agent.ts";
import { endDaemon } from "../support/daemon.ts";
import { runOrThrow } from "../support/process.ts";
import {
  attribute,
  connectRaw,
  freePort,
  type Octets,
  open,
  type RawPeer,
  u32,
  update,
} from "../support/raw_peer.ts";
import {
  changing,
  FEEDER_ADDRESS,
  FEEDER_AS,
  numbers,
  PEER_AS,
  peerAddress,
  type Shape,
  SUBJECT_ADDRESS,
  SUBJECT_AS,
} from "./scale_shape.ts";
import { waitFor } from "../support/until.ts";

/** What can happen to one route. */
export type Change = "withdraw" | "announce" | "med";

/** What the subject says of itself after a word. */
export interface Answer {
  /** How long the call took. */
  readonly ms?: number | undefined;
  /** The longest time in which nothing else had a turn. */
  readonly stallMs?: number | undefined;
}

/** A subject that has its routes and waits for peers. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Changes that it can be told of. */
  readonly changes: readonly Change[];
  tell(word: string): Promise<Answer>;
}

/** Something that announces. */
export interface Subject {
  readonly name: string;
  /** Peers say KEEPALIVE so often: BIRD 2.0.12 waits up to 3 s with UPDATEs for a peer that says nothing. */
  readonly nudgeMs?: number;
  start(shape: Shape): Promise<Running>;
}

const ROUTES_PER_UPDATE = 800;

const BIRD_WORDS: readonly string[] = ["none", "all", "withdraw", "announce"];

/** In the order in which they are measured. */
export const SUBJECTS: readonly Subject[] = [
  { name: "bgp-lb", start: startSpeaker },
  { name: "BIRD", nudgeMs: 10, start: startBird },
  { name: "GoBGP", start: startGoBgp },
];

async function startSpeaker({ peers, routes, order }: Shape): Promise<Running> {
  const port = await freePort();
  const program = new URL("scale_speaker.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...agentArguments(program),
      `${port}`,
      `${peers}`,
      `${routes}`,
      order,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const words = child.stdin.getWriter();
  const answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    pid: child.pid,
    port,
    changes: ["withdraw", "announce", "med"],
    async tell(word) {
      await words.write(new TextEncoder().encode(`${word}\n`));
      const [ms, stallMs] = ((await answers.read()).value ?? "").split(" ").map(Number);
      return { ms, stallMs };
    },
    async [Symbol.asyncDispose]() {
      await words.close().catch(() => {});
      await answers.cancel();
      await endDaemon(child, "SIGTERM", "the speaker");
    },
  };
}

async function startBird(shape: Shape): Promise<Running> {
  const folder = await Deno.makeTempDir({ prefix: "bird-" });
  const port = await freePort();
  const one = changing(shape);
  const statics = numbers(shape).filter((number) => number !== one).map((number) =>
    `route ${formatU32(number)}/32 blackhole;`
  );
  const sessions = Array.from({ length: shape.peers }, (_, i) =>
    `protocol bgp s${i} {
  local ${SUBJECT_ADDRESS} port ${port} as ${SUBJECT_AS}; neighbor ${
      peerAddress(i)
    } as ${PEER_AS}; multihop 2;
  strict bind yes; passive on; ipv4 { import none; export all; };
}`);
  await Deno.writeTextFile(
    `${folder}/bird.conf`,
    `router id 10.0.0.1;
protocol device {}
protocol static r { ipv4; ${statics.join("\n")} }
protocol static r1 { ipv4; route ${formatU32(one)}/32 blackhole; }
${sessions.join("\n")}
`,
  );
  const child = new Deno.Command("bird", {
    args: ["-f", "-c", `${folder}/bird.conf`, "-s", `${folder}/ctl`, "-P", `${folder}/pid`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const dispose = async () => {
    await endDaemon(child, "SIGKILL", "BIRD");
    await Deno.remove(folder, { recursive: true });
  };
  try {
    const control = await waitFor(
      "BIRD answers",
      20_000,
      () => Deno.connect({ transport: "unix", path: `${folder}/ctl` }).catch(() => undefined),
    );
    const buffer = new Uint8Array(4096);
    return {
      pid: child.pid,
      port,
      changes: ["withdraw", "announce"],
      async tell(word) {
        const verb = word === "none" || word === "withdraw" ? "disable" : "enable";
        const which = word === "none" || word === "all" ? '"r*"' : "r1";
        if (!BIRD_WORDS.includes(word)) return {};
        await control.write(new TextEncoder().encode(`${verb} ${which}\n`));
        await control.read(buffer);
        return {};
      },
      async [Symbol.asyncDispose]() {
        control.close();
        await dispose();
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** GoBGP has no static routes: a peer of bare octets gives it them, before the receivers come. */
async function startGoBgp(shape: Shape): Promise<Running> {
  const folder = await Deno.makeTempDir({ prefix: "gobgp-" });
  const port = await freePort();
  const neighbor = (address: string, as: number) => ({
    config: { "neighbor-address": address, "peer-as": as },
    transport: { config: { "passive-mode": true } },
    "ebgp-multihop": { config: { enabled: true } },
  });
  await Deno.writeTextFile(
    `${folder}/gobgp.json`,
    JSON.stringify({
      global: {
        config: { as: SUBJECT_AS, "router-id": "10.0.0.1", port, "local-address-list": [SUBJECT_ADDRESS] },
      },
      neighbors: [
        neighbor(FEEDER_ADDRESS, FEEDER_AS),
        ...Array.from({ length: shape.peers }, (_, i) => neighbor(peerAddress(i), PEER_AS)),
      ],
    }),
  );
  const api = `unix://${folder}/api`;
  const child = new Deno.Command("gobgpd", {
    args: ["-f", `${folder}/gobgp.json`, "-t", "json", "--pprof-disable", "-l", "error", "--api-hosts", api],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let feeder: RawPeer | undefined;
  const dispose = async () => {
    feeder?.[Symbol.dispose]();
    await endDaemon(child, "SIGKILL", "GoBGP");
    await Deno.remove(folder, { recursive: true });
  };
  try {
    feeder = await waitFor("GoBGP takes a feed", 30_000, () => feed(port).catch(() => undefined), 200);
    const all = parts(numbers(shape)).flatMap((part) => announcement(part));
    const words: Readonly<Record<string, Octets>> = {
      none: parts(numbers(shape)).flatMap((part) => update({ withdrawn: hostRoutes(part) })),
      all,
      withdraw: update({ withdrawn: hostRoutes([changing(shape)]) }),
      announce: announcement([changing(shape)]),
      med: announcement([changing(shape)], attribute(0x80, 4, u32(1))),
    };
    feeder.send(all);
    await waitFor("GoBGP has the routes", 120_000, async () => {
      const summary = await runOrThrow("gobgp", ["--target", api, "global", "rib", "summary"]);
      return summary.includes(`Destination: ${shape.routes},`);
    }, 200);
    return {
      pid: child.pid,
      port,
      changes: ["withdraw", "announce", "med"],
      tell(word) {
        feeder?.send(words[word] ?? []);
        return Promise.resolve({});
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** An UPDATE of host routes. */
function announcement(addresses: readonly number[], med: Octets = []): Octets {
  const attributes = [
    ...attribute(0x40, 1, [0]),
    ...attribute(0x40, 2, [2, 1, ...u32(FEEDER_AS)]),
    // GoBGP takes no next hop of 127.0.0.0/8.
    ...attribute(0x40, 3, [10, 0, 2, 1]),
    ...med,
  ];
  return update({ attributes, nlri: hostRoutes(addresses) });
}

function hostRoutes(addresses: readonly number[]): Octets {
  return addresses.flatMap((number) => [32, ...u32(number)]);
}

function parts(addresses: readonly number[]): readonly (readonly number[])[] {
  const count = Math.ceil(addresses.length / ROUTES_PER_UPDATE);
  return Array.from(
    { length: count },
    (_, i) => addresses.slice(i * ROUTES_PER_UPDATE, (i + 1) * ROUTES_PER_UPDATE),
  );
}

async function feed(port: number): Promise<RawPeer> {
  const peer = await connectRaw(FEEDER_ADDRESS, SUBJECT_ADDRESS, port);
  try {
    await peer.establish(open({ as: FEEDER_AS, holdTime: 0, identifier: [127, 0, 2, 1] }));
    return peer;
  } catch (error) {
    peer[Symbol.dispose]();
    throw error;
  }
}
