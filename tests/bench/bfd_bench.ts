/**
 * Many BFD sessions at a time: two stations, each a process in a network namespace, over a veth pair. Printed for each: packets,
 * CPU, sessions that were lost, and for how long at most the process was held. Then the same while a third party sends packets
 * for nobody as fast as it can, of TTL 64 (from beyond the link) and 255 (from the link).
 * `deno task bench bfd`, or `deno run -A tests/bench/bfd_bench.ts --seconds=600 --sessions=50 --interval=50`
 */
import { parseArgs } from "node:util";
import { NetworkNamespace } from "../support/namespace.ts";

/** What a station prints. */
interface Figures {
  readonly sessions: number;
  readonly up: number;
  readonly flaps: number;
  readonly extensions: number;
  readonly received: number;
  readonly sent: number;
  readonly dropped: number;
  readonly longestHeldMs: number;
  readonly cpuSeconds: number;
  readonly seconds: number;
}

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "20" },
    sessions: { type: "string", default: "50" },
    interval: { type: "string", default: "50" },
  },
});

const deno = (namespace: NetworkNamespace, file: string, ...args: readonly string[]) =>
  new Deno.Command("ip", {
    args: [
      ...["netns", "exec", namespace.name, Deno.execPath(), "run", "--no-prompt", "--allow-all", "--quiet"],
      ...[new URL(file, import.meta.url).pathname, ...args],
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();

async function run(name: string, floodTtl?: number): Promise<void> {
  const { seconds, sessions, interval } = values;
  await using a = await NetworkNamespace.create("a");
  await using b = await NetworkNamespace.create("b");
  await a.ip("link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", b.name);
  for (const [namespace, device, net] of [[a, "va", 1], [b, "vb", 2]] as const) {
    await namespace.ip("link", "set", device, "up");
    for (let host = 1; host <= Number(sessions); host++) {
      await namespace.ip("addr", "add", `10.9.${net}.${host}/16`, "dev", device);
    }
  }
  await b.ip("addr", "add", "10.9.3.1/16", "dev", "vb");
  const station = (namespace: NetworkNamespace, ours: string, theirs: string) =>
    deno(namespace, "bfd_station.ts", ours, theirs, sessions, interval, seconds);
  const flood = floodTtl === undefined
    ? undefined
    : deno(b, "bfd_flood.ts", "10.9.3.1", "10.9.1.1", String(floodTtl), seconds);
  const stations = [station(a, "10.9.1", "10.9.2"), station(b, "10.9.2", "10.9.1")];
  const outputs = await Promise.all(stations.map((each) => each.output()));
  const flooded = flood && new TextDecoder().decode((await flood.output()).stdout).trim();
  console.log(`${name}${flooded === undefined ? "" : ` (${flooded})`}`);
  for (const [index, { stdout }] of outputs.entries()) {
    print(index, JSON.parse(new TextDecoder().decode(stdout)));
  }
}

function print(index: number, figures: Figures): void {
  const { sessions, up, flaps, extensions, received, sent, dropped, longestHeldMs, cpuSeconds, seconds } =
    figures;
  const each = (count: number) => (count / seconds).toFixed(0);
  console.log(
    `  station ${index + 1}: ${up} of ${sessions} up, ${flaps} lost, ${extensions} given more time; ` +
      `${each(received)} packets in and ${each(sent)} out each second, ${each(dropped)} dropped; ` +
      `held for ${longestHeldMs.toFixed(1)} ms at most; CPU ${
        (100 * cpuSeconds / seconds).toFixed(1)
      } % of a processor`,
  );
}

await run(`${values.sessions} sessions, ${values.interval} ms by 3, ${values.seconds} s`);
await run("  … and a flood with TTL 64", 64);
await run("  … and a flood with TTL 255", 255);
