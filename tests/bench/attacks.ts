/** The attacks of attack_bench.ts: what the agent is told to check, and who attacks from outside. */

/** Addresses of the scene, all of the loopback interface. */
export const OURS = "127.0.0.1";
export const PEER = "127.0.0.2";
/** It connects itself, in the middle of the attack. */
export const NEWCOMER = "127.0.0.3";
const STRANGER = "127.0.0.9";
export const CHECK_MS = 200;

/** Checks of the attacked service, beside `port` of a server that attacks. */
export type Checks = readonly Readonly<Record<string, unknown>>[];

/** Where the agent listens. */
export interface Ports {
  readonly bgp: number;
  readonly http: number;
}

/** One attack. */
export interface Attack {
  readonly name: string;
  /** A server that attacks whoever asks it. */
  readonly server?: string;
  readonly checks?: (port: number, folder: string) => Checks;
  /** Arguments of the attacker that is started once all is at peace. */
  readonly attacker?: (ports: Ports) => readonly string[];
  /** Descriptors that the agent may have. */
  readonly descriptors?: number;
  /** The agent's log: nobody reads it, and it says everything. */
  readonly stuckLog?: boolean;
}

/** An http check as every service of the bench has it. */
export const web = { type: "http", interval: `${CHECK_MS}ms`, timeout: "1s" } as const;

const several = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));

/** Every attack, and peace to compare them with. */
export const ATTACKS: readonly Attack[] = [
  { name: "peace" },
  {
    name: "silent resolver, 60 names",
    checks: () => several(60, (index) => ({ ...web, port: 80, address: `name-${index}.example.org` })),
  },
  {
    name: "60 files that hang (FIFO as caFile)",
    checks: (_port, folder) =>
      several(
        60,
        (index) => ({ ...web, scheme: "https", port: 443, path: `/${index}`, caFile: `${folder}/fifo` }),
      ),
  },
  {
    name: "103 without end, 10 checks",
    server: "interim",
    checks: (port) => several(10, (index) => ({ ...web, port, path: `/${index}` })),
  },
  {
    name: "header without end, 10 checks",
    server: "headers",
    checks: (port) => several(10, (index) => ({ ...web, port, path: `/${index}` })),
  },
  {
    name: "body without end, 10 checks",
    server: "body",
    checks: (port) => several(10, (index) => ({ ...web, port, path: `/${index}` })),
  },
  {
    name: "20,000 BGP connections of the peer's",
    attacker: ({ bgp }) => ["occupy", PEER, OURS, `${bgp}`, "20000"],
  },
  { name: "BGP connections of a stranger's", attacker: ({ bgp }) => ["knock", STRANGER, OURS, `${bgp}`] },
  {
    name: "500 idle HTTP clients, 256 descriptors",
    descriptors: 256,
    attacker: ({ http }) => ["occupy", STRANGER, OURS, `${http}`, "500"],
  },
  {
    name: "log nobody reads, strangers knock",
    stuckLog: true,
    attacker: ({ bgp }) => ["knock", STRANGER, OURS, `${bgp}`],
  },
  { name: "addresses come and go (netlink)", attacker: () => ["churn"] },
];
