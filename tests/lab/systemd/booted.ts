/** What walks through the life of the service have in common, inside of a booted system: systemd, the router, the report. */
import assert from "node:assert/strict";
import { type Answer, run, runOrThrow } from "../../support/process.ts";
import { eventually } from "../../support/until.ts";
import { encodeStep } from "./walk_step.ts";

/** The address of the service. */
export const PREFIX = "10.99.0.1";
/** User-mode Linux on a busy machine is slow. */
export const PATIENCE_MS = 40_000;

const BIRD = `
log stderr all;
router id 10.0.0.2;
protocol device {}
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol bgp host {
  local 10.0.0.2 as 65513; neighbor 10.0.0.1 as 65512; password "s3cret";
  passive; graceful restart on; error wait time 1, 2;
  ipv4 { import all; export none; };
}
`;

/** The configuration of the service; `more` takes the place of its parts. */
export function config(more: Readonly<Record<string, unknown>> = {}): string {
  const services = [{
    name: "web",
    addresses: [PREFIX],
    ports: [{ port: 80, targetPort: 8080 }],
    stop: { converge: "300ms", quiesce: "1s" },
  }];
  const passwordFile = "/run/credentials/bgp-lb.service/router";
  const bgp = {
    local: { routerID: "10.0.0.1", as: 65512 },
    peers: [{ address: "10.0.0.2", as: 65513, passwordFile, gracefulRestart: { restartTime: "60s" } }],
  };
  return JSON.stringify({ bgp, services, ...more });
}

/** Whatever it answers. */
export function systemctl(...args: readonly string[]): Promise<Answer> {
  return run("systemctl", args);
}

/** A property of the service. */
export async function show(property: string): Promise<string> {
  return (await runOrThrow("systemctl", ["show", "-P", property, "bgp-lb"])).trim();
}

/** Its lines in the journal. */
export async function journal(...args: readonly string[]): Promise<string> {
  return await runOrThrow("journalctl", ["-u", "bgp-lb", "-o", "cat", "--no-pager", ...args]);
}

/** Waits until the service says so of itself. */
export async function says(words: RegExp): Promise<void> {
  await eventually(() => show("StatusText"), (text) => words.test(text), String(words), PATIENCE_MS, 200);
}

/** Routes to the service that the router has lost so far. */
export async function losses(): Promise<number> {
  const text = await Deno.readTextFile("/run/routes");
  return text.split("\n").filter((line) => line.includes(PREFIX) && line.startsWith("Deleted")).length;
}

/** The number that its interface has for as long as it is the same. */
export async function linkIndex(): Promise<string> {
  return (await runOrThrow("ip", ["-o", "link", "show", "web"])).split(":")[0] ?? "";
}

/** Does what ends the process without a stop: the next one goes on, and neither router nor kernel loses anything. */
export async function survives(end: () => Promise<unknown>): Promise<void> {
  const [pid, lost, link] = [await show("MainPID"), await losses(), await linkIndex()];
  await end();
  await eventually(
    () => show("MainPID"),
    (next) => !["0", pid].includes(next),
    "the next process",
    PATIENCE_MS,
    200,
  );
  await says(/announcing 1 of 1 service to 1 of 1 router/);
  assert.deepEqual([await losses(), await linkIndex()], [lost, link], "routes lost, interface");
}

/** BIRD in a namespace of its own, and a record of every change of its routes. Waits until it has the service's. */
export async function startRouter(): Promise<void> {
  await runOrThrow("ip", ["netns", "add", "router"]);
  await runOrThrow("ip", [
    "link",
    "add",
    "uplink",
    "type",
    "veth",
    "peer",
    "name",
    "host",
    "netns",
    "router",
  ]);
  await runOrThrow("ip", ["addr", "add", "10.0.0.1/24", "dev", "uplink"]);
  await runOrThrow("ip", ["link", "set", "uplink", "up"]);
  for (const args of [["addr", "add", "10.0.0.2/24", "dev", "host"], ["link", "set", "host", "up"]]) {
    await runOrThrow("ip", ["-n", "router", ...args]);
  }
  await Deno.writeTextFile("/run/bird.conf", BIRD);
  const inside = ["--collect", "--quiet", "ip", "netns", "exec", "router"];
  await runOrThrow("systemd-run", [...inside, "sh", "-c", "exec ip monitor route >/run/routes"]);
  await runOrThrow("systemd-run", [...inside, "bird", "-f", "-c", "/run/bird.conf", "-s", "/run/bird.ctl"]);
  await says(/announcing 1 of 1 service to 1 of 1 router/);
  const routes = () => Deno.readTextFile("/run/routes");
  await eventually(routes, (text) => text.includes(PREFIX), "the route", PATIENCE_MS);
}

/** Walks through these steps and reports each; one that fails ends none of the others. */
export async function walk(steps: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  for (const [name, step] of Object.entries(steps)) {
    const sinceMs = performance.now();
    const problem = await step().then(() => undefined, (error) => String(error?.stack ?? error));
    const tail = problem === undefined ? "" : `\n${await journal("-n", "12").catch(String)}`;
    const ms = Math.round(performance.now() - sinceMs);
    console.log(encodeStep({ name, problem: problem === undefined ? undefined : problem + tail, ms }));
  }
  console.log("walk: over");
}
