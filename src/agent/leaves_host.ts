/** Which checks look beyond this host, and may fail by the loss of a way out of it. Pure. */
import { type CheckConfig, hostsOf } from "../config/checks/kinds.ts";
import { parseAddress } from "../net/address.ts";
import { isLoopback } from "../net/address_kind.ts";

/** Whether its probes go to anything but loopback; through the data plane they go to backends, wherever these are. */
export function leavesHost(check: CheckConfig): boolean {
  return check.through.length > 0 || hostsOf(check).some(isElsewhere);
}

/** @param host an address or a host name */
function isElsewhere(host: string): boolean {
  const address = parseAddress(host);
  return address === undefined ? host !== "localhost" : !isLoopback(address);
}
