/**
 * The BFD control packet (RFC 5880 section 4.1): octets and values, and the checks of section 6.8.6 that need no session, in
 * its order. Times are in microseconds, as on the wire. Authentication and multipoint are recognized and never sent. Pure.
 */

/** The states of a session, by their code. */
export const STATES = ["AdminDown", "Down", "Init", "Up"] as const;
/** bfd.SessionState. */
export type BfdStateName = typeof STATES[number];

/** Octets of a packet without an authentication section. */
export const PACKET_OCTETS = 24;
const AUTHENTICATED_OCTETS = 26;
const VERSION = 1;

const FLAG = { poll: 0x20, final: 0x10, control: 0x08, authentication: 0x04, demand: 0x02, multipoint: 0x01 };

/** A control packet. */
export interface ControlPacket {
  readonly diagnostic: number;
  readonly state: BfdStateName;
  readonly poll: boolean;
  readonly final: boolean;
  /** C: the sender's BFD does not share fate with its control plane. */
  readonly controlPlaneIndependent: boolean;
  /** A: an authentication section follows. */
  readonly authenticated: boolean;
  readonly demand: boolean;
  readonly detectMult: number;
  readonly myDiscriminator: number;
  /** 0: the sender knows none of ours. */
  readonly yourDiscriminator: number;
  readonly desiredMinTxUs: number;
  /** 0: the sender wants no periodic packets. */
  readonly requiredMinRxUs: number;
  /** 0: the sender offers no echo. */
  readonly requiredMinEchoRxUs: number;
}

/** Why octets are no packet. */
export type Malformation =
  | "too-short"
  | "version"
  | "length"
  | "zero-multiplier"
  | "multipoint"
  | "zero-discriminator";

/** The packet that `octets` are, or what is wrong with them. What follows the length that it tells is not looked at. */
export function decodePacket(octets: Uint8Array): ControlPacket | Malformation {
  if (octets.byteLength < PACKET_OCTETS) return "too-short";
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const first = view.getUint8(0);
  if (first >>> 5 !== VERSION) return "version";
  const second = view.getUint8(1);
  const flag = (bit: number) => (second & bit) !== 0;
  const authenticated = flag(FLAG.authentication);
  const length = view.getUint8(3);
  if (length < (authenticated ? AUTHENTICATED_OCTETS : PACKET_OCTETS)) return "length";
  if (length > octets.byteLength) return "length";
  const detectMult = view.getUint8(2);
  if (detectMult === 0) return "zero-multiplier";
  if (flag(FLAG.multipoint)) return "multipoint";
  const myDiscriminator = view.getUint32(4);
  if (myDiscriminator === 0) return "zero-discriminator";
  return {
    diagnostic: first & 0x1f,
    state: STATES[second >>> 6] ?? "AdminDown",
    poll: flag(FLAG.poll),
    final: flag(FLAG.final),
    controlPlaneIndependent: flag(FLAG.control),
    authenticated,
    demand: flag(FLAG.demand),
    detectMult,
    myDiscriminator,
    yourDiscriminator: view.getUint32(8),
    desiredMinTxUs: view.getUint32(12),
    requiredMinRxUs: view.getUint32(16),
    requiredMinEchoRxUs: view.getUint32(20),
  };
}

/** Writes a packet without an authentication section to the first 24 octets of `octets`. */
export function encodePacket(packet: Omit<ControlPacket, "authenticated">, octets: Uint8Array): void {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const flag = (is: boolean, bit: number) => is ? bit : 0;
  view.setUint8(0, (VERSION << 5) | packet.diagnostic);
  view.setUint8(
    1,
    (STATES.indexOf(packet.state) << 6) | flag(packet.poll, FLAG.poll) | flag(packet.final, FLAG.final) |
      flag(packet.controlPlaneIndependent, FLAG.control) | flag(packet.demand, FLAG.demand),
  );
  view.setUint8(2, packet.detectMult);
  view.setUint8(3, PACKET_OCTETS);
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTxUs);
  view.setUint32(16, packet.requiredMinRxUs);
  view.setUint32(20, packet.requiredMinEchoRxUs);
}
