/** IPVS over generic netlink: how much goes through a virtual service, and went since it was made (<linux/ip_vs.h>). */
import type { AttributeCursor } from "./attribute.ts";
import { IPVS_CMD_ATTR, IPVS_STATS_ATTR, IPVS_SVC_ATTR } from "./constants.ts";
import { GENL_HDRLEN } from "./genetlink.ts";
import { attributesOf, type NetlinkMessage } from "./message.ts";

/** Of one virtual service. */
export interface IpvsFigures {
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly octetsIn: number;
  readonly octetsOut: number;
}

/** What the kernel tells of one virtual service. */
export interface IpvsTraffic {
  /** Since it was made. */
  readonly totals: IpvsFigures;
  /** In a second, by the kernel's own estimate. Where `net.ipv4.vs.run_estimation` is off the kernel has 0. */
  readonly rates: IpvsFigures;
}

/** The traffic of the virtual service of a message; undefined where the kernel (before 4.1) has none. @throws {ReadError} it is cut short */
export function decodeTraffic(message: NetlinkMessage): IpvsTraffic | undefined {
  const cursor = attributesOf(message, GENL_HDRLEN);
  while (cursor.next()) {
    if (cursor.type !== IPVS_CMD_ATTR.SERVICE) continue;
    const service = cursor.inside();
    while (service.next()) if (service.type === IPVS_SVC_ATTR.STATS64) return trafficOf(service.inside());
  }
  return undefined;
}

function trafficOf(cursor: AttributeCursor): IpvsTraffic {
  const found = new Map<number, number>();
  while (cursor.next()) if (FIGURES.has(cursor.type)) found.set(cursor.type, cursor.u64());
  const figure = (type: number) => found.get(type) ?? 0;
  const { CONNS, INPKTS, OUTPKTS, INBYTES, OUTBYTES, CPS, INPPS, OUTPPS, INBPS, OUTBPS } = IPVS_STATS_ATTR;
  const figures = (
    conns: number,
    inPackets: number,
    outPackets: number,
    inOctets: number,
    outOctets: number,
  ) => ({
    connections: figure(conns),
    packetsIn: figure(inPackets),
    packetsOut: figure(outPackets),
    octetsIn: figure(inOctets),
    octetsOut: figure(outOctets),
  });
  return {
    totals: figures(CONNS, INPKTS, OUTPKTS, INBYTES, OUTBYTES),
    rates: figures(CPS, INPPS, OUTPPS, INBPS, OUTBPS),
  };
}

const FIGURES: ReadonlySet<number> = new Set(Object.values(IPVS_STATS_ATTR));
