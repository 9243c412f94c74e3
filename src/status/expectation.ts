/** What a probe must find to pass, in words: what opens the gate of a service that is not healthy. Pure. */
import { authority } from "../config/checks/endpoint.ts";
import { type BodyRule, formatStatusRange, type StatusRange } from "../config/checks/http_grammar.ts";
import type { CheckConfig, CheckConfigOf } from "../config/checks/kinds.ts";
import type { PingCheckConfig } from "../config/checks/ping.ts";
import { foreignText } from "../text/foreign.ts";
import { shownOctets } from "../text/shown_octets.ts";
import { formatDuration } from "../time/duration.ts";

/** Of many values so many are named. */
const SHOWN = 3;

/** Where, what and how fast. */
export function expectationOf(check: CheckConfig): string {
  const words = check.through.length === 0 ? wordsOf(check) : throughWords(check, check.through);
  return check.invert ? `it is not so that ${words}` : words;
}

/** Of the first way in full. */
function throughWords(check: CheckConfig, [first, ...others]: CheckConfig["through"]): string {
  const at = "address" in check && first !== undefined ? { ...check, address: first.address.text } : check;
  const rest = others.map(({ address }) => address.text).join(" and ");
  return `${wordsOf(at)}, through IPVS${rest === "" ? "" : `, and so does ${rest}`}`;
}

function wordsOf(check: CheckConfig): string {
  const within = `within ${formatDuration(check.timeoutMs)}`;
  switch (check.type) {
    case "http":
      return `${httpExpectation(check)} ${within}`;
    case "tls":
      return `${tlsExpectation(check)} ${within}`;
    case "ping":
      return `${pinged(check)} an ICMP echo ${within}`;
    case "tcp": {
      const { send, expect } = check;
      if (expect === undefined) return `${authority(check)} accepts a TCP connection ${within}`;
      const answers = send === undefined ? "says" : `answers ${shownOctets(send)} with`;
      return `${authority(check)} ${answers} ${shownOctets(expect)} ${within}`;
    }
    case "udp": {
      const place = `${authority(check)} by UDP`;
      return check.expect === undefined
        ? `${place} does not refuse ${shownOctets(check.send)}`
        : `${place} answers ${shownOctets(check.send)} with ${shownOctets(check.expect)} ${within}`;
    }
    case "exec":
      return `${check.command.join(" ")} ends with status 0 ${within}`;
    case "file":
      return check.absent
        ? `${check.path} is not there`
        : check.contains === undefined
        ? `${check.path} is there`
        : `${check.path} contains ${foreignText(JSON.stringify(check.contains))}`;
    case "process":
      return check.unit === undefined
        ? `the process that ${check.pidFile} names runs`
        : `${check.unit} is active, as systemctl says ${within}`;
    case "dns": {
      const { domain, recordType, expect = [], rcode, protocol } = check;
      const values = expect.slice(0, SHOWN).join(", ");
      const more = expect.length > SHOWN ? ` and ${expect.length - SHOWN} more` : "";
      const answer = rcode !== "NOERROR" ? rcode : `${values}${more}`;
      const what = `${domain} ${recordType}${answer === "" ? "" : ` with ${answer}`}`;
      return `the name server ${authority(check)} answers ${what} over ${protocol} ${within}`;
    }
    case "grpc": {
      const service = check.service === "" ? "" : ` for ${check.service}`;
      return `${authority(check)} answers SERVING${service} by gRPC${check.tls ? " over TLS" : ""} ${within}`;
    }
    default:
      return check satisfies never;
  }
}

function pinged({ addresses, need }: PingCheckConfig): string {
  if (addresses.length < 2 || need === "any") return `${addresses.join(" or ")} answers`;
  return `${addresses.join(" and ")} each answer`;
}

/** `GET http://127.0.0.1:8080/ answers with status 200-299, with a body that contains "ok"`. */
function httpExpectation(check: CheckConfigOf["http"]): string {
  const { scheme, address, port, unixSocket, path, method, host, status, body, minDaysLeft } = check;
  const place = unixSocket === undefined ? authority({ address, port }) : `unix:${unixSocket}:`;
  const hosted = host === undefined ? "" : ` (host ${host})`;
  const asked = `${method === "GET" ? "" : `${method} `}${scheme}://${place}${path}${hosted}`;
  const wanted = isDefaultStatus(status)
    ? "a 2xx status"
    : `status ${status.map(formatStatusRange).join(", ")}`;
  const having = body === undefined ? "" : ` and a body that ${bodyExpectation(body)}`;
  const lasting = minDaysLeft === 0 ? "" : `, a certificate good for ${dayCount(minDaysLeft)} or more,`;
  return `${asked} answers with ${wanted}${having}${lasting}`;
}

/** `10.0.0.1:443 shakes hands by TLS, with a certificate for a.example`. */
function tlsExpectation(check: CheckConfigOf["tls"]): string {
  const { address, insecureSkipVerify, serverName = address, minDaysLeft } = check;
  const whose = insecureSkipVerify ? "any certificate" : `a trusted certificate for ${serverName}`;
  const lasting = minDaysLeft === 0 ? "" : `, good for ${dayCount(minDaysLeft)} or more,`;
  return `${authority(check)} shakes hands by TLS with ${whose}${lasting}`;
}

function isDefaultStatus([first, ...others]: readonly StatusRange[]): boolean {
  return others.length === 0 && first?.from === 200 && first.to === 299;
}

function bodyExpectation(body: BodyRule): string {
  return "contains" in body ? `contains ${JSON.stringify(body.contains)}` : `matches ${body.matches}`;
}

function dayCount(days: number): string {
  return days === 1 ? "1 day" : `${days} days`;
}
