/**
 * The http check: a request over a connection of its own, so that a server which accepts no more is found out. The status
 * decides, and the body where it must have something; a redirect is not followed. One engine, whatever the port is and
 * whether certificates are verified; what an answer may have is bounded, and the connection is closed once it is known.
 */
import type { HttpCheckConfig } from "../../config/checks/http.ts";
import {
  DEFAULT_STATUS,
  formatStatusRange,
  hostOfAuthority,
  type StatusRange,
} from "../../config/checks/http_grammar.ts";
import { MAX_WEIGHT } from "../../config/scheduling.ts";
import { parseAddress } from "../../net/address.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { foreignText } from "../../text/foreign.ts";
import { ANSWER_LIMITS, boundedStream, HTTP2_BODY_LIMITS, HTTP2_LIMITS } from "../connect/bounded_stream.ts";
import { certificateWords } from "../connect/certificate.ts";
import type { DialPorts } from "../connect/dial.ts";
import { answeredOn } from "../connect/each_address.ts";
import { failureOf } from "../connect/failure.ts";
import { askByHttp1, requestOctets } from "../connect/http1.ts";
import { askByHttp2 } from "../connect/http2.ts";
import type { HttpAnswer, HttpRequest } from "../connect/http_exchange.ts";
import { watchEndpoint } from "../connect/idle_watch.ts";
import { reach } from "../connect/reach.ts";
import { TlsDialer, type TlsPorts, tlsTarget } from "../connect/tls_dialer.ts";
import { bodyTest, bodyWords } from "./http_body.ts";
import type { Probe, ProbeOutcome, Progress } from "./probe.ts";

/** What http probes need of the outside. */
export type HttpPorts = DialPorts & TlsPorts;

const FIELDS = { "user-agent": "bgp-lb", accept: "*/*", "accept-encoding": "identity" } as const;
/** In the order of our liking; the server chooses. */
const PROTOCOLS = ["http/1.1", "h2"] as const;

/** The probe of an http check. */
export function httpProbe(config: HttpCheckConfig, ports: HttpPorts): Probe {
  const connect = config.scheme === "https" ? httpsConnector(config, ports) : httpConnector(config, ports);
  const request = requestOf(config);
  const judge = judgeOf(config);
  const remoteWords = answeredOn(config.address);
  /** The request by HTTP/1.1, once it was sent. */
  let octets: Uint8Array | undefined;
  return {
    watch: (tripped) => watchEndpoint(config, ports, tripped),
    async run(signal, progress) {
      let by = "";
      try {
        const { stream, protocol, certificateWords } = await connect(signal, progress);
        using bounded = boundedStream(stream, ports.clock, limitsOf(protocol, request), signal);
        by = remoteWords(stream);
        progress(`waiting for the answer${by}`);
        const answer = protocol === "h2"
          ? await askByHttp2(bounded, request)
          : await askByHttp1(bounded, request, octets ??= requestOctets(request));
        const outcome = await judge(answer, progress);
        const certified = outcome.kind === "pass" && certificateWords !== undefined
          ? `, ${certificateWords}`
          : "";
        return certified === "" && by === ""
          ? outcome
          : { ...outcome, detail: `${outcome.detail}${certified}${by}` };
      } catch (error) {
        const { kind, detail } = failureOf(error);
        return { kind, detail: `${detail}${by}` };
      }
    },
  };
}

interface Connection {
  readonly stream: StreamSocket;
  readonly protocol: string | undefined;
  /** What is told of the server's certificate, where that was asked for. */
  readonly certificateWords?: string | undefined;
}

type Connector = (signal: AbortSignal, progress: Progress) => Promise<Connection>;

function httpConnector(config: HttpCheckConfig, ports: HttpPorts): Connector {
  return async (signal, progress) => {
    return { stream: await reach(config, ports, signal, progress, config), protocol: undefined };
  };
}

function httpsConnector(config: HttpCheckConfig, ports: HttpPorts): Connector {
  const { address, port, unixSocket, host } = config;
  const name = config.serverName ?? (host === undefined ? address : hostOfAuthority(host));
  const place = { host: address, port, unixSocket, limits: config };
  const target = { ...tlsTarget(config), ...place, serverName: name };
  const dialer = new TlsDialer({ ...target, protocols: PROTOCOLS }, ports);
  return async (signal, progress) => {
    const session = await dialer.dial(signal, progress);
    const { stream, protocol } = session;
    // To take a certificate apart costs as much as a request: only where its end is asked for.
    const certificate = config.minDaysLeft > 0 ? session.certificate : undefined;
    return {
      stream,
      protocol,
      certificateWords: certificate && certificateWords(certificate, ports.clock.wallTime()),
    };
  };
}

function limitsOf(protocol: string | undefined, { wanted }: HttpRequest) {
  if (protocol !== "h2") return ANSWER_LIMITS;
  return wanted.body ? HTTP2_BODY_LIMITS : HTTP2_LIMITS;
}

function requestOf(config: HttpCheckConfig): HttpRequest {
  const { scheme, method, path, headers, body, weightHeader } = config;
  const wanted = ["location", ...(body === undefined ? [] : ["content-encoding"])];
  return {
    method,
    scheme,
    authority: config.host ?? authorityOf(config),
    path: path.toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent),
    fields: withOwn(headers),
    wanted: {
      fields: weightHeader === undefined ? wanted : [...wanted, weightHeader.toLowerCase()],
      body: body !== undefined,
    },
  };
}

function authorityOf({ scheme, address, port }: HttpCheckConfig): string {
  const host = parseAddress(address)?.family === 6 ? `[${address}]` : address;
  return port === (scheme === "https" ? 443 : 80) ? host : `${host}:${port}`;
}

/** Our own fields, but for those that are given. */
function withOwn(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const own = Object.entries(FIELDS).filter(([name]) => !given.has(name));
  return { ...Object.fromEntries(own), ...headers };
}

/** From an answer to an outcome, as the check wants it. */
function judgeOf({ status: wanted, body, weightHeader }: HttpCheckConfig) {
  const test = body && { problemOf: bodyTest(body), words: bodyWords(body) };
  const passed = (answer: HttpAnswer, detail: string): ProbeOutcome =>
    weightHeader === undefined
      ? { kind: "pass", detail }
      : { kind: "pass", ...weighed(detail, weightHeader, answer.field(weightHeader.toLowerCase())) };
  return (answer: HttpAnswer, progress: Progress): ProbeOutcome | Promise<ProbeOutcome> => {
    const status = `status ${answer.status}`;
    if (!wanted.some(({ from, to }) => answer.status >= from && answer.status <= to)) {
      return { kind: "fail", detail: `${status}${unwanted(answer, wanted)}` };
    }
    if (test === undefined) return passed(answer, status);
    progress("reading the body");
    return test.problemOf(answer).then((problem) =>
      problem === undefined
        ? passed(answer, `${status}, ${test.words}`)
        : { kind: "fail", detail: `${status}, but ${problem}` }
    );
  };
}

/** Why a status is none of those that pass: what a redirect leads to, and which ones were asked for. */
function unwanted(answer: HttpAnswer, wanted: readonly StatusRange[]): string {
  const location = answer.field("location");
  const redirect = answer.status >= 300 && answer.status <= 399 && location !== undefined
    ? `, a redirect to ${foreignText(location)}: not followed`
    : "";
  const asked = wanted.map(formatStatusRange).join(", ");
  return `${redirect}${asked === DEFAULT_STATUS.map(formatStatusRange).join() ? "" : `, not ${asked}`}`;
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
