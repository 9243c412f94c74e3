/** A speaker in a process of its own, over each adapter: what its namespace, its limits and its peers do to it. Needs root. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { LoneEvent, LoneSpeaker } from "../support/lone_speaker_main.ts";
import { canMakeNamespaces, type NamespacePair, namespacePair } from "../support/namespace.ts";
import { Process, run } from "../support/process.ts";
import { until } from "../support/until.ts";

const PORT = 179;
const ADAPTERS = ["deno", "ffi"] as const;
const MAIN = fileURLToPath(new URL("../support/lone_speaker_main.ts", import.meta.url));
const FLOOD = fileURLToPath(new URL("../support/connect_flood_main.ts", import.meta.url));
const privileged = await canMakeNamespaces();

interface Running extends AsyncDisposable {
  readonly process: Process;
  readonly events: readonly LoneEvent[];
  of<T extends LoneEvent["type"]>(type: T): readonly Extract<LoneEvent, { type: T }>[];
}

/** Runs a speaker in `namespace`, with at most `descriptors` of them. */
async function running(namespace: string, options: LoneSpeaker, descriptors = 1024): Promise<Running> {
  const events: LoneEvent[] = [];
  const said: string[] = [];
  const limited = ["prlimit", `--nofile=${descriptors}:${descriptors}`];
  const deno = [Deno.execPath(), "run", "--no-prompt", "--allow-all", MAIN, JSON.stringify(options)];
  const child = new Process({
    command: "ip",
    args: ["netns", "exec", namespace, ...limited, ...deno],
    stdin: true,
    onLine({ stream, text }) {
      said.push(text);
      if (stream === "stdout") events.push(JSON.parse(text));
    },
  });
  const of = <T extends LoneEvent["type"]>(type: T) =>
    events.filter((event): event is Extract<LoneEvent, { type: T }> => event.type === type);
  await until(() => of("running").length > 0, () => said.join("\n"));
  return { process: child, events, of, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

/** Connects from `a`, waits for the other side's end where `wait`, and says what came. */
async function connect({ a }: NamespacePair, to: string): Promise<string> {
  const code = `const c = await Deno.connect({ hostname: ${JSON.stringify(to)}, port: ${PORT} });
    const n = await c.read(new Uint8Array(100)).catch(() => null);
    console.log(n === null ? "closed" : "answered");`;
  const answer = await run("ip", ["netns", "exec", a.name, Deno.execPath(), "eval", code]);
  return answer.code === 0 ? answer.stdout.trim() : answer.stderr;
}

function test(
  name: string,
  body: (adapter: LoneSpeaker["adapter"], pair: NamespacePair) => Promise<void>,
): void {
  for (const adapter of ADAPTERS) {
    Deno.test({
      name: `Speaker over ${adapter} ${name}`,
      ignore: !privileged,
      async fn() {
        await using pair = await namespacePair();
        await body(adapter, pair);
      },
    });
  }
}

test(
  "tells link-local peers apart by the interface that they come over (RFC 4007)",
  async (adapter, pair) => {
    await pair.b.ip("link", "add", "vx", "type", "veth", "peer", "name", "vy");
    const peers = [
      { name: "other", address: "fe80::a", zone: "vx" },
      { name: "right", address: "fe80::a", zone: "vb" },
    ];
    await using speaker = await running(pair.b.name, { adapter, port: PORT, listen: ["::"], peers });
    assert.equal(await connect(pair, "fe80::b%va"), "answered");
    await until(() => speaker.of("session-ended").length > 0);
    assert.deepEqual([...new Set(speaker.of("session-ended").map(({ peer }) => peer))], ["right"]);
  },
);

test("refuses a link-local peer that comes over another interface (RFC 4007)", async (adapter, pair) => {
  const peers = [{ name: "other", address: "fe80::a", zone: "vx" }];
  await using speaker = await running(pair.b.name, { adapter, port: PORT, listen: ["::"], peers });
  assert.equal(await connect(pair, "fe80::b%va"), "closed");
  await until(() => speaker.of("connection-refused").length > 0);
  assert.deepEqual(speaker.of("connection-refused").map(({ address, reason }) => [address, reason.type]), [[
    "fe80::a",
    "no-peer",
  ]]);
});

test(
  "listens for both families although IPv6 sockets leave IPv4 alone (issue: S16)",
  async (adapter, pair) => {
    for (const only of ["0", "1"]) {
      await pair.b.sysctl("net.ipv6.bindv6only", only);
      const peers = [{ name: "four", address: "10.9.0.1" }, { name: "six", address: "fd09::1" }];
      await using speaker = await running(pair.b.name, {
        adapter,
        port: PORT,
        listen: ["0.0.0.0", "::"],
        peers,
      });
      assert.equal(await connect(pair, "10.9.0.2"), "answered", `bindv6only=${only}`);
      assert.equal(await connect(pair, "fd09::2"), "answered", `bindv6only=${only}`);
      assert.deepEqual(speaker.of("listen-failed"), []);
    }
  },
);

test("waits for an address of its own that comes later (issue: S15)", async (adapter, pair) => {
  const peers = [{ name: "four", address: "10.9.0.1" }];
  const listen = ["10.9.0.50", "10.9.0.2"];
  await using speaker = await running(pair.b.name, { adapter, port: PORT, listen, peers });
  assert.deepEqual(speaker.of("listen-failed").map(({ address, kind }) => [address, kind]), [[
    "10.9.0.50",
    "address-missing",
  ]]);
  assert.equal(await connect(pair, "10.9.0.2"), "answered");
  await pair.b.ip("addr", "add", "10.9.0.50/24", "dev", "vb");
  await until(() => speaker.of("listening").length > 0);
  assert.equal(await connect(pair, "10.9.0.50"), "answered");
});

test(
  "pauses where descriptors have run out, says so with a number, and goes on (issue: S5)",
  async (adapter, pair) => {
    const peers = [{ name: "four", address: "10.9.0.1" }];
    await using speaker = await running(
      pair.b.name,
      { adapter, port: PORT, listen: ["10.9.0.2"], peers },
      200,
    );
    // Half a second after its start the runtime opens descriptors for a handler of SIGUSR1, and dies where it gets none.
    for (let left = 5000; !await catchesUsr1(speaker.process.pid); left--) assert.ok(left > 0);
    await speaker.process.write("exhaust\n");
    await until(() => speaker.of("exhausted").length > 0);
    const connected = connect(pair, "10.9.0.2");
    await until(() => speaker.of("accept-failed").length > 0);
    await until(() => speaker.of("accept-failed").length > 1);
    const failures = speaker.of("accept-failed").reduce((sum, { count }) => sum + count, 0);
    assert.ok(failures < 30, `${failures} attempts in about ten seconds`);
    assert.match(speaker.of("accept-failed")[0]?.cause ?? "", /too many open files|EMFILE/i);
    await speaker.process.write("release\n");
    assert.equal(await connected, "answered");
  },
);

/** Does a process catch SIGUSR1? */
async function catchesUsr1(pid: number): Promise<boolean> {
  const { stdout } = await run("grep", ["SigCgt", `/proc/${pid}/status`]);
  return (BigInt(`0x${stdout.split(/\s+/)[1]}`) >> 9n & 1n) === 1n;
}

test(
  "keeps its descriptors where a peer connects 20,000 times and closes nothing (issue: S6)",
  async (adapter, pair) => {
    const peers = [{ name: "four", address: "10.9.0.1" }];
    await using speaker = await running(
      pair.b.name,
      { adapter, port: PORT, listen: ["10.9.0.2"], peers },
      19_000,
    );
    const descriptors = async () => {
      const asked = speaker.of("descriptors").length;
      await speaker.process.write("count\n");
      await until(() => speaker.of("descriptors").length > asked);
      return speaker.of("descriptors").at(-1)?.count ?? Infinity;
    };
    const before = await descriptors();
    let made = 0;
    const said: string[] = [];
    await using flood = new Process({
      command: "ip",
      args: [
        "netns",
        "exec",
        pair.a.name,
        Deno.execPath(),
        "run",
        "--allow-net",
        FLOOD,
        "10.9.0.2",
        "20000",
      ],
      onLine({ stream, text }) {
        if (stream === "stdout") made = Number(text);
        else said.push(text);
      },
    });
    let most = before;
    while (flood.running && made < 20_000) most = Math.max(most, await descriptors());
    assert.equal(made, 20_000, said.join("\n"));
    // The backlog of the listener waits in the kernel; what is accepted is closed or one of a few.
    assert.ok(most - before < 150, `${most} descriptors, ${before} before`);
    await until(
      () => speaker.of("connection-refused").length > 1,
      () => JSON.stringify(speaker.events.slice(-5)),
    );
    assert.ok(speaker.of("connection-refused").length < 20);
  },
);
