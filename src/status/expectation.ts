/** What a probe must find to pass, in words: what opens the gate of a service that is not healthy. Pure. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import { parseAddress, withPort } from "../net/address.ts";
import { formatDuration } from "../time/duration.ts";

/** Where, what and how fast. */
export function expectationOf(check: CheckConfig): string {
  const within = `within ${formatDuration(check.timeoutMs)}`;
  switch (check.type) {
    case "http": {
      const { scheme, address, port, path } = check;
      const parsed = parseAddress(address);
      const authority = parsed === undefined ? `${address}:${port}` : withPort(parsed, port);
      return `${scheme}://${authority}${path} answers with a 2xx status ${within}`;
    }
    case "ping":
      return `${check.addresses.map(({ text }) => text).join(" or ")} answers an ICMP echo ${within}`;
    case "dns": {
      const { address, port, domain, recordType, expect = [], rcode, protocol } = check;
      const answer = rcode !== "NOERROR" ? rcode : expect.length === 0 ? "" : expect.join(", ");
      const parsed = parseAddress(address);
      const server = parsed === undefined ? `${address}:${port}` : withPort(parsed, port);
      const what = `${domain} ${recordType}${answer === "" ? "" : ` with ${answer}`}`;
      return `the name server ${server} answers ${what} over ${protocol} ${within}`;
    }
    default:
      return check satisfies never;
  }
}
