/** The soak's world from inside: the network and every program in it, what watches them, and what all of it should be like. */
import { run, runOrThrow } from "../../support/process.ts";
import { waitFor } from "../../support/until.ts";
import { type KernelSeen, type Place, type RouteSeen } from "../../soak/observed.ts";
import { foreign, Host, launchWith, ours } from "../host.ts";
import type { KernelView } from "../kernel_view.ts";
import { restoreTables, writeSysctls } from "../real_server.ts";
import { RouteWatch } from "../route_watch.ts";
import { Router } from "../router.ts";
import { addressesOf, bracketed, hostRoute, nodesOf, type Topology } from "../topology.ts";
import { Client } from "../traffic.ts";
import { buildTopology, inNamespace } from "../world.ts";
import { control, EventReader } from "./agent_surface.ts";
import {
  extrasOf,
  HTTP_PORT,
  httpAddress,
  LATE,
  managementBatch,
  placesOf,
  SERVICES,
  soakConfig,
  soakTopology,
  type SoakVariant,
} from "./network.ts";
import { Notes } from "./notes.ts";
import { ServerProcess } from "./server_process.ts";

/** Between two requests of the client; each goes to the next address. */
const REQUEST_EVERY_MS = 50;
const REQUEST_TIMEOUT_MS = 3_000;
const START_MS = 60_000;

/** With what comes later, so that its objects count as ours, too. */
const whole: Topology = { ...soakTopology, services: [...SERVICES, LATE] };

/** Everything in one place. */
export class Scene implements AsyncDisposable {
  readonly notes = new Notes();
  readonly places: readonly Place[] = placesOf(soakTopology);
  readonly hosts: readonly Host[];
  readonly routers: readonly Router[];
  readonly servers: readonly ServerProcess[];
  readonly client: Client;
  readonly #routes: ReadonlyMap<string, RouteWatch>;
  readonly #readers: readonly EventReader[];
  /** What of others a host's kernel should have, in words. */
  readonly strangers = new Map<string, Set<string>>();
  /** What of ours it has while all is well. */
  readonly #baseline = new Map<string, string>();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(readonly folder: string, agent: readonly string[]) {
    const placement = { folder, agent, wrap: inNamespace };
    this.hosts = nodesOf(whole, "host").map((node) =>
      new Host(whole, node, placement, launchWith(soakConfig(soakTopology, node, folder)))
    );
    this.routers = nodesOf(whole, "router").map((node) => new Router(whole, node, folder, inNamespace));
    this.servers = [...nodesOf(whole, "host"), ...nodesOf(whole, "server")].map(({ name }) =>
      new ServerProcess(name)
    );
    const targets = SERVICES.flatMap((service) =>
      addressesOf(service).map((address) => ({ address, port: service.port }))
    );
    this.client = new Client("c1", placement, targets);
    this.#routes = new Map(this.routers.map(({ name }) => [name, new RouteWatch(name)]));
    this.#readers = this.hosts.map(({ name, node }) =>
      new EventReader(name, `http://${httpAddress(node)}:${HTTP_PORT}/api/v1/events`, {
        event: (event) => void this.notes.events.push(event),
        gap: (words) => void this.notes.gaps.push({ atMs: Date.now(), host: name, words }),
      })
    );
  }

  /** Builds it all, starts it all, and waits until everything is in service. */
  static async create(folder: string, agent: readonly string[], say: (text: string) => void): Promise<Scene> {
    await buildTopology(soakTopology);
    await batch(["-batch", "-"], managementBatch());
    for (const { node, batch: lines, batch6 = [], sysctls, mangle } of extrasOf()) {
      await batch(["-n", node, "-batch", "-"], lines);
      if (batch6.length > 0) await batch(["-n", node, "-6", "-batch", "-"], batch6);
      if (sysctls !== undefined) await writeSysctls(node, sysctls);
      if (mangle !== undefined) await restoreTables(node, () => mangle);
    }
    say("network built");
    const scene = new Scene(folder, agent);
    try {
      for (const host of scene.hosts) {
        host.before = await host.kernel();
        scene.strangers.set(host.name, new Set(wordsOf(foreign(whole, host.before))));
      }
      await Promise.all([
        ...scene.routers.map((router) => router.start()),
        ...scene.servers.map((server) => server.start()),
        scene.client.ready(),
      ]);
      say("routers, servers and client run");
      for (const host of scene.hosts) await scene.startAgent(host);
      await waitFor(
        "everything is in service",
        START_MS,
        async () => await scene.lacking() === undefined,
        200,
      )
        .catch(async (error) => {
          throw new Error(`${error}: ${await scene.lacking()}\n${scene.evidence().join("\n")}`);
        });
      for (const host of scene.hosts) scene.#baseline.set(host.name, ourWords(await host.kernel()));
      await scene.client.start(REQUEST_EVERY_MS, REQUEST_TIMEOUT_MS);
      return scene;
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @throws where there is none of that name */
  host(name: string): Host {
    return found(this.hosts.find((each) => each.name === name), name);
  }

  /** See {@link Scene.host}. */
  router(name: string): Router {
    return found(this.routers.find((each) => each.name === name), name);
  }

  /** See {@link Scene.host}. */
  server(name: string): ServerProcess {
    return found(this.servers.find(({ node }) => node === name), name);
  }

  /** Starts the agent, and waits until it answers. */
  async startAgent(host: Host, variant?: SoakVariant): Promise<void> {
    host.startAgent(this.launch(host, variant));
    await host.whileAgentRuns(waitFor(`${host.name}: the agent answers`, START_MS, async () => {
      return (await control(host.socket, "/v1/status", undefined, 1_000).catch(() => undefined))?.status ===
        200;
    }, 100));
  }

  /** What an agent is started with, or told to read again. */
  launch(host: Host, variant: SoakVariant = {}): ReturnType<typeof launchWith> {
    return launchWith(soakConfig(soakTopology, host.node, this.folder, variant));
  }

  /** The next hops of an address at a router now. */
  nextHops(router: string, address: string): readonly string[] {
    return this.#routes.get(router)?.nextHops(hostRoute(address)) ?? [];
  }

  /** What routers had when the round began, and all that changed since. */
  routesSeen(): RouteSeen[] {
    const { fromMs } = this.notes;
    const prefixes = [...new Set(this.places.map(({ address }) => hostRoute(address)))];
    return [...this.#routes].flatMap(([router, watch]) =>
      prefixes.flatMap((prefix) => {
        const changes = watch.changes([prefix]);
        const before = changes.findLast(({ atMs }) => atMs < fromMs);
        return [
          { router, prefix, atMs: fromMs, nextHops: before?.nextHops ?? [] },
          ...changes.filter(({ atMs }) => atMs >= fromMs).map((change) => ({ router, ...change })),
        ];
      })
    );
  }

  /** What is not as it should be while nothing is going on; undefined: nothing. */
  async lacking(): Promise<string | undefined> {
    for (const host of this.hosts) if (!host.agentRunning) return `no agent runs on ${host.name}`;
    for (const { host, address, nextHops } of this.places) {
      for (const [router, nextHop] of Object.entries(nextHops)) {
        if (!this.nextHops(router, address).includes(nextHop)) {
          return `${router} has no route to ${address} via ${host}`;
        }
      }
    }
    for (const router of this.routers) {
      for (const { name } of this.hosts) {
        const up = await router.established(name).catch(() => undefined);
        if (up === undefined) return `${router.name} has no session with ${name}`;
        if (await router.keeps(name).catch(() => true)) {
          return `${router.name} waits for the routes of ${name}`;
        }
      }
    }
    for (const host of this.hosts) {
      const now = ourWords(await host.kernel());
      const before = this.#baseline.get(host.name) ?? now;
      if (now !== before) return `the kernel of ${host.name} has\n${now}\nand had\n${before}`;
    }
    return undefined;
  }

  /** Looks at a host's kernel, while nobody else's hands are in it. */
  async look(host: Host): Promise<KernelSeen> {
    return await this.alone(async () => {
      const view = await host.kernel();
      const expected = this.strangers.get(host.name) ?? new Set();
      const there = new Set(wordsOf(foreign(whole, view)));
      const own = this.places.filter((place) => place.host === host.name);
      const lacks = own.flatMap(({ service, address }) => {
        const what = lackOf(view, service, address);
        return what === undefined ? [] : [{ address, what }];
      });
      const missing = [...expected].filter((each) => !there.has(each));
      const strange = [...there].filter((each) => !expected.has(each));
      return { atMs: Date.now(), host: host.name, lacks, missing, strange };
    });
  }

  /** Does it while nothing else that changes or reads what is of others is done. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** What of ours is in a kernel, in words. */
  async oursIn(host: Host): Promise<string[]> {
    const { links, ipvs } = ours(whole, await host.kernel());
    return [...links.map(({ name }) => `link ${name}`), ...ipvs];
  }

  /** The last words of agents and routers. */
  evidence(): string[] {
    const last = (name: string, lines: readonly string[]) =>
      lines.slice(-12).map((line) => `${name}: ${line}`);
    return [
      ...this.hosts.flatMap(({ name, log }) => last(name, log.lines)),
      ...this.routers.flatMap(({ name, log }) => last(name, log)),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader[Symbol.asyncDispose]()));
    const parts = [...this.hosts, ...this.routers, ...this.servers, this.client, ...this.#routes.values()];
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
    for (const { name } of soakTopology.nodes) await run("ip", ["netns", "delete", name]);
  }
}

function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`there is no ${name}`);
  return value;
}

/** Links and virtual services, each in words. */
function wordsOf({ links, ipvs }: KernelView): string[] {
  return [
    ...links.map(({ name, kind = "", alias = "", up, addresses }) =>
      `link ${name} ${kind} ${alias} ${up ? "up" : "down"} ${addresses.toSorted().join(" ")}`
    ),
    ...ipvs,
  ];
}

/** Ours, whatever the order; a link that was made anew has another index. */
function ourWords(view: KernelView): string {
  return wordsOf(ours(whole, view)).toSorted().join("\n");
}

/** What an address of a service lacks to lead anybody anywhere. */
function lackOf({ links, ipvs }: KernelView, service: string, address: string): string | undefined {
  const link = links.find(({ name }) => name === service);
  if (link === undefined) return "its link";
  if (!link.up) return "its link is down";
  if (!link.addresses.some((each) => each.split("/")[0] === address)) return "its address";
  const port = SERVICES.find(({ name }) => name === service)?.port;
  const key = `-t ${bracketed(address)}:${port} `;
  if (!ipvs.some((line) => line.startsWith(`-A ${key}`))) return "its virtual service";
  const weighted = ipvs.some((line) => line.startsWith(`-a ${key}`) && !/ -w 0\b/.test(line));
  return weighted ? undefined : "a destination that has a weight";
}

async function batch(args: readonly string[], lines: readonly string[]): Promise<void> {
  await runOrThrow("ip", args, { input: lines.map((line) => `${line}\n`).join("") });
}
