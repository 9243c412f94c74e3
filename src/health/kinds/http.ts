/**
 * The http check: a GET over a connection of its own, so that a server which accepts no more is found out. Any 2xx
 * passes; a redirect is not followed and fails. The body is not read: the connection is closed instead. One engine,
 * whatever the port is and whether certificates are verified; what an answer may have is bounded.
 */
import type { HttpCheckConfig } from "../../config/checks/http.ts";
import { MAX_WEIGHT } from "../../config/scheduling.ts";
import { parseAddress } from "../../net/address.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { foreignText } from "../../text/foreign.ts";
import { onAbort } from "../../time/abort.ts";
import { ANSWER_LIMITS, boundedStream, HTTP2_LIMITS } from "../connect/bounded_stream.ts";
import { dial, type DialPorts } from "../connect/dial.ts";
import { answeredBy } from "../connect/each_address.ts";
import { failureOf } from "../connect/failure.ts";
import { type AnswerHead, getByHttp1, type GetRequest } from "../connect/http1.ts";
import { getByHttp2 } from "../connect/http2.ts";
import { watchEndpoint } from "../connect/idle_watch.ts";
import { TlsDialer, type TlsPorts } from "../connect/tls_dialer.ts";
import type { Probe, ProbeOutcome, Progress } from "./probe.ts";

/** What http probes need of the outside. */
export type HttpPorts = DialPorts & TlsPorts;

const FIELDS = { "user-agent": "bgp-lb", accept: "*/*" } as const;
/** In the order of our liking; the server chooses. */
const PROTOCOLS = ["http/1.1", "h2"] as const;

/** The probe of an http check. */
export function httpProbe(config: HttpCheckConfig, ports: HttpPorts): Probe {
  const connect = config.scheme === "https" ? httpsConnector(config, ports) : httpConnector(config, ports);
  const request = requestOf(config);
  return {
    watch: (tripped) => watchEndpoint(config, ports, tripped),
    async run(signal, progress) {
      let by = "";
      try {
        const { stream, protocol } = await connect(signal, progress);
        const limits = protocol === "h2" ? HTTP2_LIMITS : ANSWER_LIMITS;
        using bounded = boundedStream(stream, ports.clock, limits);
        using _closing = onAbort(signal, () => bounded[Symbol.dispose]());
        by = answeredBy(config.address, stream.remote?.address);
        progress(`waiting for the answer${by}`);
        const head = protocol === "h2"
          ? await getByHttp2(bounded, request)
          : await getByHttp1(bounded, request);
        const outcome = outcomeOf(head, config.weightHeader);
        return { ...outcome, detail: `${outcome.detail}${by}` };
      } catch (error) {
        const { kind, detail } = failureOf(error);
        return { kind, detail: `${detail}${by}` };
      }
    },
  };
}

type Connector = (
  signal: AbortSignal,
  progress: Progress,
) => Promise<{ readonly stream: StreamSocket; readonly protocol: string | undefined }>;

function httpConnector(config: HttpCheckConfig, ports: HttpPorts): Connector {
  const { address, port } = config;
  return async (signal, progress) => {
    return { stream: await dial(address, port, ports, signal, progress, config), protocol: undefined };
  };
}

function httpsConnector(config: HttpCheckConfig, ports: HttpPorts): Connector {
  const { address, port, insecureSkipVerify, caFile } = config;
  const trust = insecureSkipVerify ? "anyone" : { caFile };
  const dialer = new TlsDialer({ host: address, port, trust, protocols: PROTOCOLS, limits: config }, ports);
  return (signal, progress) => dialer.dial(signal, progress);
}

function requestOf({ scheme, address, port, path, weightHeader }: HttpCheckConfig): GetRequest {
  const host = parseAddress(address)?.family === 6 ? `[${address}]` : address;
  const isDefaultPort = port === (scheme === "https" ? 443 : 80);
  return {
    scheme,
    authority: isDefaultPort ? host : `${host}:${port}`,
    path: path.toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent),
    fields: FIELDS,
    weightField: weightHeader?.toLowerCase(),
  };
}

/** What a status says: any 2xx passes. A redirect is not followed, so it fails like any other status. */
function outcomeOf({ status, location, weight }: AnswerHead, weightHeader: string | undefined): ProbeOutcome {
  if (status >= 200 && status <= 299) {
    const detail = `status ${status}`;
    return weightHeader === undefined
      ? { kind: "pass", detail }
      : { kind: "pass", ...weighed(detail, weightHeader, weight) };
  }
  const redirect = status >= 300 && status <= 399 && location !== undefined
    ? `, a redirect to ${foreignText(location)}: not followed`
    : "";
  return { kind: "fail", detail: `status ${status}${redirect}` };
}

/** What the answer says of the weight. */
function weighed(detail: string, header: string, value: string | undefined): Omit<ProbeOutcome, "kind"> {
  if (value === undefined) return { detail: `${detail}, no ${header}: the configured weight counts` };
  const weight = /^\d{1,5}$/.test(value) ? Number(value) : Infinity;
  return weight <= MAX_WEIGHT ? { detail: `${detail}, weight ${weight}`, weight } : {
    detail: `${detail}, ${header} is not a whole number from 0 to ${MAX_WEIGHT} (${
      foreignText(value, 40)
    }): the configured weight counts`,
  };
}
