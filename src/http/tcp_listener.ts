/** Where HTTP listens: one address, or all of the host, of both families whatever the system makes of `::`. */
import { parseAddress } from "../net/address.ts";
import type { ListenerEvents, StreamListener, Streams } from "../net/sockets.ts";
import { codeOf } from "../text/error_message.ts";
import type { OpenedListener } from "./side_listener.ts";

/** An address of this host, or "" for all, and a port. */
export interface TcpPlace {
  readonly hostname: string;
  readonly port: number;
}

/** Faults of accepting that pass by themselves, as they are the whole process's or the host's. */
const SHORTAGES: readonly (string | undefined)[] = ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"];

/** Listens. @throws {Error} in words for people */
export function listenTcp(
  { hostname, port }: TcpPlace,
  streams: Streams,
  events: ListenerEvents,
): OpenedListener {
  let problem: string | undefined;
  const watched: ListenerEvents = {
    connection: (socket) => events.connection(socket),
    fault(error) {
      if (!SHORTAGES.includes(codeOf(error))) problem = `accepting has failed: ${error.message}`;
      events.fault(error);
    },
  };
  const listen = (text: string): StreamListener => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error(`${text} is no address`);
    return streams.listen({ address, port }, watched);
  };
  const listeners = hostname === "" ? listenEverywhere(listen) : [listen(hostname)];
  return {
    problem: () => problem,
    [Symbol.dispose]() {
      for (const listener of listeners) listener[Symbol.dispose]();
    },
  };
}

/** `::` takes IPv4 too, unless net.ipv6.bindv6only is set; and a host without IPv6 has no `::`. */
function listenEverywhere(listen: (address: string) => StreamListener): readonly StreamListener[] {
  let both: StreamListener;
  try {
    both = listen("::");
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE") throw error;
    return [listen("0.0.0.0")];
  }
  try {
    return [both, listen("0.0.0.0")];
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE") return [both];
    both[Symbol.dispose]();
    throw error;
  }
}
