/**
 * The agent as a process, announce-only, reloaded two hundred times in a row with random configurations, heard by raw peers:
 * what `plan` said is what they are told and nothing else, sessions go on, and neither memory nor descriptors grow.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { postControl } from "../../src/control/client.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { systemClock } from "../../src/time/clock.ts";
import { agentArguments } from "../support/agent.ts";
import { HearingPeer } from "../support/hearing_peer.ts";
import { heapOf } from "../support/heap_of.ts";
import { Process, runOrThrow } from "../support/process.ts";
import { seeded } from "../support/random.ts";
import {
  configText,
  expectedPrefixes,
  firstConfig,
  nextConfig,
  type RandomConfig,
  type Surroundings,
} from "../support/random_config.ts";
import { freePort, RawListener } from "../support/raw_peer.ts";
import { eventually, PATIENCE_MS, until, waitFor } from "../support/until.ts";

const SEED = 7;
const RELOADS = 200;
/** Whatever is made once, the compiled code above all, has been made by then, and the journal is full. */
const WARM = 120;
const PEERS = ["127.0.0.21", "127.0.0.22", "127.0.0.23"] as const;
/** The peer that no reload changes: its session lasts as long as the test. */
const STEADY = 0;
/** Live memory swings so far with what is being done at the moment. */
const SWING_OCTETS = 1_000_000;

const ports = { streams: denoStreams(), clock: systemClock, user: Deno.uid() ?? undefined };

const routes = z.array(z.object({ prefix: z.string(), toPeers: z.array(z.string()).optional() }));
const plan = z.object({
  sessions: z.array(z.object({ peer: z.string(), consequence: z.string() })),
  routes: z.object({ announced: routes, changed: routes, withdrawn: routes }),
  restart: z.array(z.string()),
});
const reloaded = z.object({ result: z.enum(["applied", "unchanged"]), errors: z.array(z.string()) });

type Plan = z.infer<typeof plan>;

Deno.test(`${RELOADS} random reloads: what plan said and no other UPDATE, sessions go on, memory and descriptors flat`, async () => {
  await using scene = await Scene.start();
  const random = seeded(SEED);
  let config = firstConfig();
  await scene.told(config);
  for (const { told } of scene.peers) told.splice(0);
  let warm = { octets: 0, descriptors: 0 };
  for (let count = 1; count <= RELOADS; count++) {
    const next = nextConfig(config, random, scene.around);
    await scene.reload(config, next, `reload ${count} of seed ${SEED}`);
    config = next;
    if (count !== WARM && count !== RELOADS) continue;
    const first = firstConfig();
    await scene.reload(config, first, `back to the first after ${count}`);
    config = first;
    const now = { octets: await heapOf(scene.inspector), descriptors: await scene.descriptors() };
    console.log(`after ${count} reloads: ${now.octets} octets in use, ${now.descriptors} descriptors`);
    if (count === WARM) warm = now;
    else {
      const grown = now.octets - warm.octets;
      assert.ok(grown < SWING_OCTETS, `memory in use grew by ${grown} octets in ${RELOADS - WARM} reloads`);
      assert.equal(now.descriptors, warm.descriptors, "descriptors");
    }
  }
  const late = Math.max(...scene.peers.map(({ worstLateMs }) => worstLateMs));
  console.log(`a KEEPALIVE was ${late.toFixed(0)} ms late at most`);
  for (const { worstGap } of scene.peers) {
    assert.ok(worstGap < 1, "neither KEEPALIVE nor UPDATE within the hold time");
  }
  assert.equal(scene.peers[STEADY]?.sessions, 1, "the session of the peer that stays as it is");
  const others = scene.peers.flatMap(({ notifications }) => notifications).filter((each) =>
    !PLANNED.has(each)
  );
  assert.deepEqual(others, [], "NOTIFICATIONs other than of a changed and a removed peer");
});

/** Cease: Peer De-configured, Other Configuration Change. */
const PLANNED: ReadonlySet<string> = new Set(["6/3", "6/6"]);

/** The agent, its peers and the server of its checks. */
class Scene implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #file: string;
  readonly #agent: Process;

  private constructor(
    stack: AsyncDisposableStack,
    readonly peers: readonly HearingPeer[],
    readonly around: Surroundings,
    file: string,
    readonly inspector: number,
    agent: Process,
    readonly lines: readonly string[],
  ) {
    this.#stack = stack;
    this.#file = file;
    this.#agent = agent;
  }

  static async start(): Promise<Scene> {
    await using building = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir();
    building.defer(() => Deno.remove(folder, { recursive: true }));
    const peers: HearingPeer[] = [];
    for (const [index, address] of PEERS.entries()) {
      const listener = building.use(await RawListener.at(address, 0));
      peers.push(building.use(new HearingPeer(listener, 10 + index)));
    }
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("fine"),
    );
    building.defer(() => server.shutdown());
    const around: Surroundings = {
      peers: peers.map(({ listener }, index) => ({ address: PEERS[index] ?? "", port: listener.port })),
      checkPort: server.addr.port,
      socket: `${folder}/control.sock`,
      as: 65_001,
    };
    const file = `${folder}/config.json`;
    await Deno.writeTextFile(file, configText(firstConfig(), around));
    const inspector = await freePort();
    const [run = "", ...rest] = agentArguments();
    const lines: string[] = [];
    const agent = building.use(
      new Process({
        command: Deno.execPath(),
        args: [run, `--inspect=127.0.0.1:${inspector}`, ...rest, "--config", file],
        onLine: ({ text }) => lines.push(text),
      }),
    );
    return new Scene(building.move(), peers, around, file, inspector, agent, lines);
  }

  /** Waits until every peer that is configured is told what it should be. */
  async told(config: RandomConfig): Promise<void> {
    for (const { index } of config.peers) {
      const peer = this.peers[index];
      const wanted = expectedPrefixes(config, index).join(" ");
      const told = () => peer?.up === true && [...peer.table].sort().join(" ") === wanted;
      await until(
        told,
        () =>
          `peer${index} up ${peer?.up} with ${[...peer?.table ?? []].sort()}; ` +
          `wanted ${wanted}; the agent said\n${this.lines.slice(-20).join("\n")}`,
      );
    }
  }

  /** Plans, reloads, and sees that exactly that happens. */
  async reload(old: RandomConfig, next: RandomConfig, what: string): Promise<void> {
    await Deno.writeTextFile(this.#file, configText(next, this.around));
    const planned = plan.parse(await this.#order("plan"));
    const sessions = this.peers.map((peer) => peer.sessions);
    assert.deepEqual(this.peers.map(({ told }) => told), this.peers.map(() => []), `${what}: told before it`);
    const { errors } = reloaded.parse(await this.#order("reload"));
    assert.deepEqual(errors, [], what);
    const kept = keptPeers(old, next, planned);
    for (const { index } of next.peers.filter(({ index }) => !kept.includes(index))) {
      await until(
        () => (this.peers[index]?.sessions ?? 0) > (sessions[index] ?? 0),
        () => `${what}: peer${index} anew`,
      );
    }
    await this.told(next);
    for (const index of kept) await this.#asPlanned(index, planned, what);
    for (const [index, peer] of this.peers.entries()) {
      if (kept.includes(index)) {
        assert.equal(peer.sessions, sessions[index], `${what}: the session of peer${index}`);
      }
      peer.told.splice(0);
    }
  }

  /** What this process has open. */
  async descriptors(): Promise<number> {
    const open = async () =>
      (await runOrThrow("ls", [`/proc/${this.#agent.pid}/fd`])).trim().split("\n").length;
    // Connections of probes come and go.
    let last = await open();
    return await eventually(
      async () => {
        const now = await open();
        const same = now === last;
        last = now;
        return same ? now : 0;
      },
      (count) => count > 0,
      "a number of descriptors that stays",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** The plan's routes of that peer, each in one UPDATE, and no other. */
  async #asPlanned(index: number, { routes }: Plan, what: string): Promise<void> {
    const told = this.peers[index]?.told ?? [];
    const mine = (list: Plan["routes"]["announced"]) =>
      list.filter(({ toPeers }) => toPeers?.includes(`peer${index}`) ?? true).map(({ prefix }) => prefix);
    const wanted = [
      ...mine(routes.announced).map((prefix) => `announced ${prefix}`),
      ...mine(routes.changed).map((prefix) => `announced ${prefix}`),
      ...mine(routes.withdrawn).map((prefix) => `withdrawn ${prefix}`),
    ].sort();
    const words = () => told.map(({ what, prefix }) => `${what} ${prefix}`).sort();
    await until(
      () => words().length >= wanted.length,
      () => `${what}: peer${index} is told ${wanted}; ${words()}`,
    );
    assert.deepEqual(words(), wanted, `${what}: what peer${index} is told`);
  }

  async #order(name: "plan" | "reload"): Promise<unknown> {
    const target = `/v1/${name}`;
    const { status, body } = await waitFor(name, PATIENCE_MS, async () => {
      return await postControl(
        { path: this.around.socket, target, accept: "application/json", body: {}, limitMs: PATIENCE_MS },
        ports,
      );
    });
    assert.equal(status, 200, body);
    return JSON.parse(body);
  }
}

/** Peers whose sessions go on. */
function keptPeers(old: RandomConfig, next: RandomConfig, { sessions }: Plan): number[] {
  return next.peers.map(({ index }) => index)
    .filter((index) => old.peers.some((peer) => peer.index === index))
    .filter((index) =>
      sessions.every(({ peer, consequence }) => peer !== `peer${index}` || consequence === "other next time")
    );
}
