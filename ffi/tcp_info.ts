/**
 * TCP_INFO of tcp(7): what became of the octets that a socket has taken. The layout is struct tcp_info of linux/tcp.h,
 * which only ever grows at its end; what an older kernel does not have reads as 0.
 */

/** Offsets of struct tcp_info, and how much of it is read. */
export const TCP_INFO = {
  size: 232,
  backoff: 4,
  rto: 8,
  sndMss: 16,
  lastDataRecv: 52,
  rtt: 68,
  totalRetrans: 100,
  bytesAcked: 120,
  notsentBytes: 144,
  bytesSent: 200,
  bytesRetrans: 208,
} as const;

/** What became of what was handed to the socket. Octets count from the start of the connection. */
export interface Transmission {
  /** Octets that the peer's kernel has acknowledged. */
  readonly acknowledgedOctets: number;
  /** Octets that were sent and are not acknowledged. */
  readonly inFlightOctets: number;
  /** Octets that wait in the socket to be sent for the first time. */
  readonly waitingOctets: number;
  /** Segments that were sent again. */
  readonly retransmissions: number;
  /** How often in a row the same segment was sent again without an answer. */
  readonly backoff: number;
  /** The longest segment that is sent, in octets of data. */
  readonly segmentOctets: number;
  /** For so long at least the same segment has been sent again and again; 0: it has not. */
  readonly stalledMs: number;
  readonly roundTripMs: number;
  /** Since when nothing came from the peer, in milliseconds before now. */
  readonly silentMs: number;
}

/** Room for what getsockopt(2) gives. */
export function tcpInfoBuffer(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(TCP_INFO.size);
}

/**
 * Reads a struct tcp_info; `handshakeOctets` is what counted as acknowledged before the first octet was written: whoever
 * connects has 1, as its SYN counts, whoever accepts 0.
 */
export function decodeTcpInfo(bytes: Uint8Array<ArrayBuffer>, handshakeOctets: number): Transmission {
  const view = new DataView(bytes.buffer);
  const u32 = (at: number) => view.getUint32(at, true);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const acknowledgedOctets = Math.max(0, u64(TCP_INFO.bytesAcked) - handshakeOctets);
  const backoff = view.getUint8(TCP_INFO.backoff);
  const sent = u64(TCP_INFO.bytesSent) - u64(TCP_INFO.bytesRetrans);
  return {
    acknowledgedOctets,
    inFlightOctets: Math.max(0, sent - acknowledgedOctets),
    waitingOctets: u32(TCP_INFO.notsentBytes),
    retransmissions: u32(TCP_INFO.totalRetrans),
    backoff,
    segmentOctets: u32(TCP_INFO.sndMss),
    // The timeout doubles each time: all before this one are as long together, but for the first.
    stalledMs: u32(TCP_INFO.rto) / 1000 * (1 - 2 ** -backoff),
    roundTripMs: u32(TCP_INFO.rtt) / 1000,
    silentMs: u32(TCP_INFO.lastDataRecv),
  };
}
