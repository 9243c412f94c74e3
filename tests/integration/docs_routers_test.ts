/**
 * The recipes of docs/routers.md that are marked as run: the very configuration of BIRD and FRR out of that file, with two
 * agents that have the host's side of it. Both are used at once by the router's kernel, and what is no service is refused.
 */
import assert from "node:assert/strict";
import { agentArguments, AgentProcess } from "../support/agent.ts";
import { Bird } from "../support/bird.ts";
import { Frr } from "../support/frr.ts";
import { readDocument } from "../support/markdown.ts";
import {
  canMakeNamespaces,
  type NamespacePair,
  namespacePair,
  NetworkNamespace,
} from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually } from "../support/until.ts";

const document = readDocument(Deno.readTextFileSync("docs/routers.md"));
const PASSWORD = "correct-horse-battery";

function recipe(language: string): string {
  const found = document.blocks.filter((block) => block.language === language);
  assert.equal(found.length, 1, `docs/routers.md has one block of ${language}`);
  return found[0]?.text ?? "";
}

/** The host's side, as the first or the second host: addresses and files are its own. */
function hostConfig(number: 1 | 2, folder: string): string {
  const own = number === 1 ? 1 : 5;
  const yaml = recipe("yaml")
    .replaceAll("/etc/bgp-lb", folder)
    .replaceAll("10.9.0.1", `10.9.0.${own}`)
    .replaceAll('"fd09::1"', `"fd09::${own}"`)
    .replace("address: 10.9.0.2 }", `address: 10.9.0.2, localAddress: 10.9.0.${own}, connectRetryTime: 1s }`);
  return `${yaml}
network: { setup: false }
http: { listen: "" }
control: { socket: ${folder}/${number}.sock }
state: { directory: ${folder}/state${number} }
`.replace(`as: 65512, address6`, `as: 65512, listenPort: -1, address6`);
}

/** Makes a second host beside `a`, on the same link to the router: only one on a host can have the port of BFD. */
async function secondHost(a: NetworkNamespace): Promise<NetworkNamespace> {
  const c = await NetworkNamespace.create("c");
  await a.ip("link", "add", "bridge", "type", "bridge");
  await a.ip("link", "set", "bridge", "addrgenmode", "none", "up");
  await a.ip("addr", "flush", "dev", "va");
  await a.ip("link", "set", "va", "master", "bridge");
  await a.ip("link", "add", "port", "type", "veth", "peer", "name", "va", "netns", c.name);
  await a.ip("link", "set", "port", "master", "bridge", "up");
  await c.ip("link", "set", "va", "addrgenmode", "none", "up");
  for (const [namespace, device, host, link] of [[a, "bridge", "1", "a"], [c, "va", "5", "c"]] as const) {
    await namespace.ip("addr", "add", `10.9.0.${host}/24`, "dev", device);
    await namespace.ip("addr", "add", `fd09::${host}/64`, "dev", device, "nodad");
    await namespace.ip("addr", "add", `fe80::${link}/64`, "dev", device, "nodad");
  }
  return c;
}

/** An agent on each of two hosts. */
async function startHosts({ a }: NamespacePair, stack: AsyncDisposableStack) {
  const folder = Deno.makeTempDirSync();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const hosts = { 1: a, 2: stack.use(await secondHost(a)) };
  Deno.writeTextFileSync(`${folder}/router.password`, `${PASSWORD}\n`, { mode: 0o600 });
  for (const number of [1, 2] as const) {
    const within = ["ip", "netns", "exec", hosts[number].name];
    const file = `${folder}/${number}.yaml`;
    Deno.writeTextFileSync(file, hostConfig(number, folder), { mode: 0o600 });
    const agent = stack.use(new AgentProcess(["--config", file], { within }));
    await agent.said('"running"');
  }
  return (number: 1 | 2, ...args: readonly string[]) =>
    run(Deno.execPath(), [...agentArguments(), ...args, "--control-socket", `${folder}/${number}.sock`]);
}

/** What both routers must do with the recipe: their kernel has both hosts, a drained one goes, strangers never come. */
async function judge(namespaces: NamespacePair, ask: Awaited<ReturnType<typeof startHosts>>): Promise<void> {
  const { b } = namespaces;
  const nextHops = async (...route: readonly string[]) => {
    const shown = await b.ip(...route);
    return [...shown.matchAll(/via (?:inet6 )?(\S+)/g)].map(([, hop = ""]) => hop).sort();
  };
  const both = (hops: readonly string[]) => hops.length === 2;
  const four = await eventually(() => nextHops("route", "show", "10.99.0.1"), both, "two IPv4 next hops");
  assert.deepEqual(four, ["10.9.0.1", "10.9.0.5"]);
  await eventually(() => nextHops("-6", "route", "show", "2001:db8:99::1"), both, "two IPv6 next hops");
  assert.equal((await b.ip("route", "show", "192.0.2.1")).trim(), "", "a stranger is refused");

  const peers = await eventually(
    async () => (await ask(1, "peers")).stdout,
    (text) => /BFD +Up/.test(text),
    "BFD is up",
  );
  assert.match(peers, /session +eBGP.*\n.*timers/);
  // For shift the route is there and worse (RFC 8326): the other host has all of it, and nobody has lost it.
  const drained = ask(2, "drain", "--wait");
  const left = (hops: readonly string[]) => hops.length === 1;
  const alone = await eventually(() => nextHops("route", "show", "10.99.0.1"), left, "the drained host goes");
  assert.deepEqual(alone, ["10.9.0.1"]);
  assert.match((await ask(2, "services", "web")).stdout, /phase +shifting/);
  assert.equal((await drained).code, 0);
  assert.equal((await ask(2, "undrain", "--wait")).code, 0);
  await eventually(() => nextHops("route", "show", "10.99.0.1"), both, "it is back");
}

const ready = await canMakeNamespaces();

for (
  const { name, packages, start } of [
    {
      name: "BIRD",
      packages: ["iproute2", "bird2"],
      start: (prefix: readonly string[]) => Bird.start(recipe("bird"), prefix),
    },
    {
      name: "FRR",
      packages: ["iproute2", "frr"],
      start: (prefix: readonly string[]) =>
        Frr.start(`${recipe("frr")}\n`, prefix, [], { forwards: true, bfd: "\n" }),
    },
  ] as const
) {
  Deno.test({
    name:
      `docs/routers.md: the recipe for ${name} balances over two hosts, refuses strangers and lets a drain go`,
    ignore: !ready,
    async fn() {
      const { advice } = await ensurePackages(packages, console.log);
      assert.equal(advice, undefined);
      await using stack = new AsyncDisposableStack();
      const namespaces = stack.use(await namespacePair());
      stack.use(await start(["ip", "netns", "exec", namespaces.b.name]));
      await judge(namespaces, await startHosts(namespaces, stack));
    },
  });
}

Deno.test("docs/routers.md: every recipe says whether it was run", () => {
  const text = Deno.readTextFileSync("docs/routers.md");
  const recipes = text.split(/^## /m).slice(1).filter((section) => /^```(?!yaml)\S/m.test(section));
  assert.ok(recipes.length >= 8, `${recipes.length} recipes`);
  for (const section of recipes) {
    assert.match(section, /\*\*(Run here|Not run here)\*\*/, section.split("\n")[0]);
  }
});
