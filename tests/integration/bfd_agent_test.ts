/** BFD of an agent as it is shipped, with BIRD at the other end, over three ways at once: IPv4, IPv6, link-local. Needs root. */
import assert from "node:assert/strict";
import { askControl } from "../../src/control/client.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { systemClock } from "../../src/time/clock.ts";
import { AgentProcess } from "../support/agent.ts";
import { Bird } from "../support/bird.ts";
import { namespacePair, type NetworkNamespace } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually } from "../support/until.ts";
import type { Status } from "../../src/status/status.ts";

const PEERS = [
  { name: "four", address: "10.9.0.2" },
  { name: "six", address: "fd09::2" },
  { name: "link", address: "fe80::b%va" },
] as const;
const NEIGHBOURS = ["10.9.0.1", "fd09::1", "fe80::a%vb"] as const;

function birdConfig(bfd: boolean): string {
  const sessions = NEIGHBOURS.map((neighbour, index) =>
    `protocol bgp s${index} {
  local as 65002;
  neighbor ${neighbour} as 65001;
  passive;
  hold time 240;
  error wait time 1, 2;
  ${bfd ? "bfd yes;" : ""}
  ipv4 { import all; export none; ${index === 0 ? "" : "extended next hop;"} };
}`
  );
  return `router id 10.9.0.2;
protocol device { scan time 1; }
protocol bfd { interface "*" { min rx interval 50 ms; min tx interval 50 ms; multiplier 3; }; }
${sessions.join("\n")}
`;
}

/** An agent in a namespace, which announces one address. */
class Scene implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #socket = `${this.#folder}/control.sock`;
  readonly #file = `${this.#folder}/config.json`;
  readonly agent: AgentProcess;

  constructor(namespace: NetworkNamespace, bfd: Readonly<Record<string, unknown>> | "off") {
    this.write(bfd);
    const within = ["ip", "netns", "exec", namespace.name];
    this.agent = new AgentProcess(["--config", this.#file], { within });
  }

  write(bfd: Readonly<Record<string, unknown>> | "off"): void {
    const file = {
      network: { setup: false },
      http: { listen: "" },
      control: { socket: this.#socket },
      state: { directory: "" },
      bgp: {
        local: { routerID: "10.9.0.1", as: 65001, listenPort: -1, address6: "fd09::1" },
        defaults: { as: 65002, holdTime: "240s", connectRetryTime: "2s", families: ["ipv4-unicast"], bfd },
        peers: PEERS,
      },
      services: [{ name: "web", addresses: ["10.99.0.1"] }],
    };
    Deno.writeTextFileSync(this.#file, JSON.stringify(file));
  }

  /** Of each peer: its session and what BFD knows. */
  async states(): Promise<readonly string[]> {
    const { body } = await askControl({
      path: this.#socket,
      target: "/v1/status",
      accept: "application/json",
    }, PORTS);
    const { peers }: Pick<Status, "peers"> = JSON.parse(body);
    return peers.map(({ state, bfd }) => `${state} ${bfd?.state}`);
  }

  async reaches(...expected: readonly string[]): Promise<void> {
    const asked = () => this.states().catch(() => []);
    await eventually(asked, (seen) => seen.join() === expected.join(), `peers are ${expected}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const PORTS = { streams: denoStreams(), clock: systemClock };
const QUICK = { transmit: "50ms", receive: "50ms", multiplier: 3 };
const ROUTE = /10\.99\.0\.1\/32/;

async function ready(): Promise<void> {
  const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
  assert.equal(advice, undefined);
}

function startBird(namespace: NetworkNamespace, bfd = true): Promise<Bird> {
  return Bird.start(birdConfig(bfd), ["ip", "netns", "exec", namespace.name]);
}

function all(words: string): readonly string[] {
  return PEERS.map(() => words);
}

/** The lines of the log that tell of a lost session. */
function ends(agent: AgentProcess): readonly string[] {
  return agent.lines.filter((line) => line.includes("it was Established"));
}

Deno.test("an agent ends the sessions with Cease/BFD Down where BIRD falls silent, long before the hold time, and has them back with BFD (RFC 5882 4, RFC 9384)", async () => {
  await ready();
  await using pair = await namespacePair();
  await using bird = await startBird(pair.b);
  await using scene = new Scene(pair.a, QUICK);
  await scene.reaches(...all("Established Up"));
  await bird.awaits("show route", ROUTE);
  await pair.b.ip("link", "set", "vb", "down");
  await eventually(
    () => scene.states(),
    (seen) => seen.every((words) => !words.startsWith("Established") && words.endsWith("Down")),
    "every session is lost",
  );
  await eventually(() => ends(scene.agent), ({ length }) => length === PEERS.length, "the log tells of each");
  for (const line of ends(scene.agent)) assert.match(line, /nothing came from the peer for 150ms/);
  await pair.b.ip("link", "set", "vb", "up");
  await pair.b.ip("addr", "replace", "fd09::2/64", "dev", "vb", "nodad");
  await pair.b.ip("addr", "replace", "fe80::b/64", "dev", "vb", "nodad");
  await scene.reaches(...all("Established Up"));
  await bird.awaits("show route", ROUTE);
});

Deno.test("BFD that is filtered ends the sessions; without strict they come back beside a BFD that is down, and stay when that comes back (CONTRACT bfd)", async () => {
  await ready();
  await using pair = await namespacePair();
  await using bird = await startBird(pair.b);
  await using scene = new Scene(pair.a, QUICK);
  await scene.reaches(...all("Established Up"));
  const drop = "add table inet t; add chain inet t in { type filter hook input priority 0; }; " +
    "add rule inet t in udp dport 3784 drop";
  const nft = await pair.a.run("nft", drop);
  assert.equal(nft.code, 0, nft.stderr);
  await eventually(() => ends(scene.agent), ({ length }) => length === PEERS.length, "every session is lost");
  for (const line of ends(scene.agent)) assert.match(line, /nothing came from the peer for 150ms/);
  await scene.reaches(...all("Established Down"));
  await bird.awaits("show route", ROUTE);
  assert.equal((await pair.a.run("nft", "delete table inet t")).code, 0);
  await scene.reaches(...all("Established Up"));
  assert.equal(ends(scene.agent).length, PEERS.length, "what comes back costs nothing");
});

Deno.test("an agent that was stopped for longer than the detection time loses nobody (RFC 5880 6.8.4)", async () => {
  await ready();
  await using pair = await namespacePair();
  await using _bird = await startBird(pair.b);
  // BIRD waits for us long enough.
  await using scene = new Scene(pair.a, { transmit: "1s", receive: "50ms", multiplier: 10 });
  await scene.reaches(...all("Established Up"));
  scene.agent.signal("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 2000));
  scene.agent.signal("SIGCONT");
  await scene.reaches(...all("Established Up"));
  assert.deepEqual(ends(scene.agent), []);
});

Deno.test("no session begins with strict before BFD is up, and a reload changes intervals without costing one (CONTRACT bfd)", async () => {
  await ready();
  await using pair = await namespacePair();
  await using bird = await startBird(pair.b, false);
  await using scene = new Scene(pair.a, { ...QUICK, strict: true });
  await scene.reaches(...all("Idle Down"));
  await bird.configure(birdConfig(true));
  await scene.reaches(...all("Established Up"));
  for (const multiplier of [5, 3]) {
    scene.write({ transmit: "80ms", receive: "70ms", multiplier });
    scene.agent.signal("SIGHUP");
    await bird.awaits("show bfd sessions", new RegExp(`(0\\.070 +${(0.08 * multiplier).toFixed(3)}[^]*){3}`));
  }
  await scene.reaches(...all("Established Up"));
  assert.deepEqual(ends(scene.agent), []);
});
