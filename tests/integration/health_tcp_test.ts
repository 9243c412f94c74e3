/** The tcp check against real servers, good ones and bad ones, by the runtime's streams and by prepared ones. */
import assert from "node:assert/strict";
import type { TcpCheckConfig } from "../../src/config/checks/tcp.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import { countedAllowance } from "../../src/health/kinds/allowance.ts";
import { TCP_LIMITS, tcpProbe } from "../../src/health/kinds/tcp.ts";
import type { Streams } from "../../src/net/sockets.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { tcpCheckConfig } from "../support/config.ts";
import { withFloor } from "../support/ffi.ts";
import { until, within } from "../support/until.ts";
import { type Behaviour, drip, flood, hang, probePorts, RawServer } from "./health_servers.ts";

const octets = (text: string) => new TextEncoder().encode(text);
/** Far beyond what a probe takes that is not cut off. */
const LIMIT_MS = 60_000;

async function probe(config: Partial<TcpCheckConfig>, streams: Streams, timeoutMs = LIMIT_MS) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error("timed out")), timeoutMs);
  let step = "";
  try {
    const probed = tcpProbe(tcpCheckConfig({ timeoutMs, ...config }), { ...probePorts(), streams });
    const outcome = probed.run(controller.signal, (next) => step = next);
    const { kind, detail } = await within(outcome, "a probe", 2 * LIMIT_MS);
    return { kind, detail, step };
  } finally {
    clearTimeout(timer);
  }
}

async function say(connection: Deno.Conn, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await connection.write(octets(text));
}

/** Greets, and answers each line with what it was, until the other side closes. */
const polite: Behaviour = async (connection) => {
  await say(connection, "220 mail.example ESMTP\r\n");
  const buffer = new Uint8Array(4096);
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    await say(connection, "250 ", new TextDecoder().decode(buffer.subarray(0, count)));
  }
};

/** Greets and goes, with what it was told unread: its end is a reset. */
const resetting: Behaviour = (connection) => say(connection, "hello");

for (const [by, use] of [["the runtime's streams", forRuntime], ["prepared sockets", forPrepared]] as const) {
  for (const address of ["127.0.0.1", "::1", "localhost"]) {
    const by = address === "localhost" ? " (127.0.0.1)" : "";
    Deno.test(`tcpProbe() of ${address} by ${by} connects, reads a greeting, and is answered`, () =>
      use(async (streams) => {
        await using server = new RawServer(polite, { hostname: address === "::1" ? "::1" : "127.0.0.1" });
        const { port } = server;
        const plain = await probe({ address, port }, streams);
        assert.deepEqual([plain.kind, plain.detail], ["pass", `connected${by}`]);
        const greeted = await probe({ address, port, expect: octets("220 ") }, streams);
        assert.equal(greeted.detail, `the answer has "220 "${by}`);
        const asked = await probe(
          { address, port, send: octets("NOOP\r\n"), expect: octets("250 NOOP\r\n") },
          streams,
        );
        assert.equal(asked.kind, "pass");
        await until(() => server.accepted === 3 && server.open.size === 0, () => "connections stay open");
      }));
  }

  Deno.test(`tcpProbe() by ${by} fails for what a bad server does, and shows it`, async (t) => {
    for (
      const [what, behaviour, detail] of [
        ["closes at once", () => Promise.resolve(), /^connection closed before "220 " came, nothing came$/],
        [
          "says something else",
          (connection: Deno.Conn) => say(connection, "554 no\r\n"),
          /^connection closed before "220 " came, what came: "554 no\\r\\n"$/,
        ],
        [
          "never ends",
          flood("", "x".repeat(16_384)),
          new RegExp(
            `^the answer is longer than ${TCP_LIMITS.octets} octets before "220 " came, what came: "x+"…$`,
          ),
        ],
        [
          "sends garbage",
          flood("", "\0\xff".repeat(8192)),
          /^the answer is longer than 65536 octets before "220 " came, what came: octets 00c3bf/,
        ],
      ] as const
    ) {
      await t.step(what, () =>
        use(async (streams) => {
          await using server = new RawServer(behaviour);
          const config = { port: server.port, send: octets("x"), expect: octets("220 ") };
          const outcome = await probe(config, streams);
          assert.equal(outcome.kind, "fail");
          assert.match(
            outcome.detail.replace(/^connection reset before/, "connection closed before"),
            detail,
          );
        }));
    }
  });

  Deno.test(`tcpProbe() by ${by} is cut off where a server says nothing or drips, and closes`, () =>
    use(async (streams) => {
      for (
        const [behaviour, step] of [[hang, "nothing came"], [drip("221 221 ", 20), "what came: "]] as const
      ) {
        await using server = new RawServer(behaviour);
        const config = { port: server.port, send: octets("x"), expect: octets("220 ") };
        const outcome = await probe(config, streams, 100);
        assert.equal(outcome.kind, "fail");
        assert.ok(outcome.step.startsWith(`waiting for "220 ", ${step}`), outcome.step);
        await until(() => server.open.size === 0, () => "the connection stays open");
      }
    }));

  Deno.test(`tcpProbe() by ${by} fails where nothing listens, and where the server resets`, () =>
    use(async (streams) => {
      let free: number;
      {
        await using server = new RawServer(resetting);
        free = server.port;
        const config = { port: free, send: octets("x".repeat(4096)), expect: octets("220 ") };
        const { kind, detail } = await probe(config, streams);
        assert.equal(kind, "fail");
        assert.match(detail, /^connection (reset|closed) before "220 " came/);
      }
      const { kind, detail } = await probe({ port: free }, streams);
      assert.deepEqual([kind, detail], ["fail", "connection refused"]);
    }));

  Deno.test(`tcpProbe() by ${by} does not wait for a server whose queue is full`, () =>
    use(async (streams) => {
      // Nobody accepts, so that the kernel drops what comes behind the queue.
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
      const { port } = listener.addr;
      const full: Promise<Deno.Conn>[] = [];
      const controller = new AbortController();
      for (let count = 0; count < 8; count++) {
        full.push(Deno.connect({ hostname: "127.0.0.1", port, signal: controller.signal }));
      }
      const outcomes = await Promise.all(
        Array.from({ length: 4 }, () => probe({ port }, streams, 300)),
      );
      controller.abort();
      for (const one of full) one.then((connection) => connection.close(), () => {});
      await Promise.allSettled(full);
      assert.ok(
        outcomes.some(({ kind, step }) => kind === "fail" && step === "connecting"),
        JSON.stringify(outcomes),
      );
    }));
}

Deno.test("tcpProbe() watches by an idle connection: a greeting is no end, and the end of the server is", async () => {
  const server = new RawServer(polite);
  const reasons: string[] = [];
  const probed = tcpProbe(tcpCheckConfig({ port: server.port }), probePorts());
  using _watch = probed.watch?.((reason) => reasons.push(reason));
  await until(() => server.open.size === 1);
  const outcome = await probe({ port: server.port, expect: octets("220 ") }, denoStreams());
  assert.deepEqual([outcome.kind, reasons], ["pass", []]);
  await server[Symbol.asyncDispose]();
  await until(() => reasons.length === 1);
  const more: string[] = [];
  await using again = new RawServer(polite);
  const watch = tcpProbe(tcpCheckConfig({ port: again.port }), probePorts()).watch?.((reason) =>
    more.push(reason)
  );
  await until(() => again.open.size === 1);
  watch?.[Symbol.dispose]();
  await until(() => again.open.size === 0);
  assert.deepEqual(more, []);
});

Deno.test("a tcp check runs two at once, and is not run where no descriptors are left", async () => {
  await using server = new RawServer(polite);
  const config = tcpCheckConfig({ port: server.port, expect: octets("220") });
  const signal = new AbortController().signal;
  const run = (slots: number) => {
    const probed = createProbe(config, probePorts({ slots: countedAllowance(() => slots) }));
    return Promise.all([probed.run(signal, () => {}), probed.run(signal, () => {})]);
  };
  assert.deepEqual((await run(2)).map(({ kind }) => kind), ["pass", "pass"]);
  assert.deepEqual((await run(1)).map(({ kind }) => kind), ["pass", "unknown"]);
});

function forRuntime(body: (streams: Streams) => Promise<void>): Promise<void> {
  return body(denoStreams());
}

function forPrepared(body: (streams: Streams) => Promise<void>): Promise<void> {
  return withFloor(({ streams }) => body(streams));
}
