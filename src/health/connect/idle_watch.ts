/**
 * An idle connection to a server, whose end the kernel reports at once: a process that dies takes its connections with it.
 * Nothing is sent; what comes is dropped, within bounds. A server that stands still keeps it, and so does one whose host
 * is gone: this watch says nothing of either.
 */
import type { StreamSocket } from "../../net/sockets.ts";
import type { Clock } from "../../time/clock.ts";
import { boundedStream, type StreamLimits } from "./bounded_stream.ts";
import type { DialPorts } from "./dial.ts";
import type { AddressLimits } from "./each_address.ts";
import { failureOf } from "./failure.ts";
import { type Place, reach } from "./reach.ts";

/** A greeting, and an answer that says that nothing was asked. */
const LIMITS: StreamLimits = { octets: 65_536, pieces: 64 };

/** How the watch came to its end: perhaps because it was idle, or for want of something of our own. */
export type IdleEnd = "idle" | "lost";

/** Is told why and how the watch has ended. */
export type IdleEnded = (reason: string, how: IdleEnd) => void;

/** An idle connection to the endpoint of a check, whatever is spoken there. */
export function watchEndpoint(
  place: Place & AddressLimits,
  ports: DialPorts,
  ended: IdleEnded,
): Disposable {
  return idleWatch((signal) => reach(place, ports, signal, () => {}, place), ports.clock, ended);
}

/** Connects and waits for the end, which `ended` is told once. Disposing closes it, and nothing is told any more. */
export function idleWatch(
  connect: (signal: AbortSignal) => Promise<StreamSocket>,
  clock: Clock,
  ended: IdleEnded,
): Disposable {
  const controller = new AbortController();
  let socket: StreamSocket | undefined;
  const close = () => {
    controller.abort();
    socket?.[Symbol.dispose]();
  };
  const watch = async () => {
    socket = await connect(controller.signal);
    if (controller.signal.aborted) return close();
    const bounded = boundedStream(socket, clock, LIMITS);
    while (await bounded.read() !== undefined);
  };
  const end = (reason: string, how: IdleEnd) => {
    if (controller.signal.aborted) return;
    close();
    ended(reason, how);
  };
  watch().then(() => end("the server closed an idle connection", "idle"), (error) => {
    const { kind, detail } = failureOf(error);
    end(`idle connection: ${detail}`, kind === "unknown" ? "lost" : "idle");
  });
  return { [Symbol.dispose]: close };
}
