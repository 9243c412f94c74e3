/** The whole agent with announce.whenUnhealthy and BIRD, which sees other attributes, and never a withdrawal between them. */
import assert from "node:assert/strict";
import { agentArguments } from "../support/agent.ts";
import { startBird } from "../support/bird_router.ts";
import { interopNamespaces, OURS, type Router, ROUTER_AS, type RouterSession } from "../support/interop.ts";
import { gone, seen } from "../support/interop_scene.ts";
import type { NamespacePair } from "../support/namespace.ts";
import { Process } from "../support/process.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually } from "../support/until.ts";

/** What the service's check asks: it is there and goes with the address. */
const BACKEND = "10.9.0.5/24";
const PREFIX = "10.99.40.1/32";
const WORSE = '{med: 1000, localPreference: 50, asPathPrepend: 2, communities: ["65001:6"]}';

function file(as: number, whenUnhealthy = WORSE): string {
  return `
network: {setup: false}
http: {listen: ""}
control: {socket: ""}
bgp:
  local: {routerID: 10.9.0.1, as: ${as}}
  peers: [{address: 10.9.0.2, as: ${ROUTER_AS}, connectRetryTime: 1s, gracefulRestart: {restartTime: 60s}}]
services:
  - name: web
    addresses: [10.99.40.1]
    announce: {med: 100, localPreference: 200, communities: ["65001:1"], whenUnhealthy: ${whenUnhealthy}}
    checks:
      - {type: ping, addresses: [10.9.0.5], interval: 200ms, fastInterval: 100ms, timeout: 200ms, rise: 2, fall: 2}
`;
}

/** An agent beside BIRD, whose file may be written anew. */
class Scene implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  #agent: Process | undefined;

  private constructor(
    readonly namespaces: NamespacePair,
    readonly router: Router,
    readonly session: RouterSession,
    readonly path: string,
  ) {}

  static async open(as: number): Promise<Scene> {
    const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
    assert.equal(advice, undefined);
    await using stack = new AsyncDisposableStack();
    const namespaces = stack.use(await interopNamespaces(0));
    const session = {
      neighbor: OURS[4],
      peerAs: as,
      families: [4],
      passive: true,
      gracefulRestart: 60,
    } as const;
    const prefix = ["ip", "netns", "exec", namespaces.b.name];
    const router = stack.use(await startBird([session], prefix));
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const scene = new Scene(namespaces, router, session, `${folder}/config.yaml`);
    scene.#stack.use(stack.move());
    return scene;
  }

  start(): Process {
    const { a } = this.namespaces;
    const command = [Deno.execPath(), ...agentArguments(), "--config", this.path];
    const agent = new Process({ command: "ip", args: ["netns", "exec", a.name, ...command] });
    this.#stack.use(agent);
    this.#agent = agent;
    return agent;
  }

  /** The check of the service passes from now on, or fails. */
  async backend(verb: "add" | "del"): Promise<void> {
    await this.namespaces.b.ip("addr", verb, BACKEND, "dev", "vb");
  }

  async reload(text: string): Promise<void> {
    await Deno.writeTextFile(this.path, text);
    this.#agent?.signal("SIGHUP");
  }

  /** Waits until BIRD has the route with this MED. */
  async with(med: number) {
    return await eventually(
      () => seen(this, this.session, PREFIX),
      (route) => route.med === med,
      `${PREFIX} with MED ${med}`,
    );
  }

  /** Withdrawals that BIRD has seen. */
  async withdrawals(): Promise<number> {
    const words = await this.router.words(this.session.neighbor);
    return Number(/Import withdraws: +(\d+)/.exec(words)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

Deno.test("BIRD sees an unhealthy service get worse and better, over reloads and a restart too, and never a withdrawal (CONTRACT services.announce)", async () => {
  await using scene = await Scene.open(ROUTER_AS);
  await Deno.writeTextFile(scene.path, file(ROUTER_AS));
  await scene.backend("add");
  const first = scene.start();
  const well = await scene.with(100);
  assert.deepEqual([well.localPref, well.communities], [200, ["65001:1"]]);
  await scene.backend("del");
  const worse = await scene.with(1000);
  assert.deepEqual([worse.localPref, worse.communities, worse.asPath], [50, ["65001:6"], ""]);
  await scene.reload(file(ROUTER_AS, "{med: 2000}"));
  const other = await scene.with(2000);
  assert.deepEqual([other.localPref, other.communities], [200, ["65001:1"]]);
  first.signal("SIGUSR2");
  assert.equal((await first.exited).code, 0);
  assert.equal((await scene.with(2000)).communities.length, 1, "BIRD keeps it for the next process");
  scene.start();
  await eventually(() => scene.router.established(OURS[4]), (is) => is, "a session with the next process");
  await scene.backend("add");
  await scene.with(100);
  await scene.backend("del");
  await scene.with(2000);
  assert.equal(await scene.withdrawals(), 0);
  await scene.reload(file(ROUTER_AS, "withdraw"));
  await gone(scene, scene.session, PREFIX);
  assert.equal(await scene.withdrawals(), 1);
  await scene.reload(file(ROUTER_AS));
  await scene.with(1000);
});

Deno.test("an eBGP router sees the longer AS_PATH of an unhealthy service, and no LOCAL_PREF", async () => {
  await using scene = await Scene.open(65001);
  await Deno.writeTextFile(scene.path, file(65001));
  scene.start();
  const worse = await scene.with(1000);
  assert.deepEqual([worse.asPath, worse.communities], ["65001 65001 65001", ["65001:6"]], "from the start");
  await scene.backend("add");
  assert.equal((await scene.with(100)).asPath, "65001");
  assert.equal(await scene.withdrawals(), 0);
});
