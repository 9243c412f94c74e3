/**
 * SIGKILL at every netlink send of a start, a reload and a stop: whatever it leaves, the next start, with the same
 * configuration, another one or hardly any, adopts or removes, and ends where a start on a fresh host ends (faults K3).
 */
import assert from "node:assert/strict";
import { Agent } from "../../src/agent/agent.ts";
import type { Config, PortConfig } from "../../src/config/config.ts";
import { EventStream } from "../../src/events/stream.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import { isOurs, virtualServiceText } from "../../src/kernel/state.ts";
import { address } from "../support/bgp.ts";
import { config, CONTENTION, PLAIN_PORT, serviceConfig } from "../support/config.ts";
import { FakeHost } from "../support/fake_host.ts";
import { FakeNetlink } from "../support/fake_netlink.ts";
import { BY_ADDRESS, PLAIN } from "../support/kernel_objects.ts";
import { Mortal } from "../support/mortal.ts";
import { MemoryStateFiles, sidePorts } from "../support/side_ports.ts";
import { A, Stage } from "../support/speakers.ts";

const DIRECTORY = "/var/lib/bgp-lb";

function portConfig(overrides: Partial<PortConfig>, ...destinations: readonly string[]): PortConfig {
  return {
    port: 80,
    protocol: "tcp",
    ...PLAIN_PORT,
    ...overrides,
    destinations: destinations.map((text, index) => ({
      address: address(text),
      port: overrides.fwmark === undefined ? 8080 + index : 0,
      weight: 1 + index,
      forwarding: "masq",
      ...PLAIN,
      checks: [],
    })),
  };
}

const stop = { shiftMs: 0, convergeMs: 1000, quiesceMs: 1000 };
const service = (name: string, addresses: readonly string[], ...ports: readonly PortConfig[]) => {
  return serviceConfig({ name, interface: name, addresses: addresses.map(address), ports, stop });
};
const plain = service("plain", ["10.99.3.1"]);
const dual = portConfig({}, "10.0.0.1", "10.0.0.2", "2001:db8::a");
const marked = service("marked", ["10.99.2.1"], portConfig({ fwmark: 7, families: [4] }, "10.0.0.1"));

/** Both families, several ports and destinations, a mark, UDP; in the second one something goes, something comes and moves. */
const CONFIGS: Readonly<Record<string, Config["services"]>> = {
  full: [
    service(
      "web",
      ["10.99.0.1", "2001:db8:99::1"],
      dual,
      portConfig({ port: 53, protocol: "udp" }, "10.0.0.1"),
    ),
    marked,
    plain,
  ],
  other: [
    service("web", ["10.99.0.1", "10.99.0.2"], portConfig({}, "10.0.0.2", "10.0.0.3")),
    service("extra", ["2001:db8:99::1"], portConfig({ port: 443 }, "2001:db8::b")),
  ],
  bare: [plain],
};

type Name = keyof typeof CONFIGS;
type Network = Pick<Config["network"], "setup" | "ipvs">;

/** A host, and processes on it one after the other. */
class Place {
  readonly host = new FakeHost();
  readonly files = new MemoryStateFiles();
  readonly stage = new Stage();
  readonly #netlink = new FakeNetlink(this.host);
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
    // Somebody else's.
    this.host.addLink("stranger", "dummy");
    this.host.addLink("br0", "bridge", "bgp-lb:web");
    this.host.addService({
      protocol: "tcp",
      address: address("192.0.2.1"),
      port: 80,
      ...BY_ADDRESS,
      scheduler: "rr",
      flags: 0,
      timeoutSeconds: 0,
      netmask: 32,
      destinations: [],
    });
  }

  /** What there is, without what no two hosts share. */
  get state(): string {
    const interfaces = this.host.interfaces.map(({ index: _, addresses, ...link }) => ({
      ...link,
      addresses: addresses.map(({ address: { text }, ...each }) => ({ text, ...each })),
    }));
    const services = this.host.services.map(({ birth: _, destinations, ...each }) => ({
      key: virtualServiceText(each),
      ...each,
      destinations: destinations.map((destination) => JSON.stringify(destination)).sort(),
    }));
    const text = (value: object) =>
      JSON.stringify(value, (_, each) => each instanceof Uint8Array ? [...each] : each);
    return [...interfaces, ...services].map(text).sort().join("\n");
  }

  /** An agent that is not started yet. */
  agent(
    name: Name,
    mortal = new Mortal(),
  ): { readonly agent: Agent; readonly reload: (name: Name) => Promise<void> } {
    const { clock } = this.stage;
    const kernel = openNetlinkKernel({
      transport: mortal.transport(this.#netlink),
      reactor: this.#netlink,
      clock,
      sysctls: this.host.sysctls,
    });
    let file = this.#config(name);
    const agent = new Agent(this.#config(name), {
      version: "test",
      clock,
      random: () => 0.5,
      events: new EventStream(clock),
      transport: this.stage.network.transport(A),
      kernel,
      probe: () => ({ run: () => new Promise(() => {}) }),
      ...sidePorts(),
      stateFiles: mortal.files(this.files),
      load: () => ({ ok: true, config: file, warnings: [] }),
      interfaces: () => [],
      processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
    });
    const reload = async (next: Name) => {
      file = this.#config(next);
      await agent.orders.reload(undefined);
    };
    return { agent, reload };
  }

  #config(name: Name): Config {
    const services = CONFIGS[name] ?? [];
    const { local } = config().bgp;
    return config({
      services,
      network: { ...this.#network, contention: CONTENTION },
      state: { directory: DIRECTORY },
      bgp: { local: { ...local, listenPort: -1 }, peers: [] },
    });
  }
}

/** A life: a start, a reload to something else, and a stop; up to the send at which it ends. */
async function live(place: Place, mortal: Mortal): Promise<void> {
  const { clock } = place.stage;
  const { agent, reload } = place.agent("full", mortal);
  const phases: readonly (() => unknown)[] = [
    () => agent.start(),
    () => reload("other"),
    () => agent.stop("for the test"),
  ];
  for (const phase of phases) {
    Promise.try(phase).catch(() => {});
    for (let steps = 0; steps < 80 && !mortal.isDead; steps++) await clock.advance(100);
    if (mortal.isDead) break;
  }
  const ended = agent.abort();
  await clock.advance(5000);
  await ended;
}

/** Starts, and lets everything end that is on its way out. */
async function started(place: Place, name: Name): Promise<Agent> {
  const { agent } = place.agent(name);
  const start = agent.start();
  await place.stage.clock.advance(20_000);
  await start;
  return agent;
}

/** What a start on a fresh host leads to. */
async function fresh(network: Network, name: Name): Promise<string> {
  const place = new Place(network);
  const agent = await started(place, name);
  const { state } = place;
  await agent.abort();
  return state;
}

const NETWORKS: readonly Network[] = [
  { setup: true, ipvs: true },
  { setup: false, ipvs: true },
  { setup: true, ipvs: false },
];

for (const network of NETWORKS) {
  const words = `setup: ${network.setup}, ipvs: ${network.ipvs}`;
  Deno.test(`a start after SIGKILL with the same configuration sends no change (${words}; faults K3)`, async () => {
    const place = new Place(network);
    await (await started(place, "full")).abort();
    const { state } = place;
    const identities = () =>
      JSON.stringify([
        place.host.interfaces.map(({ name, index }) => [name, index]),
        place.host.services.map((each) => [virtualServiceText(each), each.birth]),
      ]);
    const before = identities();
    const second = new Mortal();
    const { agent } = place.agent("full", second);
    const start = agent.start();
    await place.stage.clock.advance(60_000);
    await start;
    assert.equal(second.changes, 0);
    assert.ok(second.sent > 5, "it has looked");
    assert.equal(place.state, state);
    assert.equal(identities(), before, "nothing is made anew: counters and connections stay");
    await agent.abort();
    const other = new Mortal();
    const { agent: third } = place.agent("other", other);
    const restart = third.start();
    await place.stage.clock.advance(20_000);
    await restart;
    assert.ok(other.changes > 3, "changes would be seen");
    await third.abort();
  });

  if (network.setup) continue;
  Deno.test(`killed at any send, a process leaves nothing that the next start does not adopt or remove (${words}; faults K3)`, async () => {
    const names = Object.keys(CONFIGS);
    const expected = new Map<Name, string>();
    for (const name of names) expected.set(name, await fresh(network, name));
    const untouched = new Place(network).state;
    const whole = new Mortal();
    const first = new Place(network);
    await live(first, whole);
    assert.equal(first.state, untouched, "a whole life leaves nothing");
    assert.ok(whole.sent > 20, `${whole.sent}`);
    const seen = new Set<string>();
    for (let last = 0; last < whole.sent; last++) {
      for (const name of names) {
        const place = new Place(network);
        await live(place, new Mortal(last));
        const left = `${place.state}\n${[...place.files.files].join()}`;
        // Sends that only ask leave what the one before left.
        if (name === names[0] && seen.has(left)) break;
        seen.add(left);
        const at = `killed after ${last} of ${whole.sent} sends, then ${name}`;
        const agent = await started(place, name);
        assert.equal(place.state, expected.get(name), at);
        assert.ok(
          place.host.interfaces.every((link) =>
            isOurs(link) || link.name === "stranger" || link.name === "br0"
          ),
          `${at}: something unmarked is left`,
        );
        const stopped = agent.stop("for the test");
        await place.stage.clock.advance(20_000);
        assert.deepEqual(await stopped, [], at);
        assert.equal(place.state, untouched, `${at}, then a stop`);
      }
    }
    assert.ok(seen.size > 10, `${seen.size} different remains`);
  });
}
