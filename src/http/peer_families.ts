/** The metric families of peers: sessions, BFD and TCP connections, one row of this table for each. Pure. */
import type { PeerStatus } from "../bgp/speaker.ts";
import { type Family, flag, moment, oneOf } from "./family.ts";

const STATES = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"] as const;
const BFD_STATES = ["AdminDown", "Down", "Init", "Up"] as const;

/** Of peers. */
export const PEER_FAMILIES: readonly Family[] = [
  {
    name: "bgp_lb_peer_state",
    help: "1 for the state that the session of this peer is in (RFC 4271 8.2.2).",
    type: "gauge",
    samples: ({ peers }) => peers.flatMap(({ name: peer, state }) => oneOf("state", STATES, state, { peer })),
  },
  {
    name: "bgp_lb_peer_state_change_timestamp_seconds",
    help: "When the session of this peer came into its state.",
    type: "gauge",
    samples: ({ peers }) =>
      peers.map(({ name: peer, since }) => ({ labels: { peer }, value: since.getTime() / 1000 })),
  },
  {
    name: "bgp_lb_peer_info",
    help: "Always 1; the AS of the peer, and the one that it sees of us, are labels.",
    type: "gauge",
    samples: ({ peers }) =>
      peers.map(({ name: peer, as, localAs }) => {
        return { labels: { peer, remote_as: String(as), local_as: String(localAs) }, value: 1 };
      }),
  },
  {
    name: "bgp_lb_peer_graceful_restart",
    help:
      "Whether the peer keeps our routes while this agent restarts (RFC 4724); only of Established sessions.",
    type: "gauge",
    samples: ({ peers }) =>
      peers.flatMap(({ name: peer, state, negotiated }) => {
        if (state !== "Established" || negotiated === undefined) return [];
        return [{ labels: { peer }, value: flag(negotiated.gracefulRestart?.active === true) }];
      }),
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
    name: "bgp_lb_bfd_state_change_timestamp_seconds",
    help: "When BFD with this peer came into its state.",
    type: "gauge",
    samples: ({ peers }) => peers.flatMap(({ name: peer, bfd }) => moment(bfd?.since, { peer })),
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
  ofPeer(
    "bgp_lb_peer_malformed_updates_total",
    "counter",
    "UPDATEs of the peer with an error that the session survives (RFC 7606).",
    ({ prefixes }) => prefixes.malformedUpdates,
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
];

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
