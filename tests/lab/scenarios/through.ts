/**
 * Checks that go through the service: what the kernel does with a connection from a host itself to an address of its own
 * that IPVS leads on, by every way that there is, IPv4 and IPv6; that a broken path is told from a dead backend; and that
 * such a check keeps no service out for good, whatever it was out for.
 */
import { match, ok } from "node:assert/strict";
import type { Host } from "../host.ts";
import { PATIENCE_MS } from "../lab_world.ts";
import type { Scenario } from "../scenario.ts";
import { addressesOf, familyOf, hostRoute, type LabService } from "../topology.ts";
import type { World } from "../world.ts";
import { run, runOrThrow } from "../../support/process.ts";
import { waitFor } from "../../support/until.ts";
import { planeServes } from "./data_plane.ts";
import { planeLaunch } from "./kept.ts";

/** Where every application listens. */
const APPLICATION_PORT = 8080;
const TIMES = { interval: "500ms", fastInterval: "200ms", timeout: "2s", rise: 2, fall: 2 };
const STRAIGHT = { type: "http", name: "straight", port: APPLICATION_PORT, path: "/healthz", ...TIMES };

type Service = Pick<LabService, "name" | "address" | "address6" | "port">;

const service = (name: string, number: number, port: number): Service => {
  return { name, address: `10.99.2.${number}`, address6: `2001:db8:99:2::${number}`, port };
};

/** To the host's own application, by masq, to servers by droute, and the same by a mark. */
const [OWN, MASQ, DIRECT, MARKED] = [
  service("thru-own", 1, 80),
  service("thru-masq", 2, 80),
  service("thru-direct", 3, APPLICATION_PORT),
  service("thru-marked", 4, APPLICATION_PORT),
] as const;
const FWMARK = 8;

export const throughTheService: Scenario<World> = {
  name:
    "checks via: service pass by own, masq, droute and fwmark; a broken path is told; drain, quorum, restart",
  async run(world, { say }) {
    await planeServes(world);
    const [host] = world.hosts;
    if (host === undefined) throw new Error("no host");
    const launch = planeLaunch(host, { more: services(world, host) });
    try {
      host.rewrite(launch);
      host.signalAgent("SIGHUP");
      await announced(world, host, OWN, MASQ);
      // IPv6 takes an answer that comes from an address of one's own, IPv4 only where it is told to.
      await serverAddresses(world, "add", DIRECT, MARKED);
      await says(host, DIRECT, /healthy: backend well, path broken: through: .*through 10\.99\.2\.3\b/);
      const before = await host.ask("services", MARKED.name);
      match(before, /NO {2}healthy: through: .*through 10\.99\.2\.4\b/);
      const cures = await doctorCures(host);
      say(`doctor: ${cures.join("; ")}`);
      for (const cure of cures) await shell(host, cure);
      await announced(world, host, DIRECT, MARKED);

      say("the real servers lose the address: they still answer at their own");
      await serverAddresses(world, "del", DIRECT);
      await withdrawn(world, host, DIRECT);
      await says(host, DIRECT, /healthy: backend well, path broken: through: /);
      await serverAddresses(world, "add", DIRECT);
      await announced(world, host, DIRECT);

      say("drained and back");
      await host.ask("drain", OWN.name, "--wait");
      await says(host, OWN, /through: unhealthy .*connection refused/);
      await withdrawn(world, host, OWN);
      await host.ask("undrain", OWN.name);
      await announced(world, host, OWN);

      say("no destination is left, and all are back");
      for (const { application } of world.servers) await application.kill();
      await withdrawn(world, host, MASQ, DIRECT);
      const dead = await host.ask("services", MASQ.name);
      ok(!dead.includes("path broken"), dead);
      for (const { application } of world.servers) await application.start();
      await announced(world, host, MASQ, DIRECT);

      say("the agent is killed, and starts");
      await host.killAgent();
      host.startAgent(launch);
      await announced(world, host, OWN, MASQ, DIRECT, MARKED);
      // The router has kept its routes meanwhile.
      for (const each of [OWN, MASQ, DIRECT, MARKED]) await says(host, each, /through: healthy/);
      const words = await host.ask("services", MASQ.name);
      match(words, /datagram: healthy/);
      return words.split("\n").filter((line) => /newest|udp|masq/.test(line)).map((line) => line.trim()).join(
        "; ",
      );
    } finally {
      await shell(host, "sysctl -w net.ipv4.conf.all.accept_local=0 net.ipv4.conf.eth0.accept_local=0");
      await serverAddresses(world, "del", DIRECT, MARKED).catch(() => {});
      host.rewrite(host.launch);
      host.signalAgent("SIGHUP");
      await waitFor("its services are gone", PATIENCE_MS, () => isGone(host), 100);
    }
  },
};

async function isGone(host: Host): Promise<boolean> {
  const { links, ipvs } = await host.kernel();
  const names = [OWN, MASQ, DIRECT, MARKED].map(({ name }) => name);
  return !links.some(({ name }) => names.includes(name)) &&
    !ipvs.some((line) => line.includes(` -f ${FWMARK} `));
}

function services(world: World, host: Host): readonly Record<string, unknown>[] {
  const to = (forwarding: string, withPort: boolean) =>
    world.servers.flatMap(({ node }) => addressesOf(node)).map((address) => ({
      address,
      forwarding,
      ...withPort ? { port: APPLICATION_PORT } : {},
    }));
  const through = ({ port }: Service) => ({
    type: "http",
    name: "through",
    port,
    path: "/healthz",
    via: "service",
    ...TIMES,
  });
  const of = (each: Service, ports: readonly unknown[], checks: readonly unknown[] = []) => ({
    name: each.name,
    addresses: addressesOf(each),
    ports,
    checks: [...checks, through(each)],
    stop: { converge: "200ms", quiesce: "1s" },
  });
  const { name: _, ...straight } = STRAIGHT;
  return [
    of(OWN, [{ port: OWN.port, targetPort: host.node.applicationPort }], [STRAIGHT]),
    of(
      MASQ,
      [
        { port: MASQ.port, destinations: to("masq", true), checks: [straight] },
        { port: MASQ.port, protocol: "udp", destinations: to("masq", true) },
      ],
      [{
        type: "udp",
        name: "datagram",
        port: MASQ.port,
        send: "hello",
        expect: "hello",
        via: "service",
        ...TIMES,
      }],
    ),
    of(DIRECT, [{ port: DIRECT.port, destinations: to("droute", true), checks: [straight] }]),
    of(MARKED, [{ fwmark: FWMARK, destinations: to("droute", false) }]),
  ];
}

/** The router sends every family of these to the host. */
async function announced(world: World, host: Host, ...wanted: readonly Service[]): Promise<void> {
  await routed(
    world,
    host,
    wanted,
    (address) => addressesOf(host.node).filter((each) => familyOf(each) === familyOf(address)),
  );
}

async function withdrawn(world: World, host: Host, ...wanted: readonly Service[]): Promise<void> {
  await routed(world, host, wanted, () => []);
}

async function routed(
  world: World,
  host: Host,
  wanted: readonly Service[],
  nextHops: (address: string) => readonly string[],
): Promise<void> {
  await host.whileAgentRuns(Promise.all(
    wanted.flatMap(addressesOf).map((address) =>
      world.routes.until(hostRoute(address), nextHops(address), PATIENCE_MS)
    ),
  ));
}

/** Waits until `bgp-lb services NAME` has that. */
async function says(host: Host, { name }: Service, pattern: RegExp): Promise<void> {
  let last = "";
  await host.whileAgentRuns(waitFor(`${name} says ${pattern.source}`, PATIENCE_MS, async () => {
    // The agent may be starting.
    last = await host.ask("services", name).catch((error) => `${error}`);
    return pattern.test(last);
  }, 200)).catch((error) => {
    throw new Error(`${error instanceof Error ? error.message : error}: ${last}`);
  });
}

/** The real servers have, or have no more, the addresses of these. */
async function serverAddresses(
  world: World,
  verb: "add" | "del",
  ...each: readonly Service[]
): Promise<void> {
  const lines = each.flatMap(addressesOf).map((address) =>
    familyOf(address) === 4
      ? `addr ${verb} ${address}/32 dev lo`
      : `addr ${verb} ${address}/128 dev lo${verb === "add" ? " nodad" : ""}`
  );
  for (const { name } of world.servers) {
    await runOrThrow("ip", ["-n", name, "-batch", "-"], { input: lines.map((line) => `${line}\n`).join("") });
  }
}

/** The commands that doctor names for checks through the service. */
async function doctorCures(host: Host): Promise<readonly string[]> {
  const [command = "", ...args] = host.placement.agent;
  const file = `${host.placement.folder}/${host.name}.json`;
  const all = ["netns", "exec", host.name, command, ...args, "doctor", "--json", file];
  const { stdout } = await run("ip", all);
  const findings: readonly { readonly name: string; readonly status: string; readonly command?: string }[] =
    JSON.parse(stdout)
      .findings;
  const cures = findings.filter(({ name, status }) => name === "accept_local" && status === "problem")
    .map(({ command = "" }) => command);
  ok(cures.length > 0, stdout);
  return cures;
}

async function shell(host: Host, text: string): Promise<void> {
  await runOrThrow("ip", ["netns", "exec", host.name, "sh", "-ec", text]);
}
