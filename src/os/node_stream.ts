/** Our streams as node's, and node's as ours: what TLS and HTTP/2 of the runtime are reached through. */
import type { Duplex } from "node:stream";
import type { StreamSocket } from "../net/sockets.ts";

/** `socket` as a stream of node; destroying it disposes the socket. */
export async function toNodeStream(socket: StreamSocket): Promise<Duplex> {
  // Loaded only where a configuration needs it.
  const { Duplex } = await import("node:stream");
  return new Duplex({
    read() {
      socket.read().then(
        // The view is void at the next read.
        (octets) => this.push(octets === undefined ? null : octets.slice()),
        (error) => this.destroy(error),
      );
    },
    write(octets, _encoding, done) {
      socket.write(octets).then(() => done(), done);
    },
    destroy(error, done) {
      socket[Symbol.dispose]();
      done(error);
    },
  });
}

/** A stream of node as ours; `raw` is what it runs over. */
export function fromNodeStream(node: Duplex, raw: StreamSocket): StreamSocket {
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const onEvent = () => wake?.();
  node.on("readable", onEvent).on("end", onEvent).on("close", onEvent);
  node.on("error", (error) => {
    failure = error;
    wake?.();
  });
  const dispose = () => {
    node.destroy();
    raw[Symbol.dispose]();
    wake?.();
  };
  return {
    local: raw.local,
    remote: raw.remote,
    async read() {
      for (;;) {
        const octets: unknown = node.read();
        if (octets instanceof Uint8Array) return octets;
        if (failure !== undefined) throw failure;
        if (node.readableEnded || node.destroyed) return undefined;
        await new Promise<void>((resolve) => wake = resolve);
        wake = undefined;
      }
    },
    write(octets) {
      if (failure !== undefined) return Promise.reject(failure);
      return new Promise((resolve, reject) => {
        node.write(octets, (error) => error ? reject(error) : resolve());
      });
    },
    async end() {
      await new Promise<void>((resolve) =>
        node.destroyed ? resolve() : node.end(resolve).once("close", resolve)
      );
      dispose();
    },
    [Symbol.dispose]: dispose,
  };
}
