/**
 * Servers that answer a health check as nobody should, in a process of their own, for what they waste is to be nobody
 * else's time: prints one JSON line with the port of each, and ends with its standard input.
 */

import { createSocket } from "node:dgram";

/** What one does with a connection; it is closed when this returns or throws. */
type Behaviour = (connection: Deno.Conn) => Promise<void>;

const text = (value: string) => new TextEncoder().encode(value);

async function write(connection: Deno.Conn, octets: Uint8Array): Promise<void> {
  for (let rest = octets; rest.byteLength > 0;) rest = rest.subarray(await connection.write(rest));
}

/** Answers the first octets with `first`, and then with `more` for ever. */
function endless(first: Uint8Array, more: Uint8Array): Behaviour {
  return async (connection) => {
    await connection.read(new Uint8Array(4096));
    await write(connection, first);
    for (;;) await write(connection, more);
  };
}

/** More than a probe takes in pieces; a machine so busy that they came together is not asked to send many more of them. */
const SINGLE_OCTETS = 4000;

/** As fast as it goes, in segments of one octet, and more at a time where that has not been too much. */
const oneByOne: Behaviour = async (connection) => {
  if ("setNoDelay" in connection && typeof connection.setNoDelay === "function") connection.setNoDelay(true);
  await connection.read(new Uint8Array(4096));
  await write(connection, text("HTTP/1.1 200 OK\r\nx: "));
  for (let sent = 0; sent < SINGLE_OCTETS; sent++) await write(connection, text("y"));
  const more = text("y".repeat(1000));
  for (;;) await write(connection, more);
};

const slowly: Behaviour = async (connection) => {
  await connection.read(new Uint8Array(4096));
  for (const octet of `HTTP/1.1 200 OK\r\nx: ${"y".repeat(1000)}`) {
    await write(connection, text(octet));
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
};

/** A frame of HTTP/2 (RFC 9113 section 4.1). */
function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const octets = new Uint8Array(9 + payload.byteLength);
  const view = new DataView(octets.buffer);
  view.setUint8(0, payload.byteLength >> 16);
  view.setUint16(1, payload.byteLength & 0xffff);
  view.setUint8(3, type);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  octets.set(payload, 9);
  return octets;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const octets = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  parts.reduce((at, part) => (octets.set(part, at), at + part.byteLength), 0);
  return octets;
}

const DATA = 0;
const HEADERS = 1;
const SETTINGS = 4;
const PING = 6;
const CONTINUATION = 9;
const END_HEADERS = 4;
const settings = frame(SETTINGS, 0, 0, new Uint8Array());
/** `:status: 103`, the name of the static table, the value as it is. */
const earlyHints = frame(HEADERS, END_HEADERS, 1, concat(new Uint8Array([0x08, 3]), text("103")));
/** `:status: 200`, then a field of 4,000 octets that enters the dynamic table, and references to it: a bomb. */
const bomb = () => {
  const value = new Uint8Array(4000).fill(0x61);
  const field = concat(
    new Uint8Array([0x88, 0x40, 1, 0x78, 0x7f, (4000 - 127) % 128 | 128, (4000 - 127) >> 7]),
    value,
  );
  return concat(field, new Uint8Array(12_000).fill(0xbe));
};

const HEAD = "HTTP/1.1 200 OK\r\n";
const CHUNKED = text(`${HEAD}transfer-encoding: chunked\r\n\r\n`);

/** Answers with half a body and resets the connection: octets that nobody has read make close(2) do that. */
const resetting: Behaviour = async (connection) => {
  await connection.read(new Uint8Array(1));
  await write(connection, text(`${HEAD}content-length: 100\r\n\r\nhalf`));
};

/** What a check meets that reads bodies. */
const BODIES: Readonly<Record<string, Behaviour>> = {
  "a body without end": endless(text(`${HEAD}\r\n`), new Uint8Array(65_536).fill(0x61)),
  "chunks without end": endless(CHUNKED, text("1\r\na\r\n".repeat(1000))),
  "an extension of a chunk without end": endless(concat(CHUNKED, text("5;a=")), text("b".repeat(10_000))),
  "trailers without end": endless(concat(CHUNKED, text("0\r\n")), text("a: b\r\n".repeat(1000))),
  "a chunk's size without end": endless(CHUNKED, text("0".repeat(10_000))),
  "a chunk of a terabyte": endless(concat(CHUNKED, text("ffffffffff\r\n")), new Uint8Array(65_536)),
  "a length of a petabyte": endless(
    text(`${HEAD}content-length: 999999999999999\r\n\r\n`),
    new Uint8Array(65_536),
  ),
  "a bomb of gzip": endless(text(`${HEAD}content-encoding: gzip\r\n\r\n`), new Uint8Array(65_536)),
  "half a body, and a reset": resetting,
  "half a body, and silence": async (connection) => {
    await connection.read(new Uint8Array(4096));
    await write(connection, text(`${HEAD}content-length: 100\r\n\r\nhalf`));
    await connection.read(new Uint8Array(4096));
  },
  "a body by the octet": async (connection) => {
    if ("setNoDelay" in connection && typeof connection.setNoDelay === "function") {
      connection.setNoDelay(true);
    }
    await connection.read(new Uint8Array(4096));
    await write(connection, text(`${HEAD}\r\n`));
    for (let sent = 0; sent < SINGLE_OCTETS; sent++) await write(connection, text("y"));
    for (const more = text("y".repeat(1000));;) await write(connection, more);
  },
};

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  "interim answers": endless(new Uint8Array(), text("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000))),
  "an endless header": endless(text("HTTP/1.1 200 OK\r\n"), text(`x: ${"y".repeat(60_000)}\r\n`)),
  "an endless body": endless(text("HTTP/1.1 200 OK\r\n\r\n"), new Uint8Array(65_536)),
  "an endless status line": endless(text("HTTP/1.1 200 "), new Uint8Array(65_536).fill(0x61)),
  "one octet at a time": oneByOne,
  "one octet a second": slowly,
};

/** Over TLS, with HTTP/2 agreed on. */
const BEHAVIOURS_H2: Readonly<Record<string, Behaviour>> = {
  "interim answers by HTTP/2": endless(settings, concat(...new Array(1000).fill(earlyHints))),
  "endless SETTINGS": endless(settings, concat(...new Array(1000).fill(settings))),
  "endless PING": endless(settings, concat(...new Array(1000).fill(frame(PING, 0, 0, new Uint8Array(8))))),
  "an endless header by HTTP/2": endless(
    concat(settings, frame(HEADERS, 0, 1, concat(new Uint8Array([0x88]), new Uint8Array(100)))),
    frame(CONTINUATION, 0, 1, new Uint8Array(16_000)),
  ),
  "a header that unpacks to 48 MB": endless(
    settings,
    concat(frame(HEADERS, END_HEADERS, 1, bomb().subarray(0, 16_384)), new Uint8Array()),
  ),
  "DATA without end": endless(
    concat(settings, frame(HEADERS, END_HEADERS, 1, new Uint8Array([0x88]))),
    frame(DATA, 0, 1, new Uint8Array(16_384).fill(0x61)),
  ),
  "empty DATA without end": endless(
    concat(settings, frame(HEADERS, END_HEADERS, 1, new Uint8Array([0x88]))),
    concat(...new Array(1000).fill(frame(DATA, 0, 1, new Uint8Array()))),
  ),
  "nothing but zeros": endless(new Uint8Array(), new Uint8Array(16_384)),
};

/** What no protocol is: for every kind that reads an answer. */
const RAW: Readonly<Record<string, Behaviour>> = {
  "silence": async (connection) => {
    while (await connection.read(new Uint8Array(4096)) !== null);
  },
  "garbage": endless(new Uint8Array(), text("\x00\xff{<garbage>}\r".repeat(500))),
  "garbage, and the end": async (connection) => {
    await write(connection, text("\x15\x03 garbage \x00\x00\r\n"));
    await connection.read(new Uint8Array(4096));
  },
  "zeros": endless(new Uint8Array(), new Uint8Array(65_536)),
  "a drip": slowlyAtOnce,
  // Octets that nobody has read make close(2) send a reset.
  "a reset": async (connection) => void await connection.read(new Uint8Array(1)),
  "the end at once": () => Promise.resolve(),
};

async function slowlyAtOnce(connection: Deno.Conn): Promise<void> {
  for (let count = 0; count < 100; count++) {
    await write(connection, text("y"));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What a datagram is answered with. */
const UDP: Readonly<Record<string, readonly Uint8Array[]>> = {
  "no datagram": [],
  "a datagram of garbage": [text("garbage\x00\xff")],
  "a flood of datagrams": new Array(200).fill(new Uint8Array(1400).fill(0x80)),
  "an empty datagram": [new Uint8Array()],
  "a datagram that is huge": [new Uint8Array(60_000)],
};

async function serveDatagrams(answers: readonly Uint8Array[]): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (_octets, { port, address }) => {
    for (const answer of answers) socket.send(answer, port, address);
  });
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket.address().port;
}

function serve(listener: Deno.Listener<Deno.Conn, Deno.NetAddr>, behaviour: Behaviour): number {
  (async () => {
    for await (const connection of listener) {
      behaviour(connection).catch(() => {}).finally(() => {
        try {
          connection.close();
        } catch {
          // It is gone.
        }
      });
    }
  })();
  return listener.addr.port;
}

/** `garbage`: what no TLS is, for ever, after the first octets of a handshake. */
async function main([keyFile = "", certFile = ""]: readonly string[]): Promise<void> {
  const [key, cert] = [Deno.readTextFileSync(keyFile), Deno.readTextFileSync(certFile)];
  const hostname = "127.0.0.1";
  const http: Record<string, number> = {};
  const https: Record<string, number> = {};
  const bodies: Record<string, number> = {};
  const raw: Record<string, number> = {};
  const udp: Record<string, number> = {};
  for (const [name, behaviour] of Object.entries(RAW)) {
    raw[name] = serve(Deno.listen({ hostname, port: 0 }), behaviour);
  }
  for (const [name, answers] of Object.entries(UDP)) udp[name] = await serveDatagrams(answers);
  for (const [name, behaviour] of Object.entries(BEHAVIOURS)) {
    http[name] = serve(Deno.listen({ hostname, port: 0 }), behaviour);
    https[`${name} over TLS`] = serve(Deno.listenTls({ hostname, port: 0, key, cert }), behaviour);
  }
  for (const [name, behaviour] of Object.entries(BODIES)) {
    bodies[name] = serve(Deno.listen({ hostname, port: 0 }), behaviour);
  }
  for (const [name, behaviour] of Object.entries(BEHAVIOURS_H2)) {
    https[name] = serve(Deno.listenTls({ hostname, port: 0, key, cert, alpnProtocols: ["h2"] }), behaviour);
  }
  // A TLS record of type handshake, 16 KiB long, again and again.
  const record = concat(new Uint8Array([22, 3, 3, 0x40, 0]), new Uint8Array(16_384));
  https["endless handshake records"] = serve(
    Deno.listen({ hostname, port: 0 }),
    endless(new Uint8Array(), record),
  );
  console.log(JSON.stringify({ http, https, bodies, raw, udp }));
}

await main(Deno.args);
await Deno.stdin.read(new Uint8Array(1));
Deno.exit(0);
