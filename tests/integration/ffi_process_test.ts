/**
 * What FFI does to a whole process: under a list of paths, with the runtime's blocking pool full, with a standard error
 * that nobody reads, and with SIGUSR1, which the runtime would open its debugger for.
 */
import assert from "node:assert/strict";
import { libraryFolders } from "../../ffi/library.ts";
import { withFloor } from "../support/ffi.ts";
import type { Latencies } from "../support/ffi_program.ts";
import { canMakeNamespaces, NetworkNamespace } from "../support/namespace.ts";
import { type Line, Process, run } from "../support/process.ts";
import { until } from "../support/until.ts";

const privileged = await canMakeNamespaces();
const PROGRAM = new URL("../support/ffi_program.ts", import.meta.url).pathname;
const program = (flags: readonly string[], ...args: readonly string[]) => [
  "run",
  "--no-prompt",
  "--no-check",
  "--no-code-cache",
  ...flags,
  PROGRAM,
  ...args,
];
const deno = (flags: readonly string[], ...args: readonly string[]) =>
  run(Deno.execPath(), program(flags, ...args), { timeoutMs: 60_000 });

/** The folder that this machine's libraries are in. */
function libraryFolder(): string {
  const folder = libraryFolders().find((path) => {
    try {
      return Deno.statSync(`${path}/libc.so.6`).isFile;
    } catch {
      return false;
    }
  });
  assert.ok(folder !== undefined);
  return folder;
}

const FOLDER = libraryFolder();
const FILES = ["libc.so.6", "libnl-3.so.200", "libnl-genl-3.so.200"].map((name) => `${FOLDER}/${name}`);

for (
  const [sentence, flag] of [
    ["unrestricted", "--allow-ffi"],
    ["the libraries' folder", `--allow-ffi=${FOLDER}`],
    ["the libraries' files alone", `--allow-ffi=${FILES.join()}`],
  ] as const
) {
  Deno.test({
    name: `FFI works whole under --allow-ffi: ${sentence} (S19)`,
    ignore: !privileged,
    async fn() {
      const { code, stdout, stderr } = await deno([flag], "all");
      assert.equal(stderr, "a line\n");
      assert.equal(code, 0);
      const { family, ...figures } = JSON.parse(stdout);
      assert.equal(family, 16, "GENL_ID_CTRL");
      for (const [name, figure] of Object.entries(figures)) assert.ok(figure, `${name}: ${figure}`);
    },
  });
}

Deno.test("FFI says what is missing where another folder is allowed, or none (S19)", async () => {
  for (const flags of [["--allow-ffi=/opt"], []]) {
    const { code, stderr } = await deno(flags, "all");
    assert.equal(code, 1);
    assert.match(
      stderr,
      /cannot open libc\.so\.6: not permitted \(run with --allow-ffi, or with --allow-ffi=\/usr\/lib\//,
    );
  }
});

Deno.test({
  name: "Streams, echoes, netlink and standard error go on while the runtime's blocking pool hangs (S3)",
  ignore: !privileged,
  fn: () =>
    withFloor(async ({ datagrams }) => {
      await using there = await NetworkNamespace.create("pool");
      await using _resolver = await silentResolver(there);
      const local = {
        address: { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) },
        port: 53,
        scopeId: 0,
      } as const;
      using _silent = there.inside(() => datagrams.open({ family: 4, kind: "udp", local }));
      const folder = await Deno.makeTempDir();
      try {
        const fifo = `${folder}/fifo`;
        await run("mkfifo", [fifo]);
        const args = program(["--allow-ffi", "--allow-net", "--allow-read"], "pool", fifo);
        const { code, stdout, stderr } = await there.run(Deno.execPath(), ...args);
        assert.equal(code, 0, stderr);
        const { before, during, ended }: Answer = JSON.parse(stdout);
        assert.deepEqual(ended, [], "neither a name nor a file nor the stat behind them");
        console.log(`    before ${words(before)}; while ${80} calls hang in the pool ${words(during)}`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }),
});

interface Answer {
  readonly before: Latencies;
  readonly during: Latencies;
  readonly ended: readonly string[];
}

function words(latencies: Latencies): string {
  return Object.entries(latencies).map(([name, ms]) => `${name.replace("Ms", "")} ${ms.toFixed(1)} ms`).join(
    ", ",
  );
}

/** Has programs that `ip netns exec` starts ask 127.0.0.1 for names. */
async function silentResolver({ name }: NetworkNamespace): Promise<AsyncDisposable> {
  const folder = `/etc/netns/${name}`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/resolv.conf`, "nameserver 127.0.0.1\n");
  return { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

const LINES = 1000;

/** Standard errors of different kinds; `prefix` is a shell line, after which `exec "$@"` follows. */
const STUCK = [
  ["a pipe", "true"],
  // A pipe of another user cannot be opened a second time either.
  ["a pipe that cannot be opened again", "mount -t tmpfs none /proc/$$/fd"],
] as const;

for (const [kind, prefix] of STUCK) {
  Deno.test({
    name: `StandardError holds nothing up where ${kind} is full, and loses nothing (S3)`,
    ignore: !privileged,
    async fn() {
      const script = `${prefix} && exec "$@"`;
      const child = new Deno.Command("unshare", {
        args: [
          "--mount",
          "sh",
          "-c",
          script,
          "sh",
          Deno.execPath(),
          ...program(["--allow-ffi"], "stderr", `${LINES}`),
        ],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const ticks = counter(child.stdout);
      await until(() => ticks.lines.length > 50);
      await stuck(ticks.lines);
      const written = Number(ticks.lines.at(-1)?.split(" ")[1]);
      assert.ok(written > 0 && written < LINES, `${written} lines are in the pipe`);
      const text = await new Response(child.stderr).text();
      await ticks.ended;
      assert.equal((await child.status).code, 0);
      assert.equal(ticks.lines.at(-1), `all ${LINES}`);
      assertWhole(text);
    },
  });
}

Deno.test("StandardError holds nothing up where a socket is full, and loses nothing (S3)", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const script = `exec 2>/dev/tcp/127.0.0.1/${listener.addr.port}; exec "$@"`;
  const child = new Deno.Command("bash", {
    args: ["-c", script, "bash", Deno.execPath(), ...program(["--allow-ffi"], "stderr", `${10 * LINES}`)],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  using reader = await listener.accept();
  const ticks = counter(child.stdout);
  await until(() => ticks.lines.length > 50);
  await stuck(ticks.lines);
  const text = await new Response(reader.readable).text();
  await ticks.ended;
  assert.equal((await child.status).code, 0);
  assert.equal(ticks.lines.at(-1), `all ${10 * LINES}`);
  assertWhole(text, 10 * LINES);
});

Deno.test("StandardError writes to a file behind what is there, and throws where there is none (S3)", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/log`;
  await Deno.writeTextFile(path, "before\n");
  const shell = (redirection: string) =>
    run("sh", [
      "-c",
      `exec "$@" ${redirection}`,
      "sh",
      Deno.execPath(),
      ...program(["--allow-ffi"], "stderr", "3"),
    ]);
  assert.equal((await shell(`2>>${path}`)).code, 0);
  const text = await Deno.readTextFile(path);
  assert.ok(text.startsWith("before\n"));
  assertWhole(text.slice("before\n".length), 3);
  assert.equal((await shell("2>/dev/null")).code, 0);
  const full = await shell("2>/dev/full");
  assert.equal(full.code, 1);
  await Deno.remove(folder, { recursive: true });
});

/** The lines of a stream as they come. */
function counter(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const lines: string[] = [];
  const ended = (async () => {
    let rest = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
    }
  })();
  return { lines, ended };
}

/** Resolves when many ticks in a row have seen no progress: the writer waits, and the loop turns. */
function stuck(lines: readonly string[]): Promise<void> {
  return until(() => lines.length > 60 && new Set(lines.slice(-40)).size === 1);
}

function assertWhole(text: string, lines = LINES): void {
  const found = text.split("\n").slice(0, -1);
  assert.equal(found.length, lines);
  found.forEach((line, index) => assert.ok(line.startsWith(`line ${index} xxx`) && line.endsWith("x"), line));
}

/** Beyond the half second after which the runtime takes SIGUSR1 for itself. */
const WATCHED_MS = 1500;

Deno.test({
  name: "ignoreSignal() leaves SIGUSR1 without any effect, at whatever moment it comes (S1)",
  ignore: !privileged,
  async fn() {
    await using there = await NetworkNamespace.create("signals");
    const shut = await bombard(there, ["--allow-ffi"]);
    assert.deepEqual(shut, {
      ready: "ready true",
      listening: "",
      ended: { code: 0, signal: null },
      stderr: [],
    });
    // Without FFI it cannot be done: it kills before the runtime has taken it, and opens the debugger afterwards.
    const open = await bombard(there, []);
    assert.ok(open.ended.signal === "SIGUSR1" || open.listening.includes(":9229"), JSON.stringify(open));
  },
});

/** Sends SIGUSR1, and between them every documented signal, from the first line on; what was seen of it. */
async function bombard(there: NetworkNamespace, flags: readonly string[]) {
  const lines: Line[] = [];
  await using child = new Process({
    command: "ip",
    args: ["netns", "exec", there.name, Deno.execPath(), ...program(flags, "signals")],
    onLine: (line) => void lines.push(line),
  });
  await until(() => lines.length > 0);
  const since = performance.now();
  let listening = "";
  while (performance.now() - since < WATCHED_MS) {
    for (const signal of ["SIGUSR1", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const) child.signal(signal);
    listening += (await there.run("ss", "-ltnH")).stdout;
  }
  const ended = await child.stop("SIGTERM", 30_000);
  const stderr = lines.filter(({ stream }) => stream === "stderr").map(({ text }) => text);
  return { ready: lines[0]?.text, listening, ended, stderr };
}
