// struct tcp_info, by the members of uapi linux/tcp.h in its order, which kernels only ever add to.
import assert from "node:assert/strict";
import { decodeTcpInfo, TCP_INFO, tcpInfoBuffer } from "../../ffi/tcp_info.ts";

/** Members by their size in octets, which is their alignment, too; bit fields that share an octet stand as one. */
const MEMBERS: readonly Readonly<Record<number, string>>[] = [
  { 1: "state ca_state retransmits probes backoff options wscale app_limited" },
  { 4: "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets" },
  { 4: "last_data_sent last_ack_sent last_data_recv last_ack_recv" },
  {
    4: "pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans",
  },
  { 8: "pacing_rate max_pacing_rate bytes_acked bytes_received" },
  { 4: "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out" },
  { 8: "delivery_rate busy_time rwnd_limited sndbuf_limited" },
  { 4: "delivered delivered_ce" },
  { 8: "bytes_sent bytes_retrans" },
  { 4: "dsack_dups reord_seen rcv_ooopack snd_wnd" },
];

interface Place {
  readonly at: number;
  readonly octets: number;
}

function layout(): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  let at = 0;
  for (const [octets, names] of MEMBERS.flatMap((row) => Object.entries(row))) {
    for (const name of names.split(" ")) {
      at = Math.ceil(at / Number(octets)) * Number(octets);
      places.set(name, { at, octets: Number(octets) });
      at += Number(octets);
    }
  }
  return places;
}

/** A struct with these values, all else 0. */
function laidOut(values: Readonly<Record<string, number>>): Uint8Array<ArrayBuffer> {
  const bytes = tcpInfoBuffer();
  const places = layout();
  for (const [name, value] of Object.entries(values)) {
    const { at, octets } = places.get(name) ?? { at: NaN, octets: 0 };
    // x86-64 and arm64 are little-endian.
    for (let index = 0; index < octets; index++) bytes[at + index] = Math.floor(value / 256 ** index) % 256;
  }
  return bytes;
}

const SEEN = {
  backoff: 3,
  rto: 1_600_000,
  snd_mss: 1448,
  last_data_recv: 700,
  rtt: 2500,
  total_retrans: 9,
  bytes_acked: 5_000_000_001,
  notsent_bytes: 77,
  bytes_sent: 5_000_003_000,
  bytes_retrans: 1000,
};

Deno.test("TCP_INFO has the offsets of struct tcp_info (linux/tcp.h)", () => {
  const places = layout();
  const { size, ...offsets } = TCP_INFO;
  assert.equal(Object.keys(offsets).length, 10);
  for (const [name, at] of Object.entries(offsets)) {
    const spelling = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    assert.equal(at, places.get(spelling)?.at, name);
  }
  const last = places.get("snd_wnd");
  assert.equal(size, (last?.at ?? 0) + (last?.octets ?? 0));
});

Deno.test("decodeTcpInfo() reads a struct, and takes what the handshake counted off what is acknowledged", () => {
  assert.deepEqual(decodeTcpInfo(laidOut(SEEN), 1), {
    acknowledgedOctets: 5_000_000_000,
    inFlightOctets: 2000,
    waitingOctets: 77,
    retransmissions: 9,
    backoff: 3,
    segmentOctets: 1448,
    stalledMs: 1400,
    roundTripMs: 2.5,
    silentMs: 700,
  });
});

Deno.test("decodeTcpInfo() of a kernel that fills less in has 0 in flight, never less", () => {
  const { acknowledgedOctets, inFlightOctets } = decodeTcpInfo(laidOut({ bytes_acked: 100 }), 0);
  assert.deepEqual([acknowledgedOctets, inFlightOctets], [100, 0]);
  assert.equal(decodeTcpInfo(tcpInfoBuffer(), 1).acknowledgedOctets, 0);
});
