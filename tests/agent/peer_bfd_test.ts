/** BFD of an agent's peers: two speakers and the BFD of both hosts, over networks in memory, on one virtual clock. */
import assert from "node:assert/strict";
import { PeerBfd } from "../../src/agent/peer_bfd.ts";
import { SpeakerEvents } from "../../src/agent/bgp_events.ts";
import { Bfd, type BfdPeer } from "../../src/bfd/bfd.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import type { AgentEvent } from "../../src/events/event.ts";
import { EventStream } from "../../src/events/stream.ts";
import { MemoryNetwork } from "../bfd/memory_datagrams.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { seeded } from "../support/random.ts";
import { CAPABILITIES } from "../support/sessions.ts";
import { A, B, Stage } from "../support/speakers.ts";

const BFD = { transmitMs: 50, receiveMs: 50, multiplier: 3, passive: false, strict: false, multihop: false };
const C = address("10.0.0.3");
const SECOND = address("10.0.0.9");
const LOCAL = localBgp({ routerID: A, as: 65_001, listenPort: 179, listenAddresses: [A, SECOND] });
const NO_SERVICES: ReadonlySet<string> = new Set();

/** An agent's speaker and BFD; b has BFD of its own and a scripted session, c has a scripted session alone. */
class Scene {
  readonly stage = new Stage();
  readonly air = new MemoryNetwork(this.stage.clock);
  readonly hostA = this.air.host("10.0.0.1", "10.0.0.9");
  readonly hostB = this.air.host("10.0.0.2");
  readonly b = this.stage.probe(B);
  readonly c = this.stage.probe(C);
  readonly events: AgentEvent[] = [];
  readonly stream = new EventStream(this.stage.clock);
  readonly toC = peerConfig({ name: "c", address: C });
  readonly agent: ReturnType<Stage["end"]>;
  readonly bfd: PeerBfd;
  readonly far: Bfd;
  toB: PeerConfig;

  constructor(changed: Partial<PeerConfig> = {}) {
    const { clock } = this.stage;
    this.toB = peerConfig({ name: "b", address: B, bfd: BFD, connectRetryTimeMs: 60_000, ...changed });
    const told = new SpeakerEvents(this.stream);
    this.stream.subscribe("test", (event) => this.events.push(event));
    this.agent = this.stage.end(A, {
      options: {
        local: LOCAL,
        peers: [this.toB, this.toC],
        onEvent: (event) => told.publish(event),
        onSession: (peer, local) => this.bfd.followSession(peer, local),
      },
    });
    this.bfd = new PeerBfd({
      sockets: {
        datagrams: this.hostA,
        interfaceIndex: (name) => this.hostA.interfaces.get(name),
        random: seeded(1),
      },
      clock: this.hostA.clock,
      events: this.stream,
      speaker: this.agent.speaker,
    });
    this.far = new Bfd({
      datagrams: this.hostB,
      interfaceIndex: () => undefined,
      clock,
      random: seeded(2),
      onEvent: () => {},
      isServiceAddress: () => false,
    });
    this.agent.speaker.announce([route("10.99.0.1/32")]);
    this.agent.speaker.start();
    this.bfd.configure([this.toB, this.toC], NO_SERVICES);
  }

  /** The router has BFD with us at this address of ours. */
  farSide(to = A, passive = false): void {
    const { strict: _, ...intervals } = BFD;
    const peer: Omit<BfdPeer, "key"> = {
      name: "a",
      address: to,
      zone: undefined,
      local: undefined,
      device: undefined,
      minimumTtl: 255,
      ...intervals,
      passive,
    };
    this.far.configure([{ ...peer, key: to.text }]);
  }

  /** As a reload does it. */
  configure(changed: Partial<PeerConfig>, services = NO_SERVICES): void {
    this.toB = { ...this.toB, ...changed };
    this.agent.speaker.configure(LOCAL, [this.toB, this.toC], services);
    this.bfd.configure([this.toB, this.toC], services);
  }

  async establish(...probes: readonly Scene["b"][]): Promise<void> {
    for (const probe of probes) probe.last.establish({ capabilities: CAPABILITIES });
    await this.stage.clock.advance(5);
  }

  /** The sessions with b and c, then BFD with b. */
  get states(): string {
    const sessions = this.agent.speaker.status().map(({ state }) => state);
    return [...sessions, this.bfd.status.get("b")?.state ?? "off"].join(" ");
  }

  of<K extends AgentEvent["kind"]>(kind: K): readonly Extract<AgentEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<AgentEvent, { kind: K }> => event.kind === kind);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.bfd.abort();
    this.far.abort();
    await this.stage.close();
    assert.equal(this.hostA.sockets.size, 0, "sockets are left");
  }
}

/** With both sessions and BFD up. */
async function upScene(changed: Partial<PeerConfig> = {}): Promise<Scene> {
  const scene = new Scene(changed);
  scene.farSide();
  await scene.stage.clock.advance(5000);
  await scene.establish(scene.b, scene.c);
  assert.equal(scene.states, "Established Established Up");
  return scene;
}

/** The router's host is gone, or there again. */
function cut({ air }: Scene, isCut: boolean): void {
  air.fate = () => isCut ? undefined : 0.1;
}

Deno.test("a peer that BFD loses is lost in the same turn, with Cease/BFD Down, its cause in all words, and as a flap; others stay (RFC 5882 4.1, RFC 9384)", async () => {
  await using scene = await upScene();
  const { stage: { clock }, agent } = scene;
  const cutMs = clock.now();
  cut(scene, true);
  await clock.advance(200);
  assert.equal(scene.b.sessions[0]?.words.at(-1), "NOTIFICATION 6/10");
  const [lost] = scene.of("bfd-state").filter(({ from }) => from === "Up");
  const ended = scene.of("session-ended").find(({ from }) => from === "Established");
  const state = scene.of("peer-state").find(({ from }) => from === "Established");
  assert.ok(lost !== undefined && ended !== undefined && state !== undefined);
  assert.ok(lost.at <= cutMs + 151, "within the detection time");
  assert.deepEqual([ended.at, state.at], [lost.at, lost.at]);
  for (const { cause } of [lost, ended, state]) assert.match(cause, /nothing came from the peer for 150ms/);
  const told = scene.events.find(({ kind }) => kind === "notification-sent");
  assert.equal(told?.because, lost.id, "what led to it is told");
  const [b, c] = agent.speaker.status();
  assert.deepEqual([b?.flaps, c?.flaps, c?.state], [1, 0, "Established"]);
});

Deno.test("a peer that is back is connected to at once, whatever the retry time (gobgp#3562 to 3564, maghemite#798)", async () => {
  await using scene = await upScene();
  const { clock } = scene.stage;
  cut(scene, true);
  await clock.advance(200);
  const before = scene.b.sessions.length;
  scene.b.last.close();
  await clock.advance(5);
  cut(scene, false);
  for (let waited = 0; !scene.states.endsWith("Up"); waited += 5) {
    assert.ok(waited < 5000, "BFD comes back");
    await clock.advance(5);
  }
  await clock.advance(5);
  assert.equal(scene.b.sessions.length, before + 1);
  await scene.establish(scene.b);
  assert.equal(scene.states, "Established Established Up");
  assert.ok(scene.b.last.words.includes("UPDATE"));
});

Deno.test("BFD that goes and comes ends no attempt of a peer that is waited for, and ends what has begun", async () => {
  await using scene = new Scene({ passive: true });
  const { clock } = scene.stage;
  scene.farSide();
  await clock.advance(5000);
  assert.equal(scene.states, "Active OpenSent Up");
  for (const isCut of [true, false]) {
    cut(scene, isCut);
    await clock.advance(5000);
  }
  assert.equal(scene.states, "Active OpenSent Up");
  assert.deepEqual(scene.of("session-ended"), []);
  await Promise.all([scene.b.connect(A), clock.advance(5)]);
  assert.equal(scene.states, "OpenSent OpenSent Up");
  cut(scene, true);
  await clock.advance(200);
  assert.equal(scene.b.last.words.at(-1), "NOTIFICATION 6/10");
  assert.equal(scene.states, "Active OpenSent Down");
});

Deno.test("a peer whose operator turns BFD off stays Established, and one that never had it works (RFC 5882 3.2)", async () => {
  await using scene = await upScene();
  const { clock } = scene.stage;
  await Promise.all([scene.far.stop(), clock.advance(2000)]);
  assert.equal(scene.states, "Established Established Down");
  await clock.advance(20_000);
  assert.equal(scene.states, "Established Established Down", "nor does silence end it");
  await using other = new Scene();
  await other.stage.clock.advance(5);
  await other.establish(other.b, other.c);
  await other.stage.clock.advance(10_000);
  assert.equal(other.states, "Established Established Down");
});

const STRICT = { bfd: { ...BFD, strict: true }, connectRetryTimeMs: 1000 };

Deno.test("strict: no session is begun while BFD is down, also after one that outlived it, and what comes in is told so (CONTRACT bfd)", async () => {
  await using scene = await upScene(STRICT);
  const { clock } = scene.stage;
  await Promise.all([scene.far.stop(), clock.advance(2000)]);
  assert.equal(scene.states, "Established Established Down", "it stays, as nobody was lost");
  const before = scene.b.sessions.length;
  scene.b.last.close();
  await clock.advance(60_000);
  assert.deepEqual([scene.states, scene.b.sessions.length], ["Idle Established Down", before]);
  const [refused] = await Promise.all([scene.b.connect(A), clock.advance(5)]);
  assert.deepEqual(refused.words, ["NOTIFICATION 6/5"]);
  assert.match(scene.of("connection-refused").at(-1)?.cause ?? "", /waits for BFD/);
});

Deno.test("strict: what is on its way to a session ends where BFD goes, or where a reload asks for BFD first (CONTRACT bfd)", async () => {
  await using scene = new Scene(STRICT);
  const { clock } = scene.stage;
  scene.farSide();
  await clock.advance(5000);
  assert.equal(scene.states, "OpenSent OpenSent Up");
  await Promise.all([scene.far.stop(), clock.advance(2000)]);
  assert.equal(scene.states, "Idle OpenSent Down");
  scene.configure({ bfd: BFD });
  await clock.advance(5);
  assert.equal(scene.states, "OpenSent OpenSent Down");
  scene.configure(STRICT);
  await clock.advance(5);
  assert.equal(scene.states, "Idle OpenSent Down");
});

Deno.test("a reload that begins the session with a strict peer anew finds BFD up, and one that begins BFD anew finds it down (CONTRACT Reload)", async () => {
  await using scene = await upScene(STRICT);
  const { clock } = scene.stage;
  scene.configure({ holdTimeSeconds: 30 });
  await clock.advance(5);
  await scene.establish(scene.b);
  assert.equal(scene.states, "Established Established Up", "BFD had nothing new to tell");
  // Off, and on again with nobody there: what was known before counts no more.
  scene.configure({ bfd: undefined });
  assert.equal(scene.states, "Established Established off");
  cut(scene, true);
  scene.configure({ ...STRICT, holdTimeSeconds: 60 });
  await clock.advance(5000);
  assert.equal(scene.states, "Idle Established Down");
});

Deno.test("intervals change by a reload, and BFD goes and comes, without a word of BGP (CONTRACT Reload)", async () => {
  await using scene = await upScene();
  const { clock } = scene.stage;
  const heard = scene.b.last.heard.length;
  scene.configure({ bfd: { ...BFD, transmitMs: 80, receiveMs: 70 } });
  await clock.advance(3000);
  const status = scene.bfd.status.get("b");
  assert.deepEqual([status?.transmitIntervalMs, status?.detectionTimeMs, status?.counters.flaps], [
    80,
    210,
    0,
  ]);
  scene.configure({ bfd: undefined });
  await clock.advance(3000);
  scene.configure({ bfd: BFD });
  await clock.advance(5000);
  assert.equal(scene.states, "Established Established Up");
  assert.deepEqual(scene.b.last.words.slice(heard).filter((word) => word !== "KEEPALIVE"), []);
  // What begins the session anew is not begun twice, as BFD has nothing new to tell.
  scene.configure({ holdTimeSeconds: 30 });
  await clock.advance(5);
  assert.deepEqual(scene.events.filter((event) => "cause" in event && event.cause === "BFD is up"), []);
});

Deno.test("BFD goes by the address that the peer speaks with, where the kernel's choice brings nobody, and is lost with it", async () => {
  await using scene = new Scene({ passive: true });
  const { clock } = scene.stage;
  // It says nothing before it hears us, so nothing tells where it waits.
  scene.farSide(SECOND, true);
  await clock.advance(5000);
  assert.equal(scene.bfd.status.get("b")?.localAddress?.text, A.text);
  await Promise.all([scene.b.connect(SECOND), clock.advance(5)]);
  await scene.establish(scene.b, scene.c);
  await clock.advance(5000);
  assert.equal(scene.states, "Established Established Up");
  assert.equal(scene.bfd.status.get("b")?.localAddress?.text, SECOND.text);
  // The link of that address goes: the session is lost, and no other one in its place that knows nothing.
  scene.hostA.addresses = scene.hostA.addresses.filter((text) => text !== SECOND.text);
  await clock.advance(500);
  assert.equal(scene.b.last.words.at(-1), "NOTIFICATION 6/10");
  assert.match(scene.states, /^Active Established Down$/);
  await clock.advance(2000);
  assert.equal(scene.bfd.status.get("b")?.localAddress?.text, A.text);
});

Deno.test("a fault of BFD is told, and costs no session: the port is another program's", async () => {
  await using scene = await upScene();
  const { clock } = scene.stage;
  const other = scene.hostA.open({
    family: 6,
    kind: "udp",
    local: { address: address("::"), port: 3784, scopeId: 0 },
  });
  using _other = other;
  const six = peerConfig({ name: "six", address: address("fd09::2"), bfd: BFD });
  scene.bfd.configure([scene.toB, six], NO_SERVICES);
  await clock.advance(10_000);
  const told = scene.of("warning").map(({ cause }) => cause);
  assert.equal(told.filter((cause) => cause.includes("3784")).length, 1, told.join("\n"));
  assert.match(scene.bfd.status.get("six")?.fault ?? "", /3784/);
  assert.equal(scene.states, "Established Established Up");
});
