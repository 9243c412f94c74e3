/**
 * How long after a datagram was sent its reader is called: by a sender in a thread of its own, while this one is idle and
 * while it is busy half of the time. `deno run -A tests/bench/reactor_bench.ts`
 */
import { openLibc } from "../../ffi/libc.ts";
import { EPOLLIN, Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";

const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const PACKETS = 500;
const BUSY_MS = 5;
const LOOPBACK = { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) } as const;

/** Sends the time, again and again, as often as asked. */
const SENDER = `
const { symbols } = Deno.dlopen("libc.so.6", {
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
});
onmessage = async ({ data: { fd, to, count, gapMs } }) => {
  for (let left = count; left > 0; left--) {
    const now = new Uint8Array(new Float64Array([performance.timeOrigin + performance.now()]).buffer);
    symbols.sendto(fd, now, 8n, 0, to, to.byteLength);
    await new Promise((resolve) => setTimeout(resolve, gapMs));
  }
  postMessage("sent");
};`;

function busyLoop(): void {
  const end = performance.now() + BUSY_MS;
  while (performance.now() < end);
}

const libc = openLibc();
const reactor = new Reactor(libc);
const sockets = new Sockets(libc, reactor);
const receiver = sockets.open(4, SOCK_DGRAM, 0);
receiver.bind({ address: LOOPBACK, port: 0, scopeId: 0 });
const sender = sockets.open(4, SOCK_DGRAM, 0);
const { port } = receiver.localAddress();
const to = Uint8Array.of(2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
const latenciesMs: number[] = [];
const time = new Float64Array(1);
const octets = new Uint8Array(time.buffer);
reactor.add(receiver.fd, EPOLLIN, () => {
  while (libc.symbols.recvfrom(receiver.fd, octets, 8n, MSG_DONTWAIT, null, null) > 0n) {
    latenciesMs.push(performance.timeOrigin + performance.now() - (time[0] ?? 0));
  }
});
const worker = new Worker(`data:text/javascript,${encodeURIComponent(SENDER)}`, { type: "module" });

async function run(name: string): Promise<void> {
  latenciesMs.length = 0;
  worker.postMessage({ fd: sender.fd, to, count: PACKETS, gapMs: 3 });
  await new Promise((resolve) => worker.onmessage = resolve);
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(3);
  console.log(`${name}: ${sorted.length} of ${PACKETS}, p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms`);
}

await run("warm-up");
await run("idle");
const timer = setInterval(busyLoop, 2 * BUSY_MS);
await run("half busy");
clearInterval(timer);
worker.terminate();
await reactor.close();
Deno.exit(0);
