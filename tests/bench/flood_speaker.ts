/**
 * The speaker that `flood_bench.ts` floods, in a process of its own: the agent's transport without the rest of the agent,
 * which is prepared sockets where FFI is allowed and Deno's own otherwise. A word on its standard input changes its routes.
 */
import { openLibc } from "../../ffi/libc.ts";
import { mayUseFfi } from "../../ffi/library.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import { denoTransport } from "../support/deno_transport.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";

const LOCAL = localBgp({ listenPort: Number(Deno.args[0]), listenAddresses: [address("127.0.0.1")] });

function openTransport(stack: AsyncDisposableStack): Transport {
  if (!mayUseFfi()) return denoTransport();
  const libc = stack.use(openLibc());
  const reactor = stack.use(new Reactor(libc));
  return socketTransport(new Sockets(libc, reactor));
}

await using stack = new AsyncDisposableStack();
const speaker = new Speaker({
  local: LOCAL,
  peers: [2, 3].map((host) =>
    peerConfig({ name: `${host}`, address: address(`127.0.0.${host}`), passive: true })
  ),
  transport: openTransport(stack),
  clock: systemClock,
  random: Math.random,
  onEvent: () => {},
});
const first = route("10.99.0.1/32");
speaker.announce([first]);
speaker.start();
for await (const _ of Deno.stdin.readable) speaker.announce([first, route("10.98.0.1/32")]);
speaker.abort();
