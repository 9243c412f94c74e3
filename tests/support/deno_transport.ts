/** The transport of an agent without FFI, as main.ts joins it. */
import { streamsTransport } from "../../src/bgp/transport/transport_streams.ts";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";

/** Over the runtime's own sockets. */
export function denoTransport(): Transport {
  return streamsTransport({ streams: denoStreams(), interfaces: () => Deno.networkInterfaces() });
}
