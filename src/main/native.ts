/** What FFI gives the agent: the C library, the reactor and the sockets on it. */
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import type { EventStream } from "../events/stream.ts";
import { messageOf } from "../text/error_message.ts";

/** What FFI gives, closed in the opposite order of opening. */
export interface Native {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly sockets: Sockets;
}

/** Opens it; what a callback of a socket throws is an event. */
export function openNative(stack: AsyncDisposableStack, events: EventStream): Native {
  const libc = stack.use(openLibc());
  const onError = (error: unknown) =>
    events.publish({ kind: "fault", part: "agent", name: "socket callback", cause: messageOf(error) });
  const reactor = stack.use(new Reactor(libc, { onError }));
  return { libc, reactor, sockets: new Sockets(libc, reactor) };
}
