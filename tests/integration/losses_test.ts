/** Ways out of this host that are lost, on this kernel: which changes trip the checks that leave it, and how soon. */
import assert from "node:assert/strict";
import { openLibnl } from "../../ffi/libnl.ts";
import { ServiceChecks } from "../../src/agent/checks.ts";
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import { LossWatch } from "../../src/kernel/loss_watch.ts";
import { systemClock } from "../../src/time/clock.ts";
import { LabRouter } from "../lab/lab_router.ts";
import { AgentProcess } from "../support/agent.ts";
import { serviceConfig, tcpCheckConfig } from "../support/config.ts";
import { noFault, RecordedEvents } from "../support/events.ts";
import { withFloor } from "../support/ffi.ts";
import {
  canMakeNamespaces,
  type NamespacePair,
  namespacePair,
  type NetworkNamespace,
} from "../support/namespace.ts";
import { PATIENCE_MS, until } from "../support/until.ts";
import { probePorts } from "./health_servers.ts";

const ignore = !(await canMakeNamespaces());
const PORT = 8080;
/** Nothing but a loss has a second probe begin. */
const SELDOM = { intervalMs: 3_600_000, fastIntervalMs: 3_600_000, timeoutMs: 60_000, rise: 1, fall: 1 };

/** Two joined hosts: checks of `checked` run on the one, and the other listens. */
interface Scene {
  readonly hosts: NamespacePair;
  /** Names of the checks that were probed. */
  readonly probed: string[];
  /** How many probes had begun when each loss was told, and in the turn in which it was. */
  readonly begunIn: number[];
  readonly events: RecordedEvents;
}

async function withScene(
  checked: readonly CheckConfig[],
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await using hosts = await namespacePair();
  const { a, b } = hosts;
  using _server = b.inside(() => Deno.listen({ hostname: "::", port: PORT }));
  await withFloor(async ({ libc, reactor, streams: outer }) => {
    using libnl = openLibnl(libc);
    // The socket is made in the turn of the call.
    const connect: typeof outer.connect = (...args) => a.inside(() => outer.connect(...args));
    const transport = inside(a, libnl);
    const events = new RecordedEvents(systemClock);
    const [probed, begunIn]: [string[], number[]] = [[], []];
    const checks = new ServiceChecks({
      services: [serviceConfig({ checks: checked, ports: [] })],
      clock: systemClock,
      events: events.stream,
      probe(config, target) {
        const { run } = createProbe(config, probePorts({ streams: { connect } }), target);
        return {
          run(signal, progress) {
            probed.push(config.name);
            return run(signal, progress);
          },
        };
      },
      watchLosses(onLoss) {
        return new LossWatch({
          transport,
          reactor,
          clock: systemClock,
          onFault: noFault,
          onLoss() {
            const before = probed.length;
            onLoss();
            begunIn.push(probed.length - before);
          },
        });
      },
      onVerdict: () => {},
      onSaid: () => {},
    });
    try {
      await checks.start();
      const passed = () => new Set(events.of("probe").map(({ check }) => check));
      await until(() => passed().size === checked.length);
      assert.ok(events.of("probe").every(({ result }) => result === "pass"));
      await body({ hosts, probed, begunIn, events });
    } finally {
      checks.stop();
    }
  });
}

function inside(namespace: NetworkNamespace, libnl: ReturnType<typeof openLibnl>) {
  return {
    open: (...args: Parameters<typeof libnl.open>) => namespace.inside(() => libnl.open(...args)),
    resolveFamily: () => undefined,
  };
}

const FOUR = tcpCheckConfig({ name: "four", address: "10.9.0.2", port: PORT, ...SELDOM });
const SIX = tcpCheckConfig({ name: "six", address: "fd09::2", port: PORT, ...SELDOM });

const LOSSES: readonly (readonly [name: string, command: string, isSeenAtOnce: boolean])[] = [
  ["an interface that is set down", "link set dev va down", true],
  ["an interface that is deleted", "link delete va", true],
  ["an IPv4 address that is deleted", "address delete 10.9.0.1/24 dev va", true],
  ["an IPv6 address that is deleted", "address delete fd09::1/64 dev va", false],
  ["an interface whose other end goes down", "", false],
];

for (const [name, command, isSeenAtOnce] of LOSSES) {
  Deno.test({
    name: `ServiceChecks probes what leaves this host in the turn in which it hears of ${name}`,
    ignore,
    fn: () =>
      withScene([FOUR, SIX], async ({ hosts: { a, b }, begunIn, events }) => {
        if (command === "") await b.ip("link", "set", "dev", "vb", "down");
        else await a.ip(...command.split(" "));
        await until(() => begunIn.length > 0);
        assert.equal(begunIn[0], 2);
        if (!isSeenAtOnce) return;
        const lost = () =>
          events.of("verdict").find(({ check, to }) => check === "four" && to === "unhealthy");
        await until(() => lost() !== undefined);
        assert.match(lost()?.cause ?? "", /network is unreachable/, JSON.stringify(events.of("verdict")));
      }),
  });
}

Deno.test({
  name:
    "ServiceChecks probes nothing for a hundred links of containers that come and go in a bridge, and is not deaf then",
  ignore,
  fn: () =>
    withScene([FOUR], async ({ hosts: { a }, probed, begunIn }) => {
      await a.ip("link", "add", "br0", "type", "bridge");
      await a.ip("link", "add", "keep", "up", "master", "br0", "type", "veth", "peer", "name", "kept");
      await a.ip("link", "set", "dev", "kept", "up");
      await a.ip("link", "set", "dev", "br0", "up");
      await a.ip("address", "add", "172.18.0.1/16", "dev", "br0");
      const before = probed.length;
      const lines = Array.from({ length: 100 }, (_, index) => [
        `link add g${index} up master br0 type veth peer name h${index}`,
        `link set dev h${index} up`,
        `link delete g${index}`,
      ]).flat();
      const file = await Deno.makeTempFile();
      await Deno.writeTextFile(file, lines.join("\n"));
      await a.ip("-batch", file);
      await Deno.remove(file);
      // What is told after all of it.
      await a.ip("link", "set", "dev", "kept", "down");
      await until(() => begunIn.length > 0);
      assert.deepEqual([begunIn, probed.length - before], [[1], 1]);
    }),
});

Deno.test({
  name:
    "the agent as it is shipped withdraws an hour before its beat when the way to a backend is lost, and not for one of its own",
  ignore,
  async fn() {
    await using hosts = await namespacePair();
    const { a, b } = hosts;
    using _server = b.inside(() => Deno.listen({ hostname: "10.9.0.2", port: PORT }));
    using router = a.inside(() =>
      new LabRouter({
        address: "127.0.0.2",
        as: 65512,
        routerID: "127.0.0.2",
        prefix: "10.99.0.1/32",
        nextHopPort: 1,
      })
    );
    using _near = a.inside(() => Deno.listen({ hostname: "127.0.0.1", port: PORT }));
    const check = { type: "tcp", port: PORT, interval: "1h", timeout: "10s", rise: 1, fall: 1 };
    const service = {
      addresses: ["10.99.0.1"],
      stop: { converge: 0 },
      checks: [{ ...check, address: "10.9.0.2" }],
    };
    const file = await Deno.makeTempFile({ suffix: ".json" });
    await Deno.writeTextFile(
      file,
      JSON.stringify({
        network: { setup: false },
        http: { listen: "" },
        control: { socket: "" },
        bgp: {
          local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
          peers: [{ address: "127.0.0.2", as: 65512, port: router.bgpPort }],
        },
        services: [
          { name: "far", ...service },
          { name: "near", ...service, addresses: ["10.99.0.2"], checks: [check] },
        ],
      }),
    );
    await using agent = new AgentProcess(["--config", file], { within: ["ip", "netns", "exec", a.name] });
    await router.until("10.99.0.1/32", ["127.0.0.1"], PATIENCE_MS);
    await router.until("10.99.0.2/32", ["127.0.0.1"], PATIENCE_MS);
    await a.ip("link", "set", "dev", "va", "down");
    await router.until("10.99.0.1/32", [], PATIENCE_MS);
    await agent.said("network is unreachable");
    await router.until("10.99.0.2/32", ["127.0.0.1"], PATIENCE_MS);
    agent.signal("SIGTERM");
    assert.equal((await agent.exited).code, 0);
    await Deno.remove(file);
  },
});
