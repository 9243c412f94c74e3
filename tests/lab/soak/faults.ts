/** How each fault is done, and undone: what the schedule names, in a real network. */
import type { FaultName, Trouble } from "../../soak/schedule.ts";
import { run, runOrThrow } from "../../support/process.ts";
import { waitFor } from "../../support/until.ts";
import type { Host } from "../host.ts";
import { addressesOf, bracketed } from "../topology.ts";
import { control, order, pause } from "./agent_surface.ts";
import { badClients } from "./bad_clients.ts";
import { maintenanceFile, SERVICES, type SoakService } from "./network.ts";
import type { Scene } from "./scene.ts";
import type { Manner } from "./server.ts";

/** Does it now; what is given back undoes it. */
export type Fault = (scene: Scene, trouble: Trouble) => Promise<() => Promise<void> | void>;

/** Every fault of the schedule. */
export const DOING: Readonly<Record<FaultName, Fault>> = {
  "server-errors": behaving("errors"),
  "server-hangs": behaving("hangs"),
  "server-lies": behaving("lies"),
  "server-half-answers": behaving("half-answers"),
  "server-resets": behaving("resets"),
  "server-flaps": flapping,
  "server-dies": dying,
  "server-frozen": freezing,
  "maintenance-file": maintaining,
  "router-killed": restartingRouter("SIGKILL"),
  "router-restarted": restartingRouter("SIGTERM"),
  "link-down": linkDown,
  "link-silent": linkSilent,
  "address-deleted": meddling(({ name }, address) => `ip addr del ${address} dev ${name}`),
  "interface-down": meddling(({ name }) => `ip link set ${name} down`),
  "interface-deleted": meddling(({ name }) => `ip link del ${name}`),
  "ipvs-cleared": clearing,
  "scheduler-changed": meddling(({ port }, address) => `ipvsadm -E -t ${bracketed(address)}:${port} -s rr`),
  "destination-weighed": weighing,
  "foreign-objects": strangers,
  "agent-stopped-still": standing,
  "agent-killed": away("killed", (host) => host.killAgent()),
  "agent-restarted": away("stopped", ended((host) => host.stopAgent(LIMIT_MS))),
  "agent-handed-over": away("handed over", ended((host) => host.handOver(LIMIT_MS))),
  "drained": draining,
  "reloaded": reloading,
  "reloaded-invalid": reloadingInvalid,
  "scraped": onHost((scene, host) => badClients(scene, host, "scraper")),
  "hung-readers": onHost((scene, host) => badClients(scene, host, "hung")),
  "half-open-clients": onHost((scene, host) => badClients(scene, host, "half-open")),
  "control-questions": onHost(asking),
  "log-stalled": onHost((_scene, host) => {
    host.stallLog();
    return () => host.readLog();
  }),
};

const LIMIT_MS = 30_000;

function onHost(work: (scene: Scene, host: Host, trouble: Trouble) => () => Promise<void> | void): Fault {
  return (scene, trouble) => Promise.resolve(work(scene, scene.host(trouble.target), trouble));
}

/** Of these, the one that chance wants. */
function chosen<T>(all: readonly T[], { chance }: Trouble): T {
  const one = all[Math.floor(chance * all.length)];
  if (one === undefined) throw new Error("nothing to choose from");
  return one;
}

function behaving(manner: Manner): Fault {
  return async (scene, { target }) => {
    const server = scene.server(target);
    await server.behave(manner);
    const end = scene.notes.broken.begin({ node: target, how: manner });
    return async () => {
      await server.behave("well");
      end();
    };
  };
}

/** Bad and well again, each for less or more than it takes to be seen. */
async function flapping(scene: Scene, trouble: Trouble): Promise<() => Promise<void>> {
  const { target, chance } = trouble;
  const server = scene.server(target);
  const over = new AbortController();
  const manner = chosen<Manner>(["errors", "lies", "resets"], trouble);
  const going = (async () => {
    while (!over.signal.aborted) {
      await server.behave(manner);
      const end = scene.notes.broken.begin({ node: target, how: `${manner}, now and then` });
      await pause(300 + chance * 1_500, over.signal);
      await server.behave("well");
      end();
      await pause(300 + (1 - chance) * 1_500, over.signal);
    }
  })();
  await Promise.resolve();
  return async () => {
    over.abort();
    await going;
  };
}

async function dying(scene: Scene, { target }: Trouble): Promise<() => Promise<void>> {
  const server = scene.server(target);
  const end = scene.notes.broken.begin({ node: target, how: "dead" });
  await server.kill();
  return async () => {
    await server.start();
    end();
  };
}

function freezing(scene: Scene, { target }: Trouble): Promise<() => void> {
  const server = scene.server(target);
  const end = scene.notes.broken.begin({ node: target, how: "frozen" });
  server.signal("SIGSTOP");
  return Promise.resolve(() => {
    server.signal("SIGCONT");
    end();
  });
}

/** Only the local service is taken out by it: it is noted as what it is for that one, an order. */
function maintaining(scene: Scene, { target }: Trouble): Promise<() => void> {
  const file = maintenanceFile(scene.folder, target);
  Deno.writeTextFileSync(file, "");
  const end = scene.notes.drained.begin({ host: target, service: SERVICES[0]?.name });
  return Promise.resolve(() => {
    Deno.removeSync(file);
    end();
  });
}

function restartingRouter(signal: "SIGKILL" | "SIGTERM"): Fault {
  return async (scene, { target }) => {
    const router = scene.router(target);
    const end = scene.notes.apart.begin({ router: target, host: undefined });
    await router.stop(signal);
    return async () => {
      await router.start();
      end();
    };
  };
}

/** The switch's port towards the host: no carrier on the host's side, whose addresses stay. */
async function linkDown(scene: Scene, { target }: Trouble): Promise<() => Promise<void>> {
  const { notes } = scene;
  const ends = [
    notes.apart.begin({ router: "r2", host: target }),
    ...["s1", "s2"].map((node) => notes.broken.begin({ node, host: target, how: "no way to it" })),
    // What comes back from a masq server goes through its host.
    notes.broken.begin({ node: `s${target.slice(1)}`, how: "no way back from it" }),
  ];
  await runOrThrow("ip", ["-n", "wire", "link", "set", target, "down"]);
  return async () => {
    await runOrThrow("ip", ["-n", "wire", "link", "set", target, "up"]);
    for (const end of ends) end();
  };
}

/** Nothing gets through between r1 and the host, and nobody is told. */
async function linkSilent(scene: Scene, { target }: Trouble): Promise<() => Promise<void>> {
  const end = scene.notes.apart.begin({ router: "r1", host: target });
  const rules = (verb: "I" | "D") =>
    ["iptables-legacy", "ip6tables-legacy"].flatMap((program) => [
      `${program} -t mangle -${verb} PREROUTING -i ${target} -j DROP`,
      `${program} -t mangle -${verb} POSTROUTING -o ${target} -j DROP`,
    ]).join("\n");
  await inNode("r1", rules("I"));
  return async () => {
    await inNode("r1", rules("D"));
    end();
  };
}

async function inNode(node: string, script: string): Promise<void> {
  await runOrThrow("ip", ["netns", "exec", node, "sh", "-ec", script]);
}

/** Something of ours changed once; where it is not there just then, nothing is. */
function meddling(script: (service: SoakService, address: string) => string): Fault {
  return async (_scene, trouble) => {
    const service = chosen(SERVICES, trouble);
    const address = chosen(addressesOf(service), { ...trouble, chance: trouble.chance * 7 % 1 });
    const text = script(service, /addr del/.test(script(service, "")) ? withLength(address) : address);
    await run("ip", ["netns", "exec", trouble.target, "sh", "-c", text]);
    return () => {};
  };
}

function withLength(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

async function weighing(scene: Scene, trouble: Trouble): Promise<() => void> {
  const { target } = trouble;
  const { ipvs } = await scene.host(target).kernel();
  const line = chosen(ipvs.filter((each) => / -r .* -w 1$/.test(each) && each.includes(":80")), trouble);
  const weight = trouble.chance < 0.5 ? 0 : 9;
  await run("ip", [
    ...["netns", "exec", target, "ipvsadm"],
    ...line.replace(/^-a/, "-e").replace(/-w 1$/, `-w ${weight}`).split(" "),
  ]);
  return () => {};
}

/** Whoever clears the whole table puts back what is of others. */
async function clearing(scene: Scene, { target }: Trouble): Promise<() => void> {
  await scene.alone(async () => {
    const lines = [...scene.strangers.get(target) ?? []].filter((each) => each.startsWith("-"));
    await runOrThrow("ip", ["netns", "exec", target, "sh", "-ec", "ipvsadm -C; ipvsadm -R"], {
      // A service comes before its destinations.
      input: lines.toSorted((a, b) => Number(b.startsWith("-A")) - Number(a.startsWith("-A"))).map((line) =>
        `${line}\n`
      ).join(""),
    });
  });
  return () => {};
}

/** Objects of somebody else beside ours, with names and addresses that are near. */
async function strangers(scene: Scene, { target, number }: Trouble): Promise<() => Promise<void>> {
  const name = `foreign${number}`;
  const address = `192.0.2.${100 + number % 100}`;
  const words = [
    `link ${name} dummy  up ${address}/32`,
    `-A -t ${address}:80 -s rr`,
    `-a -t ${address}:80 -r 192.0.2.99:8080 -m -w 3`,
  ];
  const change = (script: string, note: (all: Set<string>) => void) =>
    scene.alone(async () => {
      await inNode(target, script);
      note(scene.strangers.get(target) ?? new Set());
    });
  await change(
    `printf 'link add ${name} type dummy\\naddr add ${address}/32 dev ${name}\\nlink set ${name} up\\n' | ip -batch -\n` +
      `printf '%s\\n' '${words[1]}' '${words[2]}' | ipvsadm -R`,
    (all) => words.forEach((each) => all.add(each)),
  );
  return () =>
    change(
      `ip link del ${name}; ipvsadm -D -t ${address}:80`,
      (all) => words.forEach((each) => all.delete(each)),
    );
}

function standing(scene: Scene, { target }: Trouble): Promise<() => void> {
  const host = scene.host(target);
  const end = scene.notes.away.begin({ host: target, how: "stands still" });
  host.signalAgent("SIGSTOP");
  return Promise.resolve(() => {
    host.signalAgent("SIGCONT");
    end();
  });
}

/** The agent goes in some way and comes back. */
function away(how: string, leave: (host: Host) => Promise<void>): Fault {
  return async (scene, { target }) => {
    const host = scene.host(target);
    const end = scene.notes.away.begin({ host: target, how });
    await leave(host);
    return async () => {
      await scene.startAgent(host);
      end();
    };
  };
}

/** @throws where it did not end well */
function ended(leave: (host: Host) => Promise<number>): (host: Host) => Promise<void> {
  return async (host) => {
    const status = await leave(host);
    if (status !== 0) throw new Error(`${host.name}: the agent ended with ${status}`);
  };
}

async function draining(scene: Scene, trouble: Trouble): Promise<() => Promise<void>> {
  const host = scene.host(trouble.target);
  const service = chosen(SERVICES, trouble).name;
  await order(host.socket, "drain", { services: [service], reason: "the soak" });
  const end = scene.notes.drained.begin({ host: host.name, service });
  return async () => {
    await order(host.socket, "undrain", { services: [service] });
    end();
  };
}

async function reloading(scene: Scene, trouble: Trouble): Promise<() => Promise<void>> {
  const host = scene.host(trouble.target);
  host.rewrite(scene.launch(host, trouble.chance < 0.5 ? { weight: 3 } : { late: true }));
  host.signalAgent("SIGHUP");
  await Promise.resolve();
  return async () => {
    host.rewrite(host.launch);
    await reloaded(host);
  };
}

/** A reload that must be taken, after one that may be under way. @throws where it is not */
export async function reloaded(host: Host): Promise<void> {
  await waitFor(`${host.name} takes its configuration`, LIMIT_MS, async () => {
    const { status, body } = await control(host.socket, "/v1/reload", {});
    if (status !== 200 && status !== 409) throw new Error(`reload: ${status} ${body}`);
    return status === 200;
  }, 200);
}

function reloadingInvalid(scene: Scene, { target, chance }: Trouble): Promise<() => Promise<void>> {
  const host = scene.host(target);
  const text = host.launch.config;
  host.rewrite({
    ...host.launch,
    config: chance < 0.5 ? text.slice(0, text.length / 2) : text.replace('"masq"', '"mask"'),
  });
  host.signalAgent("SIGHUP");
  return Promise.resolve(async () => {
    host.rewrite(host.launch);
    await reloaded(host);
  });
}

/** Questions, one after the other, and some that end before they are answered. */
function asking(_scene: Scene, host: Host): () => Promise<void> {
  const over = new AbortController();
  const paths = [
    "/v1/status",
    "/v1/services",
    "/v1/peers",
    "/v1/routes",
    "/v1/explain/web",
    "/v1/events?follow=false",
  ];
  const going = (async () => {
    for (let count = 0; !over.signal.aborted; count++) {
      await control(host.socket, paths[count % paths.length] ?? "", undefined, count % 4 === 0 ? 5 : 5_000)
        .catch(() => {});
      await pause(100, over.signal);
    }
  })();
  return async () => {
    over.abort();
    await going;
  };
}
