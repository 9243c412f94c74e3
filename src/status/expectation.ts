/** What a probe must find to pass, in words: what opens the gate of a service that is not healthy. Pure. */
import { authority } from "../config/checks/endpoint.ts";
import { type BodyRule, formatStatusRange, type StatusRange } from "../config/checks/http_grammar.ts";
import type { CheckConfig, CheckConfigOf } from "../config/checks/kinds.ts";
import { formatDuration } from "../time/duration.ts";

/** Where, what and how fast. */
export function expectationOf(check: CheckConfig): string {
  const within = `within ${formatDuration(check.timeoutMs)}`;
  switch (check.type) {
    case "http":
      return `${httpExpectation(check)} ${within}`;
    case "ping":
      return `${check.addresses.map(({ text }) => text).join(" or ")} answers an ICMP echo ${within}`;
    case "tls":
      return `${tlsExpectation(check)} ${within}`;
    default:
      return check satisfies never;
  }
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
  const lasting = minDaysLeft === 0 ? "" : `, a certificate good for ${minDaysLeft} days or more,`;
  return `${asked} answers with ${wanted}${having}${lasting}`;
}

/** `10.0.0.1:443 shakes hands by TLS, with a certificate for a.example`. */
function tlsExpectation(check: CheckConfigOf["tls"]): string {
  const { address, insecureSkipVerify, serverName = address, minDaysLeft } = check;
  const whose = insecureSkipVerify ? "any certificate" : `a trusted certificate for ${serverName}`;
  const lasting = minDaysLeft === 0 ? "" : `, good for ${minDaysLeft} days or more,`;
  return `${authority(check)} shakes hands by TLS with ${whose}${lasting}`;
}

function isDefaultStatus([first, ...others]: readonly StatusRange[]): boolean {
  return others.length === 0 && first?.from === 200 && first.to === 299;
}

function bodyExpectation(body: BodyRule): string {
  return "contains" in body ? `contains ${JSON.stringify(body.contains)}` : `matches ${body.matches}`;
}
