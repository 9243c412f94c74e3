/** The tcp check's rule over streams in memory: what passes, what fails, and in which words. Real servers are in tests/integration. */
import assert from "node:assert/strict";
import type { TcpCheckConfig } from "../../../src/config/checks/tcp.ts";
import { tcpProbe } from "../../../src/health/kinds/tcp.ts";
import { parseAddress } from "../../../src/net/address.ts";
import type { StreamSocket } from "../../../src/net/sockets.ts";
import { tcpCheckConfig } from "../../support/config.ts";
import { MemoryStreams } from "../../support/memory_streams.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** A probe of a server in memory, which does this with its connection. */
async function probed(
  config: Partial<TcpCheckConfig>,
  serve: (server: StreamSocket) => Promise<void> = () => Promise.resolve(),
) {
  const streams = new MemoryStreams();
  const clock = new VirtualClock();
  const [address] = [parseAddress("192.0.2.1")].filter((one) => one !== undefined);
  assert.ok(address);
  const open: StreamSocket[] = [];
  const connection = (server: StreamSocket) => {
    open.push(server);
    serve(server).catch(() => {});
  };
  using _listener = streams.listen({ address, port: 25 }, { connection, fault: assert.fail });
  const names = { addressesOf: () => Promise.resolve({ addresses: [address], leftOut: 0 }) };
  const steps: string[] = [];
  const controller = new AbortController();
  const probe = tcpProbe(tcpCheckConfig({ address: "192.0.2.1", port: 25, ...config }), {
    streams,
    names,
    clock,
  });
  const outcome = probe.run(controller.signal, (step) => steps.push(step));
  for (let turn = 0; turn < 300; turn++) {
    await settle();
    clock.advance(0);
  }
  controller.abort();
  const { kind, detail } = await outcome;
  // What is still to come is the end: nothing is left open.
  for (const server of open) {
    while (await server.read().catch(() => undefined) !== undefined);
    server[Symbol.dispose]();
  }
  assert.equal(clock.pending, 0);
  return { kind, detail, steps };
}

async function say(server: StreamSocket, ...pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) await server.write(text(piece));
}

Deno.test("tcpProbe() without send and expect passes where the connection is accepted", async () => {
  const { kind, detail } = await probed({});
  assert.deepEqual([kind, detail], ["pass", "connected"]);
});

Deno.test("tcpProbe() fails where it is refused", async () => {
  const { kind, detail } = await probed({ port: 26 });
  assert.deepEqual([kind, detail], ["fail", "connection refused"]);
});

Deno.test("tcpProbe() with send alone passes when it is sent", async () => {
  let heard = "";
  const { kind, detail } = await probed({ send: text("PING\r\n") }, async (server) => {
    heard = new TextDecoder().decode(await server.read());
  });
  assert.deepEqual([kind, detail, heard], ["pass", "connected, 6 octets sent", "PING\r\n"]);
});

Deno.test("tcpProbe() with expect alone reads the greeting, however it is cut", async () => {
  for (const pieces of [["220 mail ESMTP\r\n"], ["2", "2", "0 mail"], ["banner\r\n22", "0 mail"]]) {
    const { kind, detail } = await probed({ expect: text("220 ") }, (server) => say(server, ...pieces));
    assert.deepEqual([kind, detail], ["pass", 'the answer has "220 "']);
  }
});

Deno.test("tcpProbe() with send and expect passes where the answer has it", async () => {
  const { kind } = await probed({ send: text("PING\r\n"), expect: text("+PONG") }, async (server) => {
    if (new TextDecoder().decode(await server.read()) === "PING\r\n") await say(server, "+PONG\r\n");
  });
  assert.equal(kind, "pass");
});

for (
  const [what, serve, expected] of [
    ["a server that says something else and closes", async (server: StreamSocket) => {
      await say(server, "554 go away\r\n");
      server[Symbol.dispose]();
    }, 'connection closed before "220 " came, what came: "554 go away\\r\\n"'],
    ["one that closes at once", (server: StreamSocket) => {
      server[Symbol.dispose]();
      return Promise.resolve();
    }, 'connection closed before "220 " came, nothing came'],
    ["one that says what is no text", async (server: StreamSocket) => {
      await server.write(Uint8Array.of(0xff, 0, 1));
      server[Symbol.dispose]();
    }, 'connection closed before "220 " came, what came: octets ff0001'],
    ["one that never ends", async (server: StreamSocket) => {
      for (;;) await say(server, "x".repeat(4096));
    }, `the answer is longer than 65536 octets before "220 " came, what came: "${"x".repeat(80)}"…`],
    ["one that drips", async (server: StreamSocket) => {
      for (;;) {
        await say(server, "y");
        await settle();
      }
    }, `the answer comes in more than 256 pieces before "220 " came, what came: "${"y".repeat(80)}"…`],
  ] as const
) {
  Deno.test(`tcpProbe() fails for ${what}, and shows what came`, async () => {
    const { kind, detail } = await probed({ expect: text("220 ") }, serve);
    assert.deepEqual([kind, detail], ["fail", expected]);
  });
}

Deno.test("tcpProbe() tells what came so far, for when it is cut off", async () => {
  const { steps } = await probed({ expect: text("220 ") }, (server) => say(server, "21"));
  assert.deepEqual(steps, [
    "connecting",
    'waiting for "220 ", nothing came',
    'waiting for "220 ", what came: "21"',
  ]);
});
