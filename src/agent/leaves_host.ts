/** Which checks look beyond this host, and may fail by the loss of a way out of it. Pure. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import { parseAddress } from "../net/address.ts";
import { isLoopback } from "../net/address_kind.ts";

/** Whether its probes open connections to anything but loopback; through the data plane they go to backends, wherever these are. */
export function leavesHost(check: CheckConfig): boolean {
  switch (check.type) {
    case "exec":
    case "file":
    case "process":
      return false;
    case "ping":
      return check.addresses.some(isElsewhere);
    case "http":
      return check.unixSocket === undefined && (check.through.length > 0 || isElsewhere(check.address));
    case "tcp":
    case "tls":
    case "udp":
    case "grpc":
    case "dns":
      return check.through.length > 0 || isElsewhere(check.address);
    default:
      return check satisfies never;
  }
}

/** @param host an address or a host name */
function isElsewhere(host: string): boolean {
  const address = parseAddress(host);
  return address === undefined ? host !== "localhost" : !isLoopback(address);
}
