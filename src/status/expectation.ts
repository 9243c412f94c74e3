/** What a probe must find to pass, in words: what opens the gate of a service that is not healthy. Pure. */
import { authority } from "../config/checks/endpoint.ts";
import type { CheckConfig } from "../config/checks/kinds.ts";
import { parseAddress, withPort } from "../net/address.ts";
import { shownOctets } from "../text/shown_octets.ts";
import { formatDuration } from "../time/duration.ts";

/** Where, what and how fast. */
export function expectationOf(check: CheckConfig): string {
  const within = `within ${formatDuration(check.timeoutMs)}`;
  switch (check.type) {
    case "http": {
      const { scheme, address, port, path } = check;
      const parsed = parseAddress(address);
      const place = parsed === undefined ? `${address}:${port}` : withPort(parsed, port);
      return `${scheme}://${place}${path} answers with a 2xx status ${within}`;
    }
    case "ping":
      return `${check.addresses.map(({ text }) => text).join(" or ")} answers an ICMP echo ${within}`;
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
    case "grpc": {
      const service = check.service === "" ? "" : ` for ${check.service}`;
      return `${authority(check)} answers SERVING${service} by gRPC${check.tls ? " over TLS" : ""} ${within}`;
    }
    default:
      return check satisfies never;
  }
}
