/**
 * The process that the scale benchmark measures: a speaker over the production transport, told on standard input what
 * to change. Each word is answered with milliseconds: of the call, and of the longest stall. `deno run -A scale_speaker.ts PORT PEERS ROUTES sorted|shuffled`
 */
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import type { Route } from "../../src/bgp/routes/route.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { addressOf } from "../../src/net/address.ts";
import { hostPrefix } from "../../src/net/prefix.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { numbers, type Order, peerAddress, SUBJECT_ADDRESS, SUBJECT_AS } from "./scale_shape.ts";

const WATCH_MS = 5;

/** The longest time that nothing else had a turn. */
class Watch {
  #longestMs = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#last - WATCH_MS);
    this.#last = now;
  }, WATCH_MS);

  end(): number {
    clearInterval(this.#timer);
    return this.#longestMs;
  }
}

/** What the words on standard input mean: the routes from then on. */
const CHANGES: Readonly<Record<string, (all: readonly Route[], at: number) => readonly Route[]>> = {
  none: () => [],
  all: (all) => all,
  withdraw: (all, at) => all.toSpliced(at, 1),
  announce: (all) => all,
  med: (all, at) =>
    all.map((one, i) => i === at ? { ...one, attributes: { ...one.attributes, med: 1 } } : one),
};

async function main(port: number, peers: number, count: number, order: Order): Promise<void> {
  using libc = openLibc();
  await using reactor = new Reactor(libc, { onError: console.error });
  const { attributes } = route("10.0.0.0/8");
  const all = numbers({ routes: count, order }).map((number): Route => ({
    prefix: hostPrefix(addressOf(Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number))),
    attributes,
    peers: undefined,
  }));
  const speaker = new Speaker({
    local: localBgp({ as: SUBJECT_AS, listenPort: port, listenAddresses: [address(SUBJECT_ADDRESS)] }),
    peers: Array.from(
      { length: peers },
      (_, i) => peerConfig({ name: `${i}`, address: address(peerAddress(i)), passive: true, multihop: 2 }),
    ),
    transport: socketTransport(new Sockets(libc, reactor)),
    clock: systemClock,
    random: Math.random,
    onEvent: () => {},
  });
  speaker.announce(all);
  speaker.start();
  let watch: Watch | undefined;
  let copies = false;
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const word = text.trim();
    if (word === "watch") watch = new Watch();
    if (word === "copies") copies = true;
    const routes = CHANGES[word]?.(all, count >>> 1);
    // As the agent does it: what is equal is another object.
    const given = copies ? routes?.map((one) => ({ ...one, attributes: { ...one.attributes } })) : routes;
    const before = performance.now();
    if (given !== undefined) speaker.announce(given);
    const ms = performance.now() - before;
    console.log(`${ms} ${word === "unwatch" ? watch?.end() : 0}`);
  }
  speaker.abort();
}

const [port, peers, count, order] = Deno.args;
await main(Number(port), Number(peers), Number(count), order === "shuffled" ? "shuffled" : "sorted");
