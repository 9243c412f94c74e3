/** IPVS over generic netlink: how much goes through a virtual service, by the kernel's own estimate (<linux/ip_vs.h>). */
import type { AttributeCursor } from "./attribute.ts";
import { IPVS_CMD_ATTR, IPVS_STATS_ATTR, IPVS_SVC_ATTR } from "./constants.ts";
import { GENL_HDRLEN } from "./genetlink.ts";
import { attributesOf, type NetlinkMessage } from "./message.ts";

/** Each in a second. Where `net.ipv4.vs.run_estimation` is off the kernel has 0. */
export interface IpvsRates {
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly octetsIn: number;
  readonly octetsOut: number;
}

/** The rates of the virtual service of a message; undefined where the kernel (before 4.1) has none. @throws {ReadError} it is cut short */
export function decodeRates(message: NetlinkMessage): IpvsRates | undefined {
  const cursor = attributesOf(message, GENL_HDRLEN);
  while (cursor.next()) {
    if (cursor.type !== IPVS_CMD_ATTR.SERVICE) continue;
    const service = cursor.inside();
    while (service.next()) if (service.type === IPVS_SVC_ATTR.STATS64) return ratesOf(service.inside());
  }
  return undefined;
}

function ratesOf(cursor: AttributeCursor): IpvsRates {
  const found = new Map<number, number>();
  while (cursor.next()) if (RATES.has(cursor.type)) found.set(cursor.type, cursor.u64());
  const rate = (type: number) => found.get(type) ?? 0;
  return {
    connections: rate(IPVS_STATS_ATTR.CPS),
    packetsIn: rate(IPVS_STATS_ATTR.INPPS),
    packetsOut: rate(IPVS_STATS_ATTR.OUTPPS),
    octetsIn: rate(IPVS_STATS_ATTR.INBPS),
    octetsOut: rate(IPVS_STATS_ATTR.OUTBPS),
  };
}

const RATES: ReadonlySet<number> = new Set(Object.values(IPVS_STATS_ATTR));
