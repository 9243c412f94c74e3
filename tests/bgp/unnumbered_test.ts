/** A speaker with a peer that is known by its interface alone, whose address comes, changes and goes. */
import assert from "node:assert/strict";
import { type Address, UNSPECIFIED } from "../../src/net/address.ts";
import type { Neighbour, Neighbours } from "../../src/net/neighbours.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import type { Probe } from "../support/probe.ts";
import { A, B, type End, Stage } from "../support/speakers.ts";

const C = address("10.0.0.3");
const LOCAL = localBgp({ routerID: A, as: 65_001, listenPort: 179, listenAddresses: [A] });
const AUTO = peerConfig({
  name: "auto%eth0",
  address: UNSPECIFIED[6],
  automatic: true,
  zone: "eth0",
  // The network in memory has no devices.
  device: undefined,
  connectRetryTimeMs: 1000,
});

/** Neighbours as a test wants them. */
class FakeNeighbours implements Neighbours {
  found: Address | undefined;
  readonly followed: string[] = [];
  readonly kept: boolean[] = [];
  readonly #callbacks = new Set<(link: string) => void>();

  follow(links: readonly string[]): void {
    this.followed.push(links.join());
  }

  on = (link: string): Neighbour => ({
    address: this.found,
    words: this.found ? `found on ${link}` : "waiting",
  });

  keep(_link: string, inUse: boolean): void {
    this.kept.push(inUse);
  }

  watch(onChange: (link: string) => void): Disposable {
    this.#callbacks.add(onChange);
    return { [Symbol.dispose]: () => void this.#callbacks.delete(onChange) };
  }

  set(found: Address | undefined): void {
    this.found = found;
    for (const callback of this.#callbacks) callback("eth0");
  }
}

interface Scene {
  readonly stage: Stage;
  readonly neighbours: FakeNeighbours;
  readonly end: End;
  readonly b: Probe;
  readonly c: Probe;
}

async function scene(body: (scene: Scene) => Promise<void>, peer = AUTO): Promise<void> {
  const stage = new Stage();
  const [b, c] = [stage.probe(B), stage.probe(C)];
  const neighbours = new FakeNeighbours();
  const end = stage.end(A, { options: { local: LOCAL, peers: [peer], neighbours } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(10_000);
  await body({ stage, neighbours, end, b, c });
  await stage.close();
}

/** A connection of the probe's to us. */
async function connected(stage: Stage, probe: Probe) {
  const connecting = probe.connect(A);
  await stage.clock.advance(5);
  return await connecting;
}

Deno.test("Speaker waits for the neighbour of an automatic peer, connects at once when it is found, and keeps it", () =>
  scene(async ({ stage, neighbours, end, b }) => {
    assert.deepEqual(neighbours.followed, ["eth0"]);
    assert.deepEqual([end.status.state, end.status.address, end.status.cause], [
      "Idle",
      "auto%eth0",
      "waiting",
    ]);
    assert.equal(b.sessions.length, 0);
    neighbours.set(B);
    await stage.clock.advance(5);
    b.last.establish();
    await stage.clock.advance(5);
    assert.equal(end.status.state, "Established");
    assert.deepEqual(neighbours.kept, [true]);
    assert.equal(end.status.address, "10.0.0.2%eth0");
    assert.deepEqual(end.of("peer-discovered"), [
      { type: "peer-discovered", peer: "auto%eth0", address: "10.0.0.2", cause: "found on eth0" },
    ]);
  }));

Deno.test("Speaker leaves an Established session alone whatever neighbour there is, and goes to the new one when it has ended", () =>
  scene(async ({ stage, neighbours, end, b, c }) => {
    neighbours.set(B);
    await stage.clock.advance(5);
    b.last.establish();
    await stage.clock.advance(5);
    neighbours.set(C);
    await stage.clock.advance(5);
    assert.equal(end.status.state, "Established");
    b.last.close();
    await stage.clock.advance(5);
    assert.deepEqual(neighbours.kept, [true, false]);
    neighbours.set(C);
    await stage.clock.advance(5);
    c.last.establish();
    await stage.clock.advance(5);
    assert.equal(end.status.state, "Established");
    assert.equal(end.status.address, "10.0.0.3%eth0");
  }));

Deno.test("Speaker lets only the neighbour in that was found, and nobody where there is none any more", () =>
  scene(async ({ stage, neighbours, end, b, c }) => {
    const early = await connected(stage, b);
    assert.equal(early.ended, "closed");
    neighbours.set(B);
    await stage.clock.advance(5);
    const stranger = await connected(stage, c);
    assert.equal(stranger.ended, "closed");
    const known = await connected(stage, b);
    known.establish();
    await stage.clock.advance(5);
    assert.equal(end.status.state, "Established");
    known.close();
    await stage.clock.advance(5);
    neighbours.set(undefined);
    await stage.clock.advance(60_000);
    assert.deepEqual([end.status.state, end.status.cause], ["Idle", "waiting"]);
    assert.equal(end.speaker.reset("auto%eth0", { type: "administrative", communication: "" }), true);
    assert.equal(end.status.state, "Idle");
    const late = await connected(stage, b);
    assert.equal(late.ended, "closed");
  }, { ...AUTO, passive: true }));

Deno.test("Speaker.configure() follows the links of automatic peers, and keeps the session of one that stays", () =>
  scene(async ({ stage, neighbours, end, b }) => {
    neighbours.set(B);
    await stage.clock.advance(5);
    b.last.establish();
    await stage.clock.advance(5);
    end.speaker.configure(LOCAL, [{ ...AUTO }]);
    await stage.clock.advance(5);
    assert.equal(end.status.state, "Established");
    end.speaker.configure(LOCAL, []);
    await stage.clock.advance(5);
    assert.equal(b.last.words.at(-1), "NOTIFICATION 6/3");
    assert.deepEqual(neighbours.followed, ["eth0", "eth0", ""]);
    end.speaker.configure(LOCAL, [AUTO]);
    await stage.clock.advance(5);
    assert.equal(b.last.ended, undefined);
    await end.speaker.stop({ mode: "shutdown", communication: "" });
    assert.equal(neighbours.followed.at(-1), "");
  }));
