/**
 * The grpc check: a call of grpc.health.v1.Health/Check over a connection of its own, in the clear (with prior knowledge of
 * HTTP/2) or over TLS. SERVING passes, everything else fails.
 */
import type { GrpcCheckConfig } from "../../config/checks/grpc.ts";
import { authority } from "../../config/checks/endpoint.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { boundedStream, HTTP2_LIMITS } from "../connect/bounded_stream.ts";
import { dial, type DialPorts } from "../connect/dial.ts";
import { failureOf, ProbeFailure } from "../connect/failure.ts";
import { answeredBy } from "../connect/each_address.ts";
import { callUnary } from "../connect/grpc_call.ts";
import { CHECK_PATH, encodeHealthRequest, servingStatus } from "../connect/grpc_health.ts";
import { watchEndpoint } from "../connect/idle_watch.ts";
import { TlsDialer, type TlsPorts, tlsTarget } from "../connect/tls_dialer.ts";
import type { Probe, Progress } from "./probe.ts";

/** What grpc probes need of the outside. */
export type GrpcPorts = DialPorts & TlsPorts;

/** The probe of a grpc check. */
export function grpcProbe(config: GrpcCheckConfig, ports: GrpcPorts): Probe {
  const { address, service, timeoutMs, tls } = config;
  const connect = tls ? tlsConnector(config, ports) : clearConnector(config, ports);
  const call = {
    scheme: tls ? "https" : "http",
    authority: authority(config),
    path: CHECK_PATH,
    timeoutMs,
    message: encodeHealthRequest(service),
  } as const;
  return {
    async run(signal, progress) {
      let by = "";
      try {
        const stream = await connect(signal, progress);
        const bounded = boundedStream(stream, ports.clock, HTTP2_LIMITS, signal);
        using _bounded = bounded;
        by = answeredBy(address, stream.remote?.address);
        progress(`waiting for the answer${by}`);
        const status = servingStatus(await callUnary(bounded, call), service);
        return { kind: "pass", detail: `${status}${by}` };
      } catch (error) {
        const { kind, detail } = failureOf(error);
        return { kind, detail: `${detail}${by}` };
      }
    },
    watch: (tripped) => watchEndpoint(config, ports, tripped),
  };
}

type Connector = (signal: AbortSignal, progress: Progress) => Promise<StreamSocket>;

function clearConnector(config: GrpcCheckConfig, ports: GrpcPorts): Connector {
  const { address, port } = config;
  return (signal, progress) => dial(address, port, ports, signal, progress, config);
}

function tlsConnector(config: GrpcCheckConfig, ports: GrpcPorts): Connector {
  const { address, port, serverName } = config;
  const target = { ...tlsTarget(config), host: address, port, serverName, protocols: ["h2"], limits: config };
  const dialer = new TlsDialer(target, ports);
  return async (signal, progress) => {
    const { stream, protocol } = await dialer.dial(signal, progress);
    if (protocol === "h2") return stream;
    stream[Symbol.dispose]();
    throw new ProbeFailure("the server does not speak HTTP/2 (ALPN)");
  };
}
