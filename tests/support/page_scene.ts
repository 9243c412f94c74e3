/** An agent as shipped with two routers, backends that fail when told to, and its status page, for tests that look at the page. */
import { agentArguments, AgentProcess } from "./agent.ts";
import { HearingPeer } from "./hearing_peer.ts";
import { run } from "./process.ts";
import { freePort, notification, RawListener, type RawPeer } from "./raw_peer.ts";
import { eventually, until } from "./until.ts";

/** A service that is asked for at the backend's path of its name. */
export interface PageService {
  readonly name: string;
  readonly address: string;
  /** Ports of these destinations, each asked at the backend's path of the destination. */
  readonly destinations?: readonly string[];
}

/** What an agent's page is looked at with. */
export const SERVICES: readonly PageService[] = [
  { name: "web", address: "10.99.0.1", destinations: ["127.0.0.11", "127.0.0.12"] },
  { name: "dns", address: "10.99.0.2" },
  { name: "api", address: "2001:db8::3" },
];

/** The running scene. */
export class PageScene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  /** Paths of the backend that fail, and with what. */
  readonly failing = new Map<string, string>();
  readonly routers: readonly HearingPeer[];
  readonly httpPort: number;
  agent: AgentProcess;
  readonly #stack: AsyncDisposableStack;
  readonly #file: string;

  private constructor(
    { routers, httpPort, file, stack }: {
      readonly routers: readonly HearingPeer[];
      readonly httpPort: number;
      readonly file: (scene: PageScene) => string;
      readonly stack: AsyncDisposableStack;
    },
  ) {
    this.#stack = stack;
    this.routers = routers;
    this.httpPort = httpPort;
    const backend = stack.use(Deno.serve({ hostname: "0.0.0.0", port: 0, onListen() {} }, ({ url }) => {
      const words = this.failing.get(new URL(url).pathname.slice(1));
      return words === undefined ? new Response("ok") : new Response(words, { status: 500 });
    }));
    this.#file = `${this.folder}/config.json`;
    this.backendPort = backend.addr.port;
    Deno.writeTextFileSync(this.#file, file(this));
    this.agent = this.#start();
  }

  readonly backendPort: number;

  /** Starts all of it. */
  static async create(services: readonly PageService[] = SERVICES, peers = 2): Promise<PageScene> {
    await using stack = new AsyncDisposableStack();
    const routers: HearingPeer[] = [];
    for (let at = 0; at < peers; at++) {
      const listener = stack.use(await RawListener.at(`127.0.0.${at + 2}`, 0));
      routers.push(stack.use(new HearingPeer(listener, at + 2)));
    }
    const httpPort = await freePort();
    const scene = new PageScene({
      routers,
      httpPort,
      file: (scene) => JSON.stringify(scene.#configuration(services)),
      stack: stack.move(),
    });
    await eventually(() => scene.answers(), (answers) => answers, "the page answers");
    return scene;
  }

  get url(): string {
    return `http://127.0.0.1:${this.httpPort}/`;
  }

  /** Whether the agent answers. */
  async answers(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}healthz`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** All routers have these many routes. */
  async announced(count: number): Promise<void> {
    await until(
      () => this.routers.every(({ table }) => table.size === count),
      () => `each router has ${count} routes: ${this.routers.map(({ table }) => [...table].join())}`,
    );
  }

  /** The agent says so of the service. */
  async until(service: string, verdict: "healthy" | "unhealthy"): Promise<void> {
    const ask = async () => {
      const { services } = await (await fetch(`${this.url}api/v1/status`)).json();
      return services.find(({ name }: { name: string }) => name === service)?.verdict;
    };
    await eventually(ask, (answer) => answer === verdict, `${service} is ${verdict}`);
  }

  /** The router at this place has an operator who shuts the session down, with a word about it, until this is disposed. */
  shutDown(at: number, words: string): Disposable {
    const text = new TextEncoder().encode(words);
    const told = new Set<RawPeer>();
    const tell = () => {
      for (const peer of this.routers[at]?.listener.peers ?? []) {
        if (told.has(peer) || peer.ended !== undefined) continue;
        told.add(peer);
        peer.send(notification(6, 2, [text.length, ...text]));
      }
    };
    tell();
    const timer = setInterval(tell, 1);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** A command of ours to its end. */
  command(...args: readonly string[]): ReturnType<typeof run> {
    return run(Deno.execPath(), [
      ...agentArguments(),
      ...args,
      "--control-socket",
      `${this.folder}/control.sock`,
    ]);
  }

  /** Ends the agent as a crash does, and starts another one. */
  async restart(): Promise<void> {
    this.agent.signal("SIGKILL");
    await this.agent.exited;
    this.agent = this.#start();
    await eventually(() => this.answers(), (answers) => answers, "the page answers");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.#stack[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }

  #start(): AgentProcess {
    return new AgentProcess(["--config", this.#file, "--log-level", "error"]);
  }

  #configuration(services: readonly PageService[]): unknown {
    const check = {
      type: "http",
      interval: "100ms",
      timeout: "1s",
      rise: 1,
      fall: 2,
      port: this.backendPort,
    };
    return {
      network: { setup: false, ipvs: false },
      http: { listen: `127.0.0.1:${this.httpPort}` },
      control: { socket: `${this.folder}/control.sock` },
      state: { directory: `${this.folder}/state` },
      bgp: {
        local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
        peers: this.routers.map(({ listener }, at) => ({
          name: `tor-${at + 1}`,
          address: `127.0.0.${at + 2}`,
          as: 65002,
          port: listener.port,
          connectRetryTime: "1s",
          holdTime: "9s",
        })),
      },
      services: services.map(({ name, address, destinations }) => ({
        name,
        addresses: [address],
        stop: { shift: "100ms", converge: "100ms", quiesce: "100ms" },
        checks: [{ ...check, name: "http", path: `/${name}` }],
        ...destinations === undefined ? {} : {
          ports: [{
            port: 80,
            destinations: destinations.map((each) => ({
              address: each,
              port: this.backendPort,
              checks: [{ ...check, port: undefined, name: "real", path: `/${each}` }],
            })),
          }],
        },
      })),
    };
  }
}
