/** What a probe must find to pass, in words: what opens the gate of a service that is not healthy. Pure. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import { parseAddress, withPort } from "../net/address.ts";
import { foreignText } from "../text/foreign.ts";
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
    default:
      return check satisfies never;
  }
}
