/** Dialling on the virtual clock: the order of addresses, the head start, and what is left open of those that lost. */
import assert from "node:assert/strict";
import { dial } from "../../../src/health/connect/dial.ts";
import { parseAddress } from "../../../src/net/address.ts";
import type { StreamAddress, StreamSocket, StreamSource } from "../../../src/net/sockets.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

interface Attempt {
  readonly text: string;
  readonly source: string | undefined;
  readonly atMs: number;
  readonly signal: AbortSignal;
  connect(): void;
  fail(error: string | Error): void;
}

/** A host with these addresses, whose connections end as the test says. */
function rig(...texts: readonly string[]) {
  return rigFrom(undefined, ...texts);
}

/** The same, with a source of the connections. */
function rigFrom(source: string | undefined, ...texts: readonly string[]) {
  const clock = new VirtualClock();
  const attempts: Attempt[] = [];
  const open = new Set<string>();
  const steps: string[] = [];
  const controller = new AbortController();
  const addresses = texts.flatMap((text) => parseAddress(text) ?? []);
  const connect = (to: StreamAddress, signal: AbortSignal, from?: StreamSource) =>
    new Promise<StreamSocket>((resolve, reject) => {
      const text = "address" in to ? `${to.address.text} ${to.port}` : to.path;
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      const socket: StreamSocket = {
        local: undefined,
        remote: undefined,
        read: () => Promise.resolve(undefined),
        write: () => Promise.resolve(),
        end: () => Promise.resolve(),
        [Symbol.dispose]: () => void open.delete(text),
      };
      const connected = () => (open.add(text), resolve(socket));
      const fail = (error: string | Error) => reject(typeof error === "string" ? new Error(error) : error);
      attempts.push({
        text,
        source: from?.address?.text,
        atMs: clock.now(),
        signal,
        connect: connected,
        fail,
      });
    });
  const ports = { clock, streams: { connect }, names: { addressesOf: () => Promise.resolve(addresses) } };
  const from = source === undefined ? undefined : parseAddress(source);
  const dialled = dial("a.example", 80, ports, controller.signal, (step) => steps.push(step), from).then(
    () => "connected",
    (error) => `${error.message}`,
  );
  return { clock, attempts, open, steps, controller, dialled };
}

Deno.test("dial() connects to the only address, and says what it does", async () => {
  const { attempts, dialled, open, steps, clock } = rig("192.0.2.1");
  await settle();
  attempts[0]?.connect();
  assert.equal(await dialled, "connected");
  assert.deepEqual([...open], ["192.0.2.1 80"]);
  assert.deepEqual(steps, ["looking up the host name", "connecting"]);
  assert.equal(clock.pending, 0);
});

Deno.test("dial() tries the next address when one fails, and takes the first that works", async () => {
  const { attempts, dialled, open, clock } = rig("192.0.2.1", "192.0.2.2", "2001:db8::1");
  await settle();
  attempts[0]?.fail("connection refused");
  await settle();
  attempts[1]?.connect();
  assert.equal(await dialled, "connected");
  assert.deepEqual(attempts.map(({ text }) => text), ["192.0.2.1 80", "192.0.2.2 80"]);
  assert.deepEqual([...open], ["192.0.2.2 80"]);
  assert.equal(clock.pending, 0);
});

Deno.test("dial() gives an address that is silent a head start only, and closes the one that comes too late", async () => {
  const { attempts, dialled, open, clock } = rig("192.0.2.1", "2001:db8::1");
  await clock.advance(1000);
  assert.deepEqual(attempts.map(({ atMs }) => atMs), [0, 250]);
  attempts[1]?.connect();
  attempts[0]?.connect();
  assert.equal(await dialled, "connected");
  await settle();
  assert.deepEqual([...open], ["2001:db8::1 80"]);
});

Deno.test("dial() aborts what has not connected when another has, and not that one", async () => {
  const { attempts, dialled, clock } = rig("192.0.2.1", "2001:db8::1");
  await clock.advance(300);
  attempts[1]?.connect();
  assert.equal(await dialled, "connected");
  assert.deepEqual(attempts.map(({ signal }) => signal.aborted), [true, false]);
});

Deno.test("dial() fails with the words of the first address when all have failed", async () => {
  const { attempts, dialled, clock } = rig("192.0.2.1", "2001:db8::1");
  await settle();
  attempts[0]?.fail("connection refused");
  await settle();
  attempts[1]?.fail("network is unreachable");
  assert.equal(await dialled, "connection refused");
  assert.equal(clock.pending, 0);
});

for (const count of [1, 2]) {
  Deno.test(`dial() ends when it is aborted with ${count} addresses, and leaves nothing`, async () => {
    const { attempts, dialled, controller, open, clock } = rig(
      ...["192.0.2.1", "2001:db8::1"].slice(0, count),
    );
    await clock.advance(300);
    controller.abort(new Error("cut off"));
    assert.match(await dialled, /aborted|cut off/);
    assert.ok(attempts.every(({ signal }) => signal.aborted));
    assert.deepEqual([open.size, clock.pending], [0, 0]);
  });
}

Deno.test("dial() from a source tries the addresses of its family alone, each from there", async () => {
  const { attempts, dialled } = rigFrom(
    "2001:db8::9",
    "192.0.2.1",
    "2001:db8::1",
    "192.0.2.2",
    "2001:db8::2",
  );
  await settle();
  attempts[0]?.fail("connection refused");
  await settle();
  attempts[1]?.connect();
  assert.equal(await dialled, "connected");
  assert.deepEqual(attempts.map(({ text, source }) => `${source} to ${text}`), [
    "2001:db8::9 to 2001:db8::1 80",
    "2001:db8::9 to 2001:db8::2 80",
  ]);
});

Deno.test("dial() from a source of another family than all addresses fails in words, and connects to none", async () => {
  const { attempts, dialled, clock } = rigFrom("2001:db8::9", "192.0.2.1");
  assert.equal(await dialled, "a.example has no IPv6 address, and source 2001:db8::9 is one");
  assert.deepEqual([attempts.length, clock.pending], [0, 0]);
});

for (const addresses of [["192.0.2.1"], ["192.0.2.1", "192.0.2.2"]]) {
  for (
    const [operation, words] of [["bind", "is no address of this host"], ["connect", "has no port left"]]
  ) {
    Deno.test(`dial() from a source that ${words}, to ${addresses.length}: our own shortage`, async () => {
      const { attempts, dialled } = rigFrom("192.0.2.9", ...addresses);
      const refusal = Object.assign(new Error("cannot assign requested address"), {
        code: "EADDRNOTAVAIL",
        operation,
      });
      for (const [at] of addresses.entries()) {
        await settle();
        attempts[at]?.fail(refusal);
      }
      assert.equal(await dialled, `source 192.0.2.9 ${words}`);
    });
  }
}
