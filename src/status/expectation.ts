/** What a probe must find to pass, in words: what opens the gate of a service that is not healthy. Pure. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { PingCheckConfig } from "../config/checks/ping.ts";
import { parseAddress, withPort } from "../net/address.ts";
import { formatDuration } from "../time/duration.ts";

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
  if (addresses.length < 2 || need === "any") return `${addresses.join(" or ")} answers`;
  return `${addresses.join(" and ")} each answer`;
}
