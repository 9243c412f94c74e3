/** What a probe must find to pass, in words: what opens the gate of a service that is not healthy. Pure. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { PingCheckConfig } from "../config/checks/ping.ts";
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
      return `${pinged(check)} an ICMP echo ${within}`;
    default:
      return check satisfies never;
  }
}

function pinged({ addresses, need }: PingCheckConfig): string {
  const each = addresses.map(({ text }) => text);
  if (each.length < 2 || need === "any") return `${each.join(" or ")} answers`;
  return `${each.join(" and ")} each answer`;
}
