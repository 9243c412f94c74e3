/**
 * The FFI floor in a process of its own, for tests of what is a whole process's: `all` uses every part, under the
 * permissions it was given; `pool` fills the runtime's blocking pool first; `stderr LINES` writes lines; `signals` sits there.
 */
import { cpuTime, descriptorLimit, raiseNoFile, trimMemory } from "../../ffi/limits.ts";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { mayUseFfi } from "../../ffi/library.ts";
import { Datagrams } from "../../ffi/datagrams.ts";
import { EPOLLIN, Reactor } from "../../ffi/reactor.ts";
import { ignoreSignal } from "../../ffi/signals.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { StandardError } from "../../ffi/stderr.ts";
import { Streams } from "../../ffi/streams.ts";
import { IcmpEchoer } from "../../src/icmp/echoer.ts";
import { addressOf } from "../../src/net/address.ts";
import { systemClock } from "../../src/time/clock.ts";

const LOOPBACK = addressOf(Uint8Array.of(127, 0, 0, 1));
const NETLINK_ROUTE = 0;
const RTNLGRP_LINK = 1;
const never = () => new AbortController().signal;

/** A stream there and back, an echo, a link's notification: how long each took, in milliseconds. */
export interface Latencies {
  readonly streamMs: number;
  readonly echoMs: number;
  readonly netlinkMs: number;
  readonly stderrMs: number;
}

async function measure(libc: Libc): Promise<Latencies> {
  await using reactor = new Reactor(libc);
  const sockets = new Sockets(libc, reactor);
  const streams = new Streams(sockets, addressOf);
  using icmp = new IcmpEchoer(new Datagrams(sockets), systemClock);
  using libnl = openLibnl(libc);
  using stderr = new StandardError(libc);
  const timed = async (body: () => Promise<unknown>) => {
    const since = performance.now();
    await body();
    return performance.now() - since;
  };
  return {
    streamMs: await timed(async () => {
      using listener = streams.listen({ address: LOOPBACK, port: 0 }, {
        connection: (server) => void server.read().then((octets) => server.write(octets ?? new Uint8Array())),
        fault: () => {},
      });
      const port = listener.local?.port ?? 0;
      using client = await streams.connect({ address: LOOPBACK, port }, never());
      await client.write(Uint8Array.of(1));
      await client.read();
    }),
    echoMs: await timed(() => icmp.echo(LOOPBACK, { timeoutMs: 30_000, signal: never() })),
    netlinkMs: await timed(async () => {
      using socket = libnl.open(NETLINK_ROUTE, [RTNLGRP_LINK]);
      const { promise, resolve } = Promise.withResolvers<void>();
      using _watch = reactor.add(socket.fd, EPOLLIN, () => {
        if (typeof socket.receive() !== "number") resolve();
      });
      // RTM_GETLINK, NLM_F_REQUEST, of interface 1: its answer comes as a notification does.
      const request = new DataView(new ArrayBuffer(32));
      request.setUint32(0, 32, true);
      request.setUint16(4, 18, true);
      request.setUint16(6, 1, true);
      request.setInt32(20, 1, true);
      socket.send(new Uint8Array(request.buffer));
      await promise;
    }),
    stderrMs: await timed(() => stderr.write(new TextEncoder().encode("a line\n"))),
  };
}

/** Everything once, with figures that a test can check. */
async function all(): Promise<void> {
  const ignored = ignoreSignal("SIGUSR1");
  using libc = openLibc();
  using libnl = openLibnl(libc);
  const family = libnl.resolveFamily("nlctrl");
  const { user, system } = cpuTime(libc);
  const { soft } = raiseNoFile(libc, 64);
  const trimmed = trimMemory(libc);
  console.log(JSON.stringify({
    mayUseFfi: mayUseFfi(),
    ignored,
    family,
    cpu: user + system > 0,
    soft: soft >= 64 && descriptorLimit(libc).soft === soft,
    trimmed,
    ...await measure(libc),
  }));
}

/** More than the runtime has blocking threads. */
const HANGING = 40;

/** The same while the pool hangs: reads of a FIFO that nobody writes to, and names that no resolver answers. */
async function pool(fifo: string): Promise<void> {
  using libc = openLibc();
  const before = await measure(libc);
  const ended = new Set<string>();
  const hang = (name: string, work: Promise<unknown>) =>
    void work.finally(() => ended.add(name)).catch(() => {});
  for (let index = 0; index < HANGING; index++) {
    hang("name", Deno.connect({ hostname: `host${index}.example.com`, port: 80 }));
    hang("file", Deno.readFile(fifo));
  }
  hang("canary", Deno.stat("/"));
  const during = await measure(libc);
  console.log(JSON.stringify({ before, during, ended: [...ended] }));
  Deno.exit(0);
}

/** Lines to standard error, and meanwhile a tick on standard output whenever the loop is free. */
async function stderr(lines: number): Promise<void> {
  using libc = openLibc();
  using sink = new StandardError(libc);
  let written = 0;
  const ticking = setInterval(() => console.log(`tick ${written}`), 5);
  for (; written < lines; written++) {
    let octets = new TextEncoder().encode(`line ${written} ${"x".repeat(1000)}\n`);
    while (octets.byteLength > 0) octets = octets.subarray(await sink.write(octets));
  }
  clearInterval(ticking);
  console.log(`all ${written}`);
}

/** Says that it is there, and lives on, as the agent does, until SIGTERM. */
async function signals(): Promise<void> {
  const ignored = ignoreSignal("SIGUSR1");
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGHUP", "SIGUSR2"] as const) Deno.addSignalListener(signal, () => {});
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => resolve());
  console.log(`ready ${ignored}`);
  await promise;
  console.log("ended in order");
  Deno.exit(0);
}

const [command, argument = ""] = Deno.args;
if (import.meta.main) {
  if (command === "all") await all();
  if (command === "pool") await pool(argument);
  if (command === "stderr") await stderr(Number(argument));
  if (command === "signals") await signals();
}
