/**
 * The metric families that are read off the status document at each scrape, one row of this table for each: so they
 * cannot disagree with it. Pure.
 */
import type { PeerStatus } from "../bgp/speaker.ts";
import { OBJECT_KINDS } from "../kernel/kernel_object.ts";
import type { JournalStatus, ServerStatus, Status } from "../status/status.ts";
import type { Sample } from "./exposition.ts";
import { type Family, flag, moment, oneOf } from "./family.ts";
import { SERVICE_FAMILIES } from "./service_families.ts";

const PEER_STATES = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"] as const;

const BFD_STATES = ["AdminDown", "Down", "Init", "Up"] as const;

/** Every family of the status. */
export const FAMILIES: readonly Family[] = [
  {
    name: "bgp_lb_path_advertisement",
    help: "Whether the prefix is announced with this next hop to at least one peer.",
    type: "gauge",
    samples: pathAdvertisements,
  },
  {
    name: "bgp_lb_build_info",
    help: "Always 1; the version is a label.",
    type: "gauge",
    samples: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    name: "bgp_lb_peer_state",
    help: "1 for the state that the session of this peer is in (RFC 4271 8.2.2).",
    type: "gauge",
    samples: ({ peers }) =>
      peers.flatMap(({ name: peer, state }) => oneOf("state", PEER_STATES, state, { peer })),
  },
  ofPeer(
    "bgp_lb_peer_advertised_prefixes",
    "gauge",
    "Prefixes that the peer was sent and that are not withdrawn.",
    ({ advertised }) => advertised.length,
  ),
  ofPeer(
    "bgp_lb_peer_held_prefixes",
    "gauge",
    "Prefixes that cannot go to this peer; the status says why.",
    ({ held }) => held.length,
  ),
  {
    name: "bgp_lb_bfd_state",
    help: "1 for the state that BFD with this peer is in (RFC 5880 6.8.1).",
    type: "gauge",
    samples: ({ peers }) =>
      peers.flatMap(({ name: peer, bfd }) =>
        bfd === undefined ? [] : oneOf("state", BFD_STATES, bfd.state, { peer })
      ),
  },
  {
    name: "bgp_lb_bfd_flaps_total",
    help: "How often BFD with this peer left Up.",
    type: "counter",
    samples: ({ peers }) =>
      peers.flatMap(({ name: peer, bfd }) =>
        bfd === undefined ? [] : [{ labels: { peer }, value: bfd.flaps }]
      ),
  },
  {
    name: "bgp_lb_bfd_packets_total",
    help: "BFD packets by direction.",
    type: "counter",
    samples: ({ peers }) =>
      peers.flatMap(({ name: peer, bfd }) =>
        bfd === undefined ? [] : (["received", "sent"] as const).map((direction) => {
          return { labels: { peer, direction }, value: bfd[direction] };
        })
      ),
  },
  {
    name: "bgp_lb_bfd_dropped_packets_total",
    help: "BFD packets of this peer that were dropped, by reason.",
    type: "counter",
    samples: ({ peers }) =>
      peers.flatMap(({ name: peer, bfd }) =>
        Object.entries(bfd?.drops ?? {}).map(([reason, value = 0]) => ({ labels: { peer, reason }, value }))
      ),
  },
  ofPeer("bgp_lb_peer_flaps_total", "counter", "Established sessions that were lost.", ({ flaps }) => flaps),
  ofPeer(
    "bgp_lb_peer_received_prefixes_total",
    "counter",
    "Prefixes that the peer announced; all of them are dropped.",
    ({ prefixes }) => prefixes.received,
  ),
  {
    name: "bgp_lb_peer_messages_total",
    help: "BGP messages by direction and type.",
    type: "counter",
    samples: ({ peers }) =>
      peers.flatMap(({ name: peer, messages }) =>
        (["received", "sent"] as const).flatMap((direction) =>
          Object.entries(messages[direction]).map(([type, value]) => ({
            labels: { peer, direction, type },
            value,
          }))
        )
      ),
  },
  ofPeer(
    "bgp_lb_peer_stuck",
    "gauge",
    "Whether what the session has sent does not get to the peer; the status says why.",
    ({ stuck }) => flag(stuck !== undefined),
  ),
  ofTransmission(
    "bgp_lb_peer_tcp_acknowledged_bytes_total",
    "counter",
    "Octets of the Established session that the peer's kernel has acknowledged.",
    ({ acknowledgedOctets }) => acknowledgedOctets,
  ),
  ofTransmission(
    "bgp_lb_peer_tcp_in_flight_bytes",
    "gauge",
    "Octets of the Established session that were sent and are not acknowledged.",
    ({ inFlightOctets }) => inFlightOctets,
  ),
  ofTransmission(
    "bgp_lb_peer_tcp_waiting_bytes",
    "gauge",
    "Octets of the Established session that wait in the socket to be sent for the first time.",
    ({ waitingOctets }) => waitingOctets,
  ),
  ofTransmission(
    "bgp_lb_peer_tcp_retransmissions_total",
    "counter",
    "Segments of the Established session that were sent again.",
    ({ retransmissions }) => retransmissions,
  ),
  ofTransmission(
    "bgp_lb_peer_tcp_round_trip_seconds",
    "gauge",
    "Round trip time to the peer, as the kernel smooths it.",
    ({ roundTripMs }) => roundTripMs / 1000,
  ),
  ...SERVICE_FAMILIES,
  ofServer(
    "bgp_lb_server_listening",
    "gauge",
    "Whether the server listens.",
    ({ state }) => flag(state === "listening"),
  ),
  ofServer("bgp_lb_server_clients", "gauge", "Clients that are connected.", ({ clients }) => clients),
  ofServer(
    "bgp_lb_server_requests_total",
    "counter",
    "Requests that were answered.",
    ({ requests }) => requests,
  ),
  ofServer(
    "bgp_lb_server_refused_total",
    "counter",
    "Clients that were one too many.",
    ({ refused }) => refused,
  ),
  {
    name: "bgp_lb_kernel_converged",
    help: "Whether the kernel has all that it should have.",
    type: "gauge",
    samples: ({ kernel }) => [{ labels: {}, value: flag(kernel.converged || !kernel.managed) }],
  },
  {
    name: "bgp_lb_kernel_read_timestamp_seconds",
    help: "When the kernel was read last.",
    type: "gauge",
    samples: ({ kernel }) => moment(kernel.at),
  },
  {
    name: "bgp_lb_kernel_contested",
    help: "Kernel objects of ours that somebody else changes again and again.",
    type: "gauge",
    samples: ({ kernel }) =>
      OBJECT_KINDS.map((object) => ({
        labels: { object },
        value: kernel.contested.filter(({ kind }) => kind === object).length,
      })),
  },
  {
    name: "bgp_lb_leaving_objects",
    help: "Kernel objects of the service that are wanted no more and go in order.",
    type: "gauge",
    samples: ({ leaving }) =>
      [...Map.groupBy(leaving, ({ service }) => service)].map(([service, rows]) => ({
        labels: { service },
        value: rows.reduce((sum, { what }) => sum + what.length, 0),
      })),
  },
  {
    name: "bgp_lb_config_last_reload_successful",
    help: "Whether the last attempt at another configuration succeeded; 1 where there was none.",
    type: "gauge",
    samples: ({ config }) => [{ labels: {}, value: flag(config.lastReload?.successful ?? true) }],
  },
  {
    name: "bgp_lb_config_last_reload_success_timestamp_seconds",
    help: "When the configuration was last read with success.",
    type: "gauge",
    samples: ({ config: { lastReload, loadedAt } }) =>
      moment(lastReload?.successful === true ? lastReload.at : loadedAt),
  },
  {
    name: "bgp_lb_config_info",
    help: "Always 1; the hash of the configuration in force is a label.",
    type: "gauge",
    samples: ({ config: { hash } }) => [{ labels: { hash }, value: 1 }],
  },
  {
    name: "bgp_lb_config_restart_needed",
    help: "Changed keys that take effect with the next restart.",
    type: "gauge",
    samples: ({ config }) => [{ labels: {}, value: config.restart.length }],
  },
  ofJournal(
    "bgp_lb_journal_events",
    "gauge",
    "Events that are kept.",
    ({ newest, dropped }) => newest - dropped,
  ),
  ofJournal(
    "bgp_lb_journal_dropped_total",
    "counter",
    "Events that were kept and are no more, as there came others.",
    ({ dropped }) => dropped,
  ),
  ofJournal(
    "bgp_lb_event_readers",
    "gauge",
    "Clients that follow the events.",
    ({ readers }) => readers,
  ),
  ofJournal(
    "bgp_lb_event_readers_cut_total",
    "counter",
    "Clients that followed the events too slowly, and were cut off.",
    ({ cut }) => cut,
  ),
];

/** A family of one sample about the events that are kept. */
function ofJournal(
  name: string,
  type: Family["type"],
  help: string,
  value: (journal: JournalStatus) => number,
): Family {
  return { name, help, type, samples: ({ journal }) => [{ labels: {}, value: value(journal) }] };
}

/** A family with one sample for each peer. */
function ofPeer(
  name: string,
  type: Family["type"],
  help: string,
  value: (peer: PeerStatus) => number,
): Family {
  return {
    name,
    help,
    type,
    samples: ({ peers }) => peers.map((peer) => ({ labels: { peer: peer.name }, value: value(peer) })),
  };
}

/** A family about the TCP connection of each Established session, where this kernel tells of it (TCP_INFO). */
function ofTransmission(
  name: string,
  type: Family["type"],
  help: string,
  value: (transmission: NonNullable<PeerStatus["transmission"]>) => number,
): Family {
  return {
    name,
    help,
    type,
    samples: ({ peers }) =>
      peers.flatMap(({ name: peer, transmission }) =>
        transmission === undefined ? [] : [{ labels: { peer }, value: value(transmission) }]
      ),
  };
}

/** A family with one sample for each server that is not turned off. */
function ofServer(
  name: string,
  type: Family["type"],
  help: string,
  value: (server: ServerStatus) => number,
): Family {
  return {
    name,
    help,
    type,
    samples: ({ servers }) =>
      Object.entries(servers).flatMap(([server, status]) =>
        status === undefined ? [] : [{ labels: { server }, value: value(status) }]
      ),
  };
}

/** The reference's own metric: 1 where some peer was sent the prefix with this next hop, 0 where none was. */
function pathAdvertisements({ services, routerID }: Status): readonly Sample[] {
  return services.flatMap(({ routes }) =>
    routes.flatMap(({ prefix, peers }) => {
      const [address = "", length = ""] = prefix.split("/");
      const nextHops = new Set(peers.map(({ nextHop }) => nextHop));
      const sample = (nextHop: string, value: number) => ({
        labels: { prefix: address, prefix_length: length, next_hop: nextHop },
        value,
      });
      return nextHops.size === 0 ? [sample(routerID, 0)] : [...nextHops].map((nextHop) => sample(nextHop, 1));
    })
  );
}
