/** The transport over plain streams, those of the runtime: the contract on loopback, and what only this adapter does. */
import assert from "node:assert/strict";
import { denoTransport } from "../support/deno_transport.ts";
import { accept, LOCAL_AS, peerAt, transportContract } from "../contract/transport_contract.ts";
import { address } from "../support/bgp.ts";
import { PATIENCE_MS } from "../support/until.ts";

transportContract("streamsTransport()", () => ({
  transport: denoTransport(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}));

Deno.test("streamsTransport() refuses what it cannot set, when it connects and when it listens (port Transport)", async () => {
  const transport = denoTransport();
  const signal = new AbortController().signal;
  const rows = [
    [{ localAddress: address("127.0.0.2") }, /localAddress/],
    [{ password: "secret" }, /password/],
    [{ ttlSecurity: 1 }, /ttlSecurity/],
    [{ multihop: 4 }, /multihop/],
  ] as const;
  for (const [option, named] of rows) {
    const peer = peerAt("127.0.0.1", 1, option);
    await assert.rejects(transport.connect(peer, LOCAL_AS, signal), named);
    assert.throws(() => accept(transport, "127.0.0.1", 0, [peer]), named);
    await assert.rejects(
      transport.connect(peer, LOCAL_AS, signal),
      (error: Error) => !error.message.includes("secret"),
    );
  }
});

Deno.test("streamsTransport() serves both families where :: is listened on before 0.0.0.0 (port Transport)", async () => {
  const transport = denoTransport();
  const signal = new AbortController().signal;
  const peers = [peerAt("127.0.0.1", 0)];
  using six = accept(transport, "::", 17_913, peers);
  using _four = accept(transport, "0.0.0.0", 17_913, peers);
  using client = await transport.connect(peerAt("127.0.0.1", 17_913), LOCAL_AS, signal);
  using server = await six.next();
  assert.equal(server.remote.address.text, "127.0.0.1");
  assert.equal(server.remote.port, client.local.port);
});

Deno.test("streamsTransport() closes connections from addresses that are no peer's at accept (issue: dropped at accept)", async () => {
  const transport = denoTransport();
  const signal = new AbortController().signal;
  using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.9", 0)]);
  using client = await transport.connect(peerAt("127.0.0.1", acceptor.listener.local.port), LOCAL_AS, signal);
  assert.equal(await client.read().catch(() => undefined), undefined);
  assert.deepEqual(acceptor.refusals.map(({ remote, reason }) => [remote.address.text, reason.type]), [[
    "127.0.0.1",
    "no-peer",
  ]]);
});

/** Connects and resets, in a thread of its own, and counts in shared memory. */
const RESETTER = `
import { connect } from "node:net";
onmessage = ({ data: { port, count, done } }) => {
  for (let left = count; left > 0; left--) {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.resetAndDestroy());
    socket.on("error", () => {});
    socket.on("close", () => {
      if (Atomics.add(done, 0, 1) + 1 === count) Atomics.notify(done, 0);
    });
  }
};
postMessage("ready");`;
/** So many that a rest after each one would be seen on the slowest machine. */
const RESETS = 30;

Deno.test("streamsTransport() accepts at once beside connections that were reset before it could (port Transport)", async () => {
  const transport = denoTransport();
  using acceptor = accept(transport, "127.0.0.1", 0, [peerAt("127.0.0.1", 0)]);
  const { port } = acceptor.listener.local;
  const resetter = new Worker(`data:text/javascript,${encodeURIComponent(RESETTER)}`, { type: "module" });
  try {
    await new Promise((resolve) => resetter.onmessage = resolve);
    const done = new Int32Array(new SharedArrayBuffer(4));
    resetter.postMessage({ port, count: RESETS, done });
    // Stand still meanwhile, so that they are reset before they are accepted.
    for (let count = 0; count < RESETS; count = Atomics.load(done, 0)) {
      assert.notEqual(Atomics.wait(done, 0, count, PATIENCE_MS), "timed-out", `${count} resets`);
    }
    const since = performance.now();
    using good = await transport.connect(peerAt("127.0.0.1", port), LOCAL_AS, new AbortController().signal);
    let taken = await acceptor.next();
    while (taken.remote.port !== good.local.port) {
      taken[Symbol.dispose]();
      taken = await acceptor.next();
    }
    taken[Symbol.dispose]();
    assert.ok(performance.now() - since < RESETS * 1000 / 2, `${performance.now() - since} ms`);
  } finally {
    resetter.terminate();
  }
});
