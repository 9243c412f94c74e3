/** Real BGP daemons as peers, alike to a test: BIRD, FRR and GoBGP in a network namespace of their own. */
import { Bird } from "./bird.ts";
import type { NetworkNamespace } from "./namespace.ts";
import { Process, run } from "./process.ts";

/** A route as a router has it. */
export interface SeenRoute {
  readonly asPath: readonly number[];
  readonly nextHop: string;
  readonly med: number | undefined;
  readonly localPreference: number | undefined;
  /** `65001:100`, well-known ones as numbers, too. */
  readonly communities: readonly string[];
  /** `65001:1:2` */
  readonly largeCommunities: readonly string[];
}

/** A router that has one neighbour: us. */
export interface Router extends AsyncDisposable {
  /** The route to `prefix`, or undefined. */
  route(prefix: string): Promise<SeenRoute | undefined>;
  /** Asks the neighbour to send its routes again. */
  refresh(): Promise<void>;
  /** Ends the session administratively, with a message. */
  shutdown(message: string): Promise<void>;
}

/** How the router is set up. */
export interface RouterOptions {
  readonly namespace: NetworkNamespace;
  readonly as: number;
  readonly ourAs: number;
  /** The router's own address; with `%device` where it is link-local. */
  readonly own: string;
  /** Our address, as the router writes it. */
  readonly neighbour: string;
  readonly gracefulRestart: boolean;
}

/** One of the daemons. */
export interface RouterKind {
  readonly name: string;
  /** Is the program here? */
  installed(): Promise<boolean>;
  /** Can it ask for routes again (RFC 2918)? */
  readonly refreshes: boolean;
  /** Does it take an IPv6 next hop for IPv4 (RFC 8950) as it is set up here? */
  readonly extendedNextHop: boolean;
  start(options: RouterOptions): Promise<Router>;
}

const ROUTER_ID = "10.9.0.2";

/** The router's answer once `ask` gives one that `good` accepts. */
async function once<T>(ask: () => Promise<T>, good: (answer: T) => boolean, what: string): Promise<T> {
  const limit = performance.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (performance.now() > limit) throw new Error(`${what}: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits for the route to `prefix` to be there. */
export async function appears(router: Router, prefix: string): Promise<SeenRoute> {
  const route = await once(() => router.route(prefix), (seen) => seen !== undefined, `no route to ${prefix}`);
  if (route === undefined) throw new Error("unreachable");
  return route;
}

/** Waits for the route to `prefix` to be gone. */
export async function disappears(router: Router, prefix: string): Promise<void> {
  await once(() => router.route(prefix), (seen) => seen === undefined, `there is a route to ${prefix}`);
}

/** BIRD 2. */
export const BIRD: RouterKind = {
  name: "BIRD",
  refreshes: true,
  extendedNextHop: true,
  installed: async () => (await run("bird", ["--version"]).catch(() => ({ code: 1 }))).code === 0,
  async start({ namespace, as, ourAs, own, neighbour, gracefulRestart }) {
    const bird = await Bird.start(
      `
      router id ${ROUTER_ID};
      protocol device {}
      protocol direct { ipv4; ipv6; }
      protocol bgp lb {
        local ${own.split("%")[0]} as ${as};
        neighbor ${neighbour} as ${ourAs};
        connect delay time 1; connect retry time 1; error wait time 1, 1;
        graceful restart ${gracefulRestart ? "on" : "off"};
        ipv4 { import all; export none; extended next hop on; };
        ipv6 { import all; export none; };
      }`,
      ["ip", "netns", "exec", namespace.name],
    );
    return {
      async route(prefix) {
        const answer = await bird.ask(`show route all protocol lb for ${prefix}`);
        if (!answer.includes(`${prefix} `)) return undefined;
        const value = (name: string) => new RegExp(`BGP\\.${name}: (.*)`).exec(answer)?.[1]?.trim();
        const pairs = (text = "") =>
          text.split(/(?<=\)) /).filter(Boolean).map((pair) => pair.replaceAll(/[() ]/g, ""));
        return {
          asPath: (value("as_path") ?? "").split(" ").filter(Boolean).map(Number),
          nextHop: value("next_hop")?.split(" ")[0] ?? "",
          med: numberOf(value("med")),
          localPreference: numberOf(value("local_pref")),
          communities: pairs(value("community")).map((pair) => pair.replace(",", ":")),
          largeCommunities: pairs(value("large_community")).map((triple) => triple.replaceAll(",", ":")),
        };
      },
      refresh: async () => void await bird.ask("reload in lb"),
      shutdown: async (message) => void await bird.ask(`disable lb "${message}"`),
      [Symbol.asyncDispose]: () => bird[Symbol.asyncDispose](),
    };
  },
};

/** A JSON value that is looked into without knowing it. */
class Json {
  constructor(readonly value: unknown) {}

  static parse(text: string): Json {
    try {
      return new Json(JSON.parse(text));
    } catch {
      return new Json(undefined);
    }
  }

  at(...path: readonly (string | number)[]): Json {
    return path.reduce<Json>(
      ({ value }, key) =>
        new Json(typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
      this,
    );
  }

  get list(): readonly Json[] {
    return Array.isArray(this.value) ? this.value.map((item) => new Json(item)) : [];
  }

  get number(): number | undefined {
    return typeof this.value === "number" ? this.value : undefined;
  }

  get text(): string {
    return typeof this.value === "string" ? this.value : "";
  }
}

/** FRR's bgpd, without zebra. */
export const FRR: RouterKind = {
  name: "FRR",
  refreshes: true,
  extendedNextHop: true,
  installed: async () =>
    (await run("/usr/lib/frr/bgpd", ["--version"]).catch(() => ({ code: 1 }))).code === 0,
  async start({ namespace, as, ourAs, own, neighbour, gracefulRestart }) {
    const folder = await Deno.makeTempDir();
    await Deno.chmod(folder, 0o777);
    const [address = "", device = own.split("%")[1]] = neighbour.split("%");
    await Deno.writeTextFile(
      `${folder}/bgpd.conf`,
      `router bgp ${as}
 bgp router-id ${ROUTER_ID}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 ${gracefulRestart ? "bgp graceful-restart" : "bgp graceful-restart-disable"}
 neighbor ${address} remote-as ${ourAs}
 ${device === undefined ? "" : `neighbor ${address} interface ${device}`}
 neighbor ${address} timers connect 1
 neighbor ${address} capability extended-nexthop
 address-family ipv4 unicast
  neighbor ${address} activate
 address-family ipv6 unicast
  neighbor ${address} activate
`,
    );
    await Deno.chmod(`${folder}/bgpd.conf`, 0o644);
    const places = (name: string) => ["-i", `${folder}/${name}.pid`, "--vty_socket", folder];
    const daemon = (name: string, args: readonly string[]) =>
      new Process({
        command: "ip",
        args: ["netns", "exec", namespace.name, `/usr/lib/frr/${name}`, ...args, ...places(name)],
      });
    const user = ["-u", "frr", "-g", "frr", "-P", "0", "--log", "stdout"];
    // Only zebra knows interfaces, and only link-local neighbours need them.
    const socket = ["-z", `${folder}/zserv.api`];
    const zebra = device === undefined ? undefined : daemon("zebra", [...user, ...socket]);
    if (zebra !== undefined) {
      await once(() => run("ls", [`${folder}/zserv.api`]), ({ code }) => code === 0, "zebra does not start");
    }
    const bgpd = daemon("bgpd", [
      ...user,
      ...(zebra === undefined ? ["-Z", "-n"] : socket),
      "-f",
      `${folder}/bgpd.conf`,
    ]);
    const ask = async (...commands: readonly string[]) =>
      (await run("vtysh", ["--vty_socket", folder, "-d", "bgpd", ...commands.flatMap((one) => ["-c", one])]))
        .stdout;
    await once(() => ask("show version"), (answer) => answer.includes("FRRouting"), "FRR does not start");
    return {
      async route(prefix) {
        const family = prefix.includes(":") ? "ipv6" : "ipv4";
        const path = Json.parse(await ask(`show bgp ${family} unicast ${prefix} json`)).at("paths", 0);
        if (path.value === undefined) return undefined;
        return {
          asPath: path.at("aspath", "segments", 0, "list").list.map(({ value }) => Number(value)),
          nextHop: path.at("nexthops", 0, "ip").text,
          med: path.at("metric").number,
          localPreference: path.at("locPrf").number,
          communities: path.at("community", "string").text.split(" ").filter(Boolean).map((community) =>
            community === "no-export" ? "65535:65281" : community
          ),
          largeCommunities: path.at("largeCommunity", "string").text.split(" ").filter(Boolean),
        };
      },
      async refresh() {
        await ask(`clear bgp ipv4 unicast ${address} soft in`);
        await ask(`clear bgp ipv6 unicast ${address} soft in`);
      },
      async shutdown(message) {
        await ask(
          "configure terminal",
          `router bgp ${as}`,
          `neighbor ${address} shutdown message ${message}`,
        );
      },
      async [Symbol.asyncDispose]() {
        await bgpd.stop();
        await zebra?.stop();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};

/** GoBGP. */
export const GOBGP: RouterKind = {
  name: "GoBGP",
  refreshes: false,
  extendedNextHop: false,
  installed: async () => (await run("gobgpd", ["--version"]).catch(() => ({ code: 1 }))).code === 0,
  async start({ namespace, as, ourAs, own, neighbour, gracefulRestart }) {
    const folder = await Deno.makeTempDir();
    const family = (name: string) => `
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${name}-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = ${gracefulRestart}`;
    await Deno.writeTextFile(
      `${folder}/gobgpd.toml`,
      `
[global.config]
  as = ${as}
  router-id = "${ROUTER_ID}"
  local-address-list = ["${own.includes("%") ? "::" : own}"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${neighbour}"
    peer-as = ${ourAs}
  [neighbors.transport.config]
    passive-mode = true
  [neighbors.graceful-restart.config]
    enabled = ${gracefulRestart}
    notification-enabled = ${gracefulRestart}
    restart-time = 60
${family("ipv4")}
${family("ipv6")}
`,
    );
    const gobgpd = new Process({
      command: "ip",
      args: [
        "netns",
        "exec",
        namespace.name,
        "gobgpd",
        "-f",
        `${folder}/gobgpd.toml`,
        "--api-hosts",
        "127.0.0.1:50051",
      ],
    });
    const ask = async (...args: readonly string[]) => (await namespace.run("gobgp", ...args)).stdout;
    await once(() => ask("neighbor"), (answer) => answer.includes("Peer"), "GoBGP does not start");
    return {
      async route(prefix) {
        const args = prefix.includes(":") ? ["-a", "ipv6"] : [];
        const path = Json.parse(await ask("global", "rib", ...args, "-j")).at(prefix, 0);
        if (path.value === undefined) return undefined;
        const attribute = (type: number) =>
          path.at("attrs").list.find((candidate) => candidate.at("type").number === type) ??
            new Json(undefined);
        return {
          asPath: attribute(2).at("as_paths", 0, "asns").list.map(({ value }) => Number(value)),
          nextHop: attribute(3).at("nexthop").text || attribute(14).at("nexthop").text,
          med: attribute(4).at("metric").number,
          localPreference: attribute(5).at("value").number,
          communities: attribute(8).at("communities").list.map(({ value }) =>
            `${Math.floor(Number(value) / 65_536)}:${Number(value) % 65_536}`
          ),
          largeCommunities: attribute(32).at("value").list.map((one) =>
            ["ASN", "LocalData1", "LocalData2"].map((key) => one.at(key).number).join(":")
          ),
        };
      },
      refresh: async () => void await ask("neighbor", neighbour, "softresetin"),
      shutdown: async (message) => void await ask("neighbor", neighbour, "shutdown", "--reason", message),
      async [Symbol.asyncDispose]() {
        await gobgpd.stop();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};

/** All of them. */
export const ROUTERS: readonly RouterKind[] = [BIRD, FRR, GOBGP];

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
