/**
 * A link that is killed, carrier and all addresses left alone, between the agent as it is shipped and BIRD, with BFD of 50 ms by 3:
 * how long until the agent has ended the session, and until BIRD's kernel has no route any more, over IPv4 and IPv6.
 * `deno run -A tests/bench/bfd_loss_bench.ts --rounds=10`
 */
import { parseArgs } from "node:util";
import { AgentProcess } from "../support/agent.ts";
import { Bird } from "../support/bird.ts";
import { NetworkNamespace } from "../support/namespace.ts";
import { Process } from "../support/process.ts";
import { waitFor } from "../support/until.ts";

const FAMILIES = [
  { family: 4, ours: "10.9.0.1", theirs: "10.9.0.2", route: "10.99.0.1" },
  { family: 6, ours: "fd09::1", theirs: "fd09::2", route: "2001:db8::1" },
] as const;
const PATIENCE_MS = 30_000;

const { values } = parseArgs({ args: Deno.args, options: { rounds: { type: "string", default: "10" } } });

const BIRD = `router id 10.9.0.2;
protocol device {}
protocol bfd { interface "*" { min rx interval 50 ms; min tx interval 50 ms; multiplier 3; }; }
protocol kernel { ipv4 { export all; import none; }; }
protocol kernel { ipv6 { export all; import none; }; }
${
  FAMILIES.map(({ family, ours }) =>
    `protocol bgp s${family} { local as 65002; neighbor ${ours} as 65001; passive; bfd yes; error wait time 1, 1;
  ipv${family} { import all; export none; }; }`
  ).join("\n")
}
`;

const AGENT = {
  network: { setup: false },
  http: { listen: "" },
  control: { socket: "" },
  state: { directory: "" },
  bgp: {
    local: { routerID: "10.9.0.1", as: 65001, listenPort: -1 },
    defaults: {
      as: 65002,
      holdTime: "240s",
      connectRetryTime: "1s",
      bfd: { transmit: "50ms", receive: "50ms", multiplier: 3 },
    },
    peers: FAMILIES.map(({ family, ours, theirs }) => ({
      name: `ipv${family}`,
      address: theirs,
      localAddress: ours,
      families: [`ipv${family}-unicast`],
    })),
  },
  services: [{ name: "web", addresses: FAMILIES.map(({ route }) => route) }],
};

await using stack = new AsyncDisposableStack();
const make = async (label: string) => stack.use(await NetworkNamespace.create(label));
const [a, b, middle] = [await make("a"), await make("b"), await make("m")];
await middle.ip("link", "add", "name", "br", "type", "bridge");
await middle.ip("link", "set", "dev", "br", "up");
for (const [namespace, device, index] of [[a, "va", 0], [b, "vb", 1]] as const) {
  await namespace.ip(
    "link",
    "add",
    device,
    "type",
    "veth",
    "peer",
    "name",
    `m${device}`,
    "netns",
    middle.name,
  );
  await namespace.ip("link", "set", device, "addrgenmode", "none", "up");
  await middle.ip("link", "set", `m${device}`, "up", "master", "br");
  for (const each of FAMILIES) {
    const [prefix, ...flags] = each.family === 4 ? ["24"] : ["64", "nodad"];
    const text = `${[each.ours, each.theirs][index]}/${prefix}`;
    await namespace.ip("addr", "add", text, "dev", device, ...flags);
  }
}
const within = (namespace: NetworkNamespace) => ["ip", "netns", "exec", namespace.name];
const folder = await Deno.makeTempDir();
stack.defer(() => Deno.remove(folder, { recursive: true }));
await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(AGENT));

/** What happened when last, by the names of events. */
const seenMs = new Map<string, number>();
const routes = new Set<string>();
stack.use(
  new Process({
    command: "ip",
    args: ["-netns", b.name, "monitor", "route"],
    onLine: ({ text }) => {
      for (const { route } of FAMILIES) {
        if (!text.includes(`${route} `)) continue;
        if (!text.startsWith("Deleted")) routes.add(route);
        else if (routes.delete(route)) seenMs.set(`route gone ${route}`, Date.now());
      }
    },
  }),
);
stack.use(await Bird.start(BIRD, within(b)));
const agent = stack.use(new AgentProcess(["--config", `${folder}/config.json`], { within: within(a) }));

/** The times of the lines, since the last round, that tell this. */
function told(message: string, peer: string): readonly number[] {
  return agent.lines.filter((line) => line.includes(message) && line.includes(`"peer":"${peer}"`))
    .map((line) => Date.parse(line.slice(line.indexOf(":") + 2, line.indexOf('",'))));
}

const figures = FAMILIES.map((each) => ({ ...each, ended: new Array<number>(), gone: new Array<number>() }));
for (let round = 0; round < Number(values.rounds); round++) {
  await waitFor(
    "sessions and routes are there",
    PATIENCE_MS,
    () =>
      FAMILIES.every(({ family, route }) =>
        told("BFD is Up", `ipv${family}`).length > 0 && routes.has(route) &&
        told("session is Established", `ipv${family}`).length > 0
      ),
  );
  agent.lines.length = 0;
  seenMs.clear();
  const cutMs = Date.now();
  await middle.ip("link", "set", "mvb", "nomaster");
  for (const { family, route, ended, gone } of figures) {
    const [endedMs = NaN] = await waitFor("the session has ended", PATIENCE_MS, () => {
      const times = told("it was Established", `ipv${family}`);
      return times.length > 0 && times;
    });
    ended.push(endedMs - cutMs);
    const goneMs = await waitFor("the route is gone", PATIENCE_MS, () => seenMs.get(`route gone ${route}`));
    gone.push(goneMs - cutMs);
  }
  await middle.ip("link", "set", "mvb", "master", "br");
}
for (const { family, ended, gone } of figures) {
  for (const [what, times] of [["session ended here", ended], ["route gone at BIRD", gone]] as const) {
    const sorted = times.toSorted((one, other) => one - other);
    const [least, middle, most] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
    console.log(
      `IPv${family}, link killed to ${what}: ${least}, ${middle}, ${most} ms (min, median, max of ${sorted.length}; detection time 150 ms)`,
    );
  }
}
