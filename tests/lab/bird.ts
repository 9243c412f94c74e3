/**
 * BIRD 2 as the lab's router: its configuration from the topology, and its control socket spoken directly (four
 * digits, then ` ` for the last line of an answer or `-` for one that goes on), since starting birdc costs more.
 */
import { addressAt, neighboursOf, nodesOf, type RouterNode, type Topology } from "./topology.ts";

/**
 * The router's configuration: one session per host, over the family that the host speaks over and for every family that
 * it has, ECMP over all of their routes. Where a host asks for it, BIRD keeps its routes over a restart.
 */
export function birdConfig(topology: Topology, router: RouterNode): string {
  const hosts = nodesOf(topology, "host");
  const families = hosts.some(({ address6 }) => address6 !== undefined) ? ["ipv4", "ipv6"] : ["ipv4"];
  const sessions = neighboursOf(topology, router.name).flatMap(({ own, other }) => {
    const host = hosts.find((node) => node.name === other.node);
    if (host === undefined) return [];
    return [
      `protocol bgp ${host.name} {`,
      `  local ${addressAt(own, host.transport)} as ${router.as};`,
      `  neighbor ${addressAt(other, host.transport)} as ${host.as};`,
      "  direct; connect delay time 1; connect retry time 5; error wait time 1, 3;",
      `  graceful restart ${router.forgets === true ? "off" : "on"};`,
      ...families.map((family) => `  ${family} { gateway direct; import all; export none; };`),
      "}",
    ];
  });
  return [
    "log stderr all;",
    `router id ${router.routerID};`,
    "protocol device { scan time 10; }",
    ...families.map((family) =>
      `protocol kernel { ${family} { import none; export where source = RTS_BGP; }; merge paths on; }`
    ),
    ...sessions,
    "",
  ].join("\n");
}

/** A route in BIRD's table. Several with one prefix are alternatives; `best` marks the chosen one. */
export interface BirdRoute {
  readonly prefix: string;
  readonly protocol: string;
  readonly best: boolean;
  readonly nextHop: string | undefined;
  /** As `show route all` names them, such as `BGP.community`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A BGP protocol's state, as `show protocols` says it: `Established`, `Active`, … */
export interface BirdProtocol {
  readonly name: string;
  readonly state: string;
  /** The time at which it came to that state, as BIRD writes it. */
  readonly since: string;
  readonly words: string;
}

/** The routes in an answer to `show route … all`. */
export function parseRoutes(lines: readonly string[]): BirdRoute[] {
  const routes: { prefix: string; protocol: string; best: boolean; lines: string[] }[] = [];
  for (const line of lines) {
    const head = /^(\S+)?\s+\w+ \[(\S+) [^\]]*\](.*)$/.exec(line);
    if (head === null) {
      routes.at(-1)?.lines.push(line);
    } else {
      const [, prefix = routes.at(-1)?.prefix ?? "", protocol = "", rest = ""] = head;
      routes.push({ prefix, protocol, best: rest.trimStart().startsWith("*"), lines: [] });
    }
  }
  return routes.map(({ prefix, protocol, best, lines }) => ({
    prefix,
    protocol,
    best,
    nextHop: lines.map((line) => /^\s+via (\S+) on/.exec(line)?.[1]).find((hop) => hop !== undefined),
    attributes: Object.fromEntries(lines.flatMap((line) => {
      const [, name, value] = /^\s+([A-Za-z_.]+): (.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    })),
  }));
}

/** The BGP protocols in an answer to `show protocols`. */
export function parseProtocols(lines: readonly string[]): BirdProtocol[] {
  return lines.flatMap((line) => {
    const [name = "", kind, , , ...rest] = line.trim().split(/\s+/);
    if (kind !== "BGP") return [];
    const words = rest.slice(1).join(" ");
    return [{ name, state: rest[1] ?? "", since: rest[0] ?? "", words }];
  });
}

/** A connection to BIRD's control socket. Commands are answered one after the other. */
export class BirdSocket implements Disposable {
  readonly #connection: Deno.UnixConn;
  #rest = "";
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /** @throws where BIRD does not listen there */
  static async connect(path: string): Promise<BirdSocket> {
    const socket = new BirdSocket(await Deno.connect({ transport: "unix", path }));
    await socket.#answer();
    return socket;
  }

  /** The lines of the answer, without codes. @throws where BIRD refuses the command (codes 8000 and 9000) */
  ask(command: string): Promise<string[]> {
    const answer = this.#queue.then(async () => {
      await this.#connection.write(new TextEncoder().encode(`${command}\n`));
      return await this.#answer();
    });
    this.#queue = answer.catch(() => {});
    return answer;
  }

  /** Every route to `prefix` that BIRD has. */
  async routes(prefix: string): Promise<BirdRoute[]> {
    try {
      return parseRoutes(await this.ask(`show route ${prefix} all`));
    } catch (error) {
      if (error instanceof BirdError && error.code === 8001) return [];
      throw error;
    }
  }

  /** The BGP sessions. */
  async protocols(): Promise<BirdProtocol[]> {
    return parseProtocols(await this.ask("show protocols"));
  }

  /** Does graceful restart keep the routes of that session's neighbour now? */
  async keeps(session: string): Promise<boolean> {
    const lines = await this.ask(`show protocols all ${session}`);
    return lines.some((line) => line.trim() === "Neighbor graceful restart active");
  }

  async #answer(): Promise<string[]> {
    const lines: string[] = [];
    const buffer = new Uint8Array(16_384);
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end < 0) {
        const count = await this.#connection.read(buffer);
        if (count === null) throw new BirdError(0, "BIRD closed its control socket");
        this.#rest += new TextDecoder().decode(buffer.subarray(0, count));
        continue;
      }
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      const coded = /^(\d{4})([ -])(.*)$/.exec(line);
      lines.push(coded === null ? line.replace(/^ /, "") : coded[3] ?? "");
      if (coded === null || coded[2] === "-") continue;
      const code = Number(coded[1]);
      if (code >= 8000) throw new BirdError(code, lines.join("\n"));
      return lines;
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // BIRD has closed it already.
    }
  }
}

/** BIRD's refusal of a command. Code 8001 is "Network not found". */
export class BirdError extends Error {
  constructor(readonly code: number, message: string) {
    super(`BIRD ${code}: ${message}`);
  }
}
