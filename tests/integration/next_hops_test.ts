/** Next hops and sources of the whole agent as addresses of its host come and go, in namespaces, with BIRD and FRR. */
import assert from "node:assert/strict";
import { AgentProcess } from "../support/agent.ts";
import { startBird } from "../support/bird_router.ts";
import { startFrr } from "../support/frr_router.ts";
import { interopNamespaces, OURS, ROUTER, type RouterSession } from "../support/interop.ts";
import { gone, seen } from "../support/interop_scene.ts";
import type { NetworkNamespace } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually, until } from "../support/until.ts";

const ROUTES = ["10.99.40.1/32", "2001:db8:40::1/128"] as const;
const SERVICE = `
services:
  - name: web
    addresses: [${ROUTES.map((route) => `"${route}"`).join(", ")}]
`;

/** An announce-only agent whose BGP Identifier is no address of its host. */
class Scene implements AsyncDisposable {
  readonly #folder: string;
  readonly #agent: AgentProcess;

  private constructor(folder: string, agent: AgentProcess) {
    this.#folder = folder;
    this.#agent = agent;
  }

  static async start(namespace: NetworkNamespace, peer: string): Promise<Scene> {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/config.yaml`, file(peer));
    const within = ["ip", "netns", "exec", namespace.name];
    return new Scene(folder, new AgentProcess(["--config", `${folder}/config.yaml`], { within }));
  }

  get log(): string {
    return this.#agent.lines.join("\n");
  }

  async says(wanted: RegExp): Promise<void> {
    await until(() => wanted.test(this.log), () => `${wanted}\n${this.log}`);
  }

  async reload(peer: string): Promise<void> {
    await Deno.writeTextFile(`${this.#folder}/config.yaml`, file(peer));
    this.#agent.signal("SIGHUP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function file(peer: string): string {
  return `
log: {level: debug, format: json}
network: {setup: false}
http: {listen: ""}
control: {socket: ""}
state: {directory: ""}
bgp:
  local: {routerID: 10.255.255.1, as: 65001, listenPort: -1}
  peers: [{name: router, as: 65002, connectRetryTime: 500ms, ${peer}}]
${SERVICE}`;
}

const OVER6: RouterSession = { neighbor: OURS[6], peerAs: 65001, families: [4, 6], passive: true };
const PEER6 = `address: "${ROUTER[6]}"`;

for (const [name, needed, start] of [["BIRD", "bird2", startBird], ["FRR", "frr", startFrr]] as const) {
  Deno.test(`the agent tells ${name} next hops that its host has, and takes them back as they go (issue: B1, B4)`, async () => {
    const { advice } = await ensurePackages(["iproute2", needed], console.log);
    assert.equal(advice, undefined);
    await using namespaces = await interopNamespaces(0);
    const { a, b } = namespaces;
    await using router = await start([OVER6], ["ip", "netns", "exec", b.name]);
    const [route4, route6] = ROUTES;
    const hops = async (route: string) => (await seen({ router }, OVER6, route)).nextHops;
    await a.ip("addr", "add", "10.255.255.1/32", "dev", "lo");
    await using agent = await Scene.start(a, PEER6);

    // The BGP Identifier is not on the link: a router next door would drop the route.
    assert.deepEqual(await hops(route4), [OURS[4]]);
    // Nor is it this host's any more.
    await a.ip("addr", "del", "10.255.255.1/32", "dev", "lo");
    assert.deepEqual(await hops(route4), [OURS[4]]);
    assert.deepEqual(await hops(route6), [OURS[6], OURS.link]);
    await a.ip("addr", "del", `${OURS[4]}/24`, "dev", "va");
    await gone({ router }, OVER6, route4);
    await agent.says(/next hop 10.255.255.1 is no address of this host/);
    await a.ip("addr", "add", `${OURS[4]}/24`, "dev", "va");
    assert.deepEqual(await hops(route4), [OURS[4]]);

    // Without a link-local one beside it; one that is not there; and then is, once nobody else has it.
    await agent.reload(`${PEER6}, linkLocalNextHop: never`);
    const alone = await eventually(
      () => hops(route6),
      ({ length }) => length === 1,
      "no link-local next hop",
    );
    assert.deepEqual(alone, [OURS[6]]);
    await agent.reload(`${PEER6}, nextHop6: "fd09::77"`);
    await gone({ router }, OVER6, route6);
    await agent.says(/next hop fd09::77 is no address of this host/);
    await a.ip("addr", "add", "fd09::77/64", "dev", "va");
    assert.deepEqual(await hops(route6), ["fd09::77"]);
    assert.match(agent.log, /next hop fd09::77 is tentative/);
    await a.ip("addr", "del", "fd09::77/64", "dev", "va");
    await gone({ router }, OVER6, route6);
    await agent.reload(PEER6);
    await eventually(() => hops(route6), ({ length }) => length === 2, "both next hops");
    assert.doesNotMatch(agent.log, /it was Established/);
  });
}

Deno.test("the agent waits for a source that is its host's alone where a service address is all that there is yet (issue: B3)", async () => {
  const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
  assert.equal(advice, undefined);
  await using namespaces = await interopNamespaces(0);
  const { a, b } = namespaces;
  // As the agent puts them: never preferred. The router would take whoever connects from it.
  await a.ip("addr", "add", ROUTES[1], "dev", "lo", "preferred_lft", "0", "nodad");
  await a.ip("addr", "del", `${OURS[6]}/64`, "dev", "va");
  await b.ip("-6", "route", "add", ROUTES[1], "via", OURS.link, "dev", ROUTER.device);
  await a.ip("-6", "route", "add", "fd09::/64", "dev", "va");
  const wrong = { ...OVER6, neighbor: "2001:db8:40::1", multihop: 5 };
  await using router = await startBird([OVER6, wrong], ["ip", "netns", "exec", b.name]);
  await using agent = await Scene.start(a, PEER6);
  await agent.says(/the kernel's choice of a source is the service address 2001:db8:40::1: no other address/);
  await a.sysctl("net.ipv6.conf.va.dad_transmits", "2");
  await a.ip("addr", "add", `${OURS[6]}/64`, "dev", "va");
  const { nextHops } = await seen({ router }, OVER6, ROUTES[1]);
  assert.deepEqual(nextHops, [OURS[6], OURS.link]);
  assert.equal(await router.established(wrong.neighbor), false);
  assert.doesNotMatch(agent.log, /it was Established/);
});
