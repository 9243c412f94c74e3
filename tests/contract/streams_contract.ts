// What every adapter of the port `Streams` does (src/net/sockets.ts), over the real kernel.
import assert from "node:assert/strict";
import { parseAddress } from "../../src/net/address.ts";
import type {
  ListenerEvents,
  StreamAddress,
  StreamListener,
  Streams,
  StreamSocket,
} from "../../src/net/sockets.ts";
import { waitFor, within } from "../support/until.ts";

/** What the contract needs of an adapter. */
export interface StreamsUnderTest {
  readonly name: string;
  open(): Streams & Partial<AsyncDisposable>;
}

const never = new AbortController().signal;
const encode = (text: string) => new TextEncoder().encode(text);
const ignore: ListenerEvents = { connection() {}, fault() {} };

/** Connections that wait, and what whoever takes one does with it. */
const FLOOD = 200;
const WORK_MS = 3;

/** A listener whose connections can be awaited one after the other. */
class Accepting implements Disposable {
  readonly #waiting: StreamSocket[] = [];
  readonly #takers: ((socket: StreamSocket) => void)[] = [];
  readonly listener: StreamListener;

  constructor(streams: Streams, at: StreamAddress) {
    this.listener = streams.listen(at, {
      connection: (socket) => {
        const taker = this.#takers.shift();
        if (taker === undefined) this.#waiting.push(socket);
        else taker(socket);
      },
      fault: (error) => assert.fail(error.message),
    });
  }

  next(): Promise<StreamSocket> {
    const socket = this.#waiting.shift();
    return socket === undefined
      ? within(new Promise((resolve) => this.#takers.push(resolve)), "a connection")
      : Promise.resolve(socket);
  }

  [Symbol.dispose](): void {
    this.listener[Symbol.dispose]();
  }
}

function loopback(
  family: 4 | 6,
  port: number,
): { readonly address: NonNullable<ReturnType<typeof parseAddress>>; readonly port: number } {
  const address = parseAddress(family === 4 ? "127.0.0.1" : "::1");
  assert.ok(address !== undefined);
  return { address, port };
}

/** All that comes until the end, as text. */
async function textOf(socket: StreamSocket): Promise<string> {
  let text = "";
  for (let octets = await socket.read(); octets !== undefined; octets = await socket.read()) {
    text += new TextDecoder().decode(octets);
  }
  return text;
}

/** Registers the contract's tests for one adapter. */
export function testStreams({ name, open }: StreamsUnderTest): void {
  const test = (sentence: string, body: (streams: Streams, folder: string) => Promise<void>) =>
    Deno.test(`${name}: ${sentence}`, async () => {
      const folder = Deno.makeTempDirSync();
      const streams = open();
      try {
        await body(streams, folder);
      } finally {
        await streams[Symbol.asyncDispose]?.();
        Deno.removeSync(folder, { recursive: true });
      }
    });

  test(
    "octets go both ways, and each side sees the other's end, over IPv4, IPv6 and unix sockets",
    async (streams, folder) => {
      for (const at of [loopback(4, 0), loopback(6, 0), { path: `${folder}/s` }]) {
        using accepting = new Accepting(streams, at);
        const { local } = accepting.listener;
        const client = await streams.connect(local ?? at, never);
        const server = await accepting.next();
        if ("address" in at) {
          assert.equal(server.remote?.address.text, at.address.text);
          assert.deepEqual(server.remote?.port, client.local?.port);
          assert.deepEqual(client.remote?.port, local?.port);
        } else assert.deepEqual([local, client.local, client.remote, server.local], Array(4).fill(undefined));
        await client.write(encode("ping"));
        assert.equal(new TextDecoder().decode(await server.read()), "ping");
        const big = new Uint8Array(3_000_000).fill(0x61);
        const writing = server.write(big).then(() => server.end(5000));
        assert.equal((await textOf(client)).length, big.length);
        await client.end(5000);
        await writing;
        assert.equal(await client.read(), undefined);
      }
    },
  );

  test(
    "connections that wait one after the other leave the runtime's own sockets their turns",
    async (streams) => {
      let accepted = 0;
      using flooded = streams.listen(loopback(4, 0), {
        connection(socket) {
          accepted++;
          for (const since = performance.now(); performance.now() - since < WORK_MS;);
          socket[Symbol.dispose]();
        },
        fault: (error) => assert.fail(error.message),
      });
      const connect = ({ port }: { readonly port: number }) => Deno.connect({ hostname: "127.0.0.1", port });
      const { port = 0 } = flooded.local ?? {};
      const flood = Promise.all(Array.from({ length: FLOOD }, () => connect({ port })));
      await waitFor("the first one", 10_000, () => accepted > 0);
      using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const before = accepted;
      const [client, server] = await Promise.all([connect(other.addr), other.accept()]);
      await client.write(encode("?"));
      await server.read(new Uint8Array(1));
      const meanwhile = accepted - before;
      for (const socket of [client, server, ...await flood]) socket.close();
      await waitFor("all of them", 10_000, () => accepted === FLOOD);
      assert.ok(meanwhile < 40, `${meanwhile} were accepted meanwhile`);
    },
  );

  test("end() delivers what was written even to one who has sent what nobody read", async (streams) => {
    using accepting = new Accepting(streams, loopback(4, 0));
    const client = await streams.connect(accepting.listener.local ?? loopback(4, 0), never);
    const server = await accepting.next();
    await client.write(new Uint8Array(100_000));
    const ending = server.write(encode("goodbye")).then(() => server.end(10_000));
    assert.equal(await textOf(client), "goodbye");
    client[Symbol.dispose]();
    await ending;
  });

  test("end() does not wait longer than its limit, and wakes a read", async (streams) => {
    using accepting = new Accepting(streams, loopback(4, 0));
    const client = await streams.connect(accepting.listener.local ?? loopback(4, 0), never);
    const server = await accepting.next();
    const reading = server.read();
    await within(server.end(20), "the end, though the client stays");
    assert.equal(await reading, undefined);
    await assert.rejects(server.write(encode("x")));
    client[Symbol.dispose]();
  });

  test("disposing wakes a read and fails a write, twice over is fine", async (streams) => {
    using accepting = new Accepting(streams, loopback(4, 0));
    const client = await streams.connect(accepting.listener.local ?? loopback(4, 0), never);
    const server = await accepting.next();
    const reading = within(server.read(), "the read");
    const writing = assert.rejects(within(server.write(new Uint8Array(50_000_000)), "the write"));
    server[Symbol.dispose]();
    server[Symbol.dispose]();
    assert.equal(await reading, undefined);
    await writing;
    await server.end(1000);
    client[Symbol.dispose]();
  });

  test(
    "what cannot be connected to or listened on is told with the kernel's code",
    async (streams, folder) => {
      const codeOf = async (attempt: () => unknown) => {
        try {
          await attempt();
        } catch (error) {
          return error instanceof Error && "code" in error ? error.code : String(error);
        }
        return "none";
      };
      const at = loopback(4, 0);
      const used = new Accepting(streams, at);
      const { local = at } = used.listener;
      assert.equal(await codeOf(() => streams.listen(local, ignore)), "EADDRINUSE");
      used[Symbol.dispose]();
      // The system may close it a moment later.
      let code: unknown;
      await waitFor("nobody listens", 10_000, async () => {
        code = await codeOf(() => streams.connect(local, never).then((socket) => socket[Symbol.dispose]()));
        return code !== "none" && code !== "ECONNRESET";
      });
      assert.equal(code, "ECONNREFUSED");
      assert.equal(await codeOf(() => streams.connect({ path: `${folder}/none` }, never)), "ENOENT");
      const absent = parseAddress("192.0.2.1");
      assert.ok(absent !== undefined);
      assert.equal(await codeOf(() => streams.listen({ address: absent, port: 0 }, ignore)), "EADDRNOTAVAIL");
      assert.equal(await codeOf(() => streams.listen({ path: `${folder}/none/s` }, ignore)), "ENOENT");
      await assert.rejects(streams.connect(local, AbortSignal.abort(new Error("not now"))), /not now/);
    },
  );

  test(
    "the file of a unix socket has mode 0600, replaces nothing, leaves nothing beside it, and stays",
    async (streams, folder) => {
      const path = `${folder}/s`;
      for (
        const put of [
          (at: string) => Deno.writeTextFileSync(at, "x"),
          (at: string) => Deno.symlinkSync("/x", at),
        ]
      ) {
        put(path);
        assert.throws(() => streams.listen({ path }, ignore), /exists|in use/i);
        Deno.removeSync(path);
      }
      using _accepting = new Accepting(streams, { path });
      assert.equal((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o600);
      assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["s"]);
      assert.throws(() => streams.listen({ path }, ignore), /exists|in use/i);
      const client = await streams.connect({ path }, never);
      (await _accepting.next())[Symbol.dispose]();
      client[Symbol.dispose]();
      _accepting[Symbol.dispose]();
      assert.ok(Deno.lstatSync(path).isSocket, "whose file it is by now, the caller knows");
    },
  );
}
