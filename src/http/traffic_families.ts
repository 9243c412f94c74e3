/** The metric families of what goes through IPVS, as the kernel counts it. Pure. */
import type { Traffic, TrafficFigures } from "../kernel/kernel.ts";
import { virtualServiceName } from "../status/destinations_text.ts";
import type { Status } from "../status/status.ts";
import type { MetricFamily, Sample } from "./exposition.ts";

/** A sample's labels, and what is counted. */
type Row = readonly [labels: Sample["labels"], totals: TrafficFigures];

/** Of our virtual services; those of others are nobody's here. Where the kernel was not asked, or does not tell, there are no samples. */
export function trafficFamilies({ services }: Status, traffic: readonly Traffic[]): readonly MetricFamily[] {
  const totals = new Map(traffic.map(({ service: { address, ...id }, totals }) => {
    return [virtualServiceName({ ...id, address: address.text, family: address.family }), totals];
  }));
  const rows: readonly Row[] = services.flatMap(({ name: service, virtualServices }) =>
    virtualServices.flatMap((each) => {
      const name = virtualServiceName(each);
      const found = totals.get(name);
      return found === undefined ? [] : [[{ service, virtual_service: name }, found] as const];
    })
  );
  return [
    counter(
      "bgp_lb_virtual_service_connections_total",
      "Connections that IPVS has scheduled since the virtual service was made, as it sums up every two seconds.",
      rows.values().map(([labels, { connections }]) => ({ labels, value: connections })),
    ),
    counter(
      "bgp_lb_virtual_service_packets_total",
      "Packets that went through the virtual service; those out only where they come back through this host (masq).",
      rows.values().flatMap(([labels, { packetsIn, packetsOut }]) => both(labels, packetsIn, packetsOut)),
    ),
    counter(
      "bgp_lb_virtual_service_bytes_total",
      "Octets of these packets.",
      rows.values().flatMap(([labels, { octetsIn, octetsOut }]) => both(labels, octetsIn, octetsOut)),
    ),
  ];
}

function both(labels: Sample["labels"], received: number, sent: number): readonly Sample[] {
  return [
    { labels: { ...labels, direction: "in" }, value: received },
    { labels: { ...labels, direction: "out" }, value: sent },
  ];
}

function counter(name: string, help: string, samples: Iterable<Sample>): MetricFamily {
  return { name, help, type: "counter", samples };
}
