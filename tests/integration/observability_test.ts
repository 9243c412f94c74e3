/**
 * The rules and the dashboard before the programs that they are for: promtool, and Prometheus itself, which scrapes two real
 * agents, sees their faults as alerts, and answers every query of the dashboard.
 */
import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import { AgentProcess } from "../support/agent.ts";
import { fullMetrics, fullStatus, fullTraffic } from "../support/full_status.ts";
import { dashboardQueries, RULES } from "../support/monitoring.ts";
import { runOrThrow } from "../support/process.ts";
import { type ActiveAlert, Prometheus } from "../support/prometheus.ts";
import { freePort, open, RawListener } from "../support/raw_peer.ts";
import { ensurePackages } from "../support/setup.ts";
import { scraped } from "../support/status.ts";
import { eventually } from "../support/until.ts";

/** Queries that are rightly empty while all is well, and why; once something is wrong they are not. */
const EMPTY_WHEN_WELL: Readonly<Record<string, string>> = {
  "Shut gates": "all are open",
  "Destinations that get no connections": "all get some",
  "Events": "nothing happens",
  "annotation Configurations": "there was no other one",
};

async function needPrometheus(): Promise<void> {
  const { advice } = await ensurePackages(["prometheus"], console.log);
  assert.equal(advice, undefined);
}

Deno.test("promtool: the sample configuration and the rules are valid, and each alert fires where it should and nowhere else", async () => {
  await needPrometheus();
  await runOrThrow("promtool", ["check", "config", `${RULES}/prometheus.yml`]);
  const stdout = await runOrThrow("promtool", ["check", "rules", "--lint=all", `${RULES}/rules.yml`]);
  assert.match(stdout, /SUCCESS: \d\d rules found/);
  const tests = ["rules_test.yml", "rules_days_test.yml"].map((name) => `${RULES}/${name}`);
  await runOrThrow("promtool", ["test", "rules", ...tests]);
});

Deno.test("Prometheus scrapes agents, answers every query of the dashboard, and alerts of faults in words with commands", async () => {
  await needPrometheus();
  await using stack = new AsyncDisposableStack();
  const folder = Deno.makeTempDirSync();
  stack.defer(() => Deno.removeSync(folder, { recursive: true }));
  const backend = stack.use(serve(() => new Response("ok")));
  const [one, two] = await Promise.all(
    ["one", "two"].map((name) => startAgent(name, folder, backend.port, stack)),
  );
  assert.ok(one !== undefined && two !== undefined);
  const made = new MadeAgent();
  const madeServer = stack.use(serve(() => made.answer()));
  const rules = Deno.readTextFileSync(`${RULES}/rules.yml`).replace(/\bfor: \d+[mhd]\b/g, "for: 1s");
  assert.match(rules, /for: 1s/);
  const prometheus = stack.use(
    await Prometheus.start([
      { job: "bgp-lb", instance: "one", port: one.port },
      { job: "bgp-lb", instance: "two", port: two.port },
      { job: "bgp-lb", instance: "made", port: madeServer.port },
    ], rules),
  );

  // All is well: there are no alerts but the one that always fires, and no query is empty but those that should be.
  const established = 'sum(bgp_lb_peer_state{state="Established"}) == 3';
  await eventually(() => prometheus.query(established), ({ length }) => length > 0, "three sessions");
  const queries = dashboardQueries().map(({ panel, expr }) => ({ panel, expr: asGrafana(expr) }));
  for (const { panel, expr } of queries) {
    if (Object.hasOwn(EMPTY_WHEN_WELL, panel)) continue;
    await eventually(() => prometheus.query(expr), ({ length }) => length > 0, `${panel}: ${expr}`);
  }
  await eventually(
    async () => (await prometheus.alerts()).map(({ name }) => name),
    (names) => names.join() === "BgpLbWatchdog",
    "nothing is wrong",
  );

  // Faults: a backend ends, another configuration is none, a router goes away, a destination fails.
  await backend[Symbol.asyncDispose]();
  Deno.writeTextFileSync(one.file, one.text.replace('"services"', '"servicez"'));
  one.agent.signal("SIGHUP");
  await two.router[Symbol.asyncDispose]();
  made.isLive = false;
  const wanted = [
    "BgpLbServiceUnhealthy one",
    "BgpLbConfigRejected one",
    "BgpLbPeerDown two",
    "BgpLbAllPeersDown two",
    "BgpLbNothingAnnounced two",
    "BgpLbServiceNotAnnounced two",
    "BgpLbServiceNotAnnounced made",
    "BgpLbPrefixNowhere ",
    "BgpLbDestinationsLost made",
    "BgpLbCapacityLost ",
  ];
  const found = await firing(prometheus, wanted);
  assertAnnotations(found);
  const descriptions = (alert: string, instance: string) =>
    found.filter(({ name, labels }) => name === alert && labels.instance === instance)
      .map(({ annotations }) => annotations.description).toSorted();
  assert.deepEqual(descriptions("BgpLbServiceUnhealthy", "one"), [
    "On the host: bgp-lb explain web names the check, what it saw, and what it waits for.",
  ]);
  assert.deepEqual(
    descriptions("BgpLbServiceNotAnnounced", "two"),
    ["dns", "web"].map((service) =>
      `All gates are open, so look at the peers; on the host: bgp-lb explain ${service}`
    ),
  );
  assert.deepEqual(descriptions("BgpLbServiceNotAnnounced", "made"), [
    "Shut gates: virtual services present; on the host: bgp-lb explain lb",
  ]);
  const [reloaded, ...filled] = queries.filter(({ panel }) => Object.hasOwn(EMPTY_WHEN_WELL, panel))
    .reverse();
  assert.equal(filled.length + 1, Object.keys(EMPTY_WHEN_WELL).length);
  for (const { panel, expr } of filled) {
    await eventually(() => prometheus.query(expr), ({ length }) => length > 0, panel);
  }

  // A configuration that is one ends that alert; an agent that is killed begins another.
  Deno.writeTextFileSync(one.file, one.text.replace('"warning"', '"error"'));
  one.agent.signal("SIGHUP");
  two.agent.signal("SIGKILL");
  assertAnnotations(await firing(prometheus, ["BgpLbDown two"]));
  await eventually(
    async () => (await prometheus.alerts()).map(({ name }) => name),
    (names) => !names.includes("BgpLbConfigRejected"),
    "the configuration is well again",
  );
  assert.equal(reloaded?.panel, "annotation Configurations");
  const reloads = await prometheus.query(reloaded.expr);
  assert.deepEqual(reloads.map(({ labels }) => labels.instance), ["one"]);
});

/** A query with the variables replaced as Grafana does where the job is chosen and all of everything else. */
function asGrafana(expr: string): string {
  const replaced = expr.replaceAll("$job", "bgp-lb").replaceAll(/\$(instance|service|peer)\b/g, ".*")
    .replaceAll("$__rate_interval", "10s");
  assert.ok(!replaced.includes("$"), replaced);
  return replaced;
}

/** Waits until all of `wanted`, each an alert and an instance, fire; gives the alerts that do. */
async function firing(prometheus: Prometheus, wanted: readonly string[]): Promise<readonly ActiveAlert[]> {
  const names = (alerts: readonly ActiveAlert[]) =>
    alerts.map(({ name, labels }) => `${name} ${labels.instance ?? ""}`);
  const alerts = await eventually(
    async () => (await prometheus.alerts()).filter(({ state }) => state === "firing"),
    (alerts) => wanted.every((name) => names(alerts).includes(name)),
    `these alerts fire: ${wanted}`,
  );
  return alerts;
}

/** Templates were filled in, and nothing went wrong in them. */
function assertAnnotations(alerts: readonly ActiveAlert[]): void {
  for (const { name, annotations } of alerts) {
    for (const text of Object.values(annotations)) {
      assert.doesNotMatch(text, /\{\{|<error|<no value>|\s\s|^\s|\s$/, name);
    }
  }
}

/** A server of the test's own on loopback. */
function serve(answer: () => Response | Promise<Response>): AsyncDisposable & { readonly port: number } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  let closed: Promise<void> | undefined;
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => closed ??= server.shutdown(),
  };
}

/** An agent with a checked service and one without checks, and the router that it has a session with. */
async function startAgent(name: string, folder: string, backend: number, stack: AsyncDisposableStack) {
  const router = stack.use(await RawListener.at("127.0.0.2", 0));
  const port = await freePort();
  const file = `${folder}/${name}.json`;
  const check = { type: "http", port: backend, interval: "100ms", rise: 1, fall: 1 };
  const text = JSON.stringify({
    log: { level: "warning" },
    network: { setup: false },
    http: { listen: `127.0.0.1:${port}` },
    control: { socket: "" },
    state: { directory: `${folder}/${name}` },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65_001, listenPort: -1 },
      peers: [{ name: "tor-1", address: "127.0.0.2", as: 65_002, port: router.port }],
    },
    services: [
      // The backend of the second one is its own metrics.
      {
        name: "web",
        addresses: ["10.99.0.1"],
        checks: [name === "one" ? check : { ...check, port, path: "/healthz" }],
      },
      { name: "dns", addresses: ["10.99.0.2"] },
    ],
  });
  Deno.writeTextFileSync(file, text);
  const agent = stack.use(new AgentProcess(["--config", file]));
  await (await router.accepted()).establish(open());
  return { agent, router, port, file, text };
}

/** What an agent with IPVS, BFD and an Established session exposes, of a kernel that need not be here. */
class MadeAgent {
  isLive = true;
  readonly #metrics = fullMetrics();

  async answer(): Promise<Response> {
    const now = { ...fullStatus(this.isLive), version: denoJson.version };
    return new Response(await scraped(this.#metrics, now, fullTraffic()), {
      headers: { "content-type": "text/plain; version=0.0.4" },
    });
  }
}
