/** BIRD, FRR and GoBGP in one namespace and agents as processes in the other, announce-only: for what restarts do at them. */
import assert from "node:assert/strict";
import { unseal } from "../../src/bytes/sealed.ts";
import { agentArguments } from "./agent.ts";
import { startBird } from "./bird_router.ts";
import { startFrr } from "./frr_router.ts";
import { startGoBgp } from "./gobgp_router.ts";
import { interopNamespaces, OURS, type Router, ROUTER_AS, type SeenRoute } from "./interop.ts";
import type { NetworkNamespace } from "./namespace.ts";
import { Process } from "./process.ts";
import { ensurePackages } from "./setup.ts";
import { eventually, within } from "./until.ts";

/** Where BIRD, FRR and GoBGP are; two of the sessions run over IPv6. */
export const LOCALS = ["fd09::2", "fd09::3", "10.9.0.4"] as const;
const OUR_AS = 65001;
/** Longer than anything here is waited for, so that what goes does not go by itself. */
const RESTART_SECONDS = 600;

/** An agent in our namespace that has said that it runs. */
export interface RunningAgent {
  readonly process: Process;
  stop(signal: Deno.Signal): Promise<void>;
}

/** What an agent is configured with. */
export interface SceneConfig {
  /** Of each service, as they are announced. */
  readonly services: readonly (readonly string[])[];
  /** Of LOCALS, the routers with which graceful restart is off. Default: none. */
  readonly without?: readonly string[];
  /** Where it keeps what the next process knows. */
  readonly state: string;
}

/** What the record of sessions is sealed as. */
export const SESSIONS = { what: "sessions", version: 1 } as const;

/** The routers, and the place of the agents. */
export class RestartScene implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #namespace: NetworkNamespace;
  #files = 0;

  private constructor(
    stack: AsyncDisposableStack,
    namespace: NetworkNamespace,
    readonly routers: readonly Router[],
    readonly folder: string,
  ) {
    this.#stack = stack;
    this.#namespace = namespace;
  }

  static async open(): Promise<RestartScene> {
    const { advice } = await ensurePackages(["iproute2", "bird2", "frr", "gobgpd"], console.log);
    assert.equal(advice, undefined);
    await using stack = new AsyncDisposableStack();
    const { a, b } = stack.use(await interopNamespaces(0));
    await b.ip("addr", "add", "fd09::3/64", "dev", "vb", "nodad");
    await b.ip("addr", "add", "10.9.0.4/24", "dev", "vb");
    const prefix = ["ip", "netns", "exec", b.name];
    const session = (local: string) => ({
      neighbor: neighborOf(local),
      peerAs: OUR_AS,
      families: [4, 6],
      passive: true,
      gracefulRestart: RESTART_SECONDS,
      local,
    } as const);
    const [bird, frr, gobgp] = LOCALS;
    const routers: readonly Router[] = await Promise.all([
      startBird([session(bird)], prefix),
      startFrr([session(frr)], prefix, ["bgp graceful-restart notification"]),
      startGoBgp([session(gobgp)], prefix),
    ]);
    for (const router of routers) stack.use(router);
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    return new RestartScene(stack.move(), a, routers, folder);
  }

  /** A file with this configuration. */
  async configure(config: SceneConfig): Promise<string> {
    const file = `${this.folder}/${++this.#files}.json`;
    await Deno.writeTextFile(file, JSON.stringify(configuration(config)));
    return file;
  }

  /** Starts an agent and waits until it runs. It ends with the scene. */
  async start(file: string): Promise<RunningAgent> {
    const lines: string[] = [];
    const running = Promise.withResolvers<void>();
    const process = new Process({
      command: "ip",
      args: ["netns", "exec", this.#namespace.name, Deno.execPath(), ...agentArguments(), "--config", file],
      onLine: ({ text }) => {
        lines.push(text);
        if (text.includes("running")) running.resolve();
      },
    });
    this.#stack.defer(async () => void await process.stop("SIGKILL"));
    await within(Promise.race([running.promise, process.exited]), "the agent runs");
    assert.ok(process.running, lines.join("\n"));
    return { process, stop: async (signal) => void await process.stop(signal) };
  }

  /** All that a router says of the session, for people. */
  async words(router: number): Promise<string> {
    return await this.routers[router]?.words(neighborOf(LOCALS[router])) ?? "";
  }

  /** Waits until every router has lost its session. */
  async lost(): Promise<void> {
    await Promise.all(this.routers.map(async (router, index) => {
      const lost = () => router.established(neighborOf(LOCALS[index]));
      await eventually(lost, (is) => !is, `${router.name} loses the session`);
    }));
  }

  /** The record in `state`, of which the next process goes, has the sessions with so many routers. */
  async recorded(state: string, count = this.routers.length): Promise<void> {
    const recorded = async () => {
      const { peers } = unseal(SESSIONS, await Deno.readFile(`${state}/sessions`));
      return Array.isArray(peers) ? peers.length : 0;
    };
    await eventually(recorded, (found) => found === count, "the record has all sessions");
  }

  /** Every router has every prefix, and none of them stale. */
  async everywhere(prefixes: readonly string[]): Promise<void> {
    const fresh = (routes: readonly SeenRoute[]) =>
      routes.length === 1 && routes.every(({ stale }) => !stale);
    await this.#each(prefixes, fresh, "is there");
  }

  /** No router has any of the prefixes. */
  async nowhere(prefixes: readonly string[]): Promise<void> {
    await this.#each(prefixes, (routes) => routes.length === 0, "is gone");
  }

  async #each(
    prefixes: readonly string[],
    passes: (routes: readonly SeenRoute[]) => boolean,
    what: string,
  ): Promise<void> {
    await Promise.all(
      this.routers.flatMap((router) =>
        prefixes.map((prefix) =>
          eventually(() => router.routes(prefix), passes, `${prefix} ${what} on ${router.name}`)
        )
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function neighborOf(local = ""): string {
  return OURS[local.includes(":") ? 6 : 4];
}

/** Announces each group of prefixes as a service, to all three. */
function configuration({ services, without = [], state }: SceneConfig): unknown {
  return {
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    state: { directory: state },
    bgp: {
      local: { routerID: "10.9.0.1", as: OUR_AS, listenPort: 179, address6: "fd09::1" },
      defaults: {
        as: ROUTER_AS,
        // GoBGP 3.10 lets the routes go where a connection ends before it is Established, so none may be given up in haste.
        connectRetryTime: "3s",
        gracefulRestart: { restartTime: `${RESTART_SECONDS}s` },
      },
      peers: LOCALS.map((address) => ({
        address,
        families: ["ipv4-unicast", "ipv6-unicast"],
        ...without.includes(address) ? { gracefulRestart: "off" } : {},
      })),
    },
    services: services.map((prefixes, index) => ({
      name: `web${index}`,
      addresses: prefixes.map((prefix) => prefix.split("/")[0]),
    })),
  };
}
