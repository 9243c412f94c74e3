/**
 * The tcp check: a connection of its own, what is said over it, and what must be in the answer. It is closed as soon as
 * that is known, with FIN: a server that is only asked whether it is there sees an end and no error.
 */
import type { TcpCheckConfig } from "../../config/checks/tcp.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { boundedStream, type StreamLimits } from "../connect/bounded_stream.ts";
import { dial, type DialPorts } from "../connect/dial.ts";
import { answeredOn } from "../connect/each_address.ts";
import { failureOf, ProbeFailure } from "../connect/failure.ts";
import { watchEndpoint } from "../connect/idle_watch.ts";
import { OctetSearch } from "../connect/octet_search.ts";
import { shownOctets } from "../../text/shown_octets.ts";
import type { Probe, ProbeOutcome, Progress } from "./probe.ts";

/** What is looked for must come within these. */
export const TCP_LIMITS: StreamLimits = { octets: 65_536, pieces: 256 };

/** The probe of a tcp check. */
export function tcpProbe(config: TcpCheckConfig, ports: DialPorts): Probe {
  const { address, port } = config;
  const remoteWords = answeredOn(address);
  return {
    async run(signal, progress) {
      let by = "";
      try {
        const stream = await dial(address, port, ports, signal, progress, config);
        const bounded = boundedStream(stream, ports.clock, TCP_LIMITS, signal);
        using _bounded = bounded;
        by = remoteWords(stream);
        const { kind, detail } = await talk(bounded, config, (step) => progress(`${step}${by}`));
        return { kind, detail: `${detail}${by}` };
      } catch (error) {
        const { kind, detail } = failureOf(error);
        return { kind, detail: `${detail}${by}` };
      }
    },
    watch: (tripped) => watchEndpoint(config, ports, tripped),
  };
}

async function talk(
  stream: StreamSocket,
  { send, expect }: TcpCheckConfig,
  progress: Progress,
): Promise<ProbeOutcome> {
  if (expect === undefined) {
    if (send === undefined) return { kind: "pass", detail: "connected" };
    progress("sending");
    await stream.write(send);
    return { kind: "pass", detail: `connected, ${send.byteLength} octets sent` };
  }
  // Who answers before it has read everything is right to do so: reading decides.
  if (send !== undefined) stream.write(send).catch(() => {});
  await untilFound(stream, expect, progress);
  return { kind: "pass", detail: `the answer has ${shownOctets(expect)}` };
}

/** @throws {ProbeFailure} the stream ends without `wanted`, or goes on and on; what came is told */
async function untilFound(stream: StreamSocket, wanted: Uint8Array, progress: Progress): Promise<void> {
  const search = new OctetSearch(wanted);
  const came = () => search.seen.byteLength === 0 ? "nothing came" : `what came: ${shownOctets(search.seen)}`;
  try {
    for (;;) {
      progress(`waiting for ${shownOctets(wanted)}, ${came()}`);
      const piece = await stream.read();
      if (piece === undefined) throw new ProbeFailure("connection closed");
      if (search.add(piece)) return;
    }
  } catch (error) {
    const { kind, detail } = failureOf(error);
    if (kind === "unknown") throw error;
    throw new ProbeFailure(`${detail} before ${shownOctets(wanted)} came, ${came()}`);
  }
}
