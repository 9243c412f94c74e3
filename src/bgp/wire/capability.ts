/**
 * Capabilities in OPEN (RFC 5492): one row each for those of RFC 4760, 2918, 8950, 8654, 9234, 4724 with 8538,
 * 6793 and 7313. Unknown ones are kept as they are and ignored. A known one whose length contradicts its RFC makes the OPEN
 * malformed (2/0): to ignore it could leave the two sides with different encodings.
 */
import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { CapabilityCode, ErrorCode, OpenSubcode } from "./constants.ts";
import { NotificationError } from "./notification.ts";

/** An address family as it stands on the wire. */
export interface AfiSafi {
  readonly afi: number;
  readonly safi: number;
}

/** A capability; what we do not know is kept as `unknown` and ignored. */
export type Capability =
  | { readonly type: "multiprotocol"; readonly family: AfiSafi } // RFC 4760
  | { readonly type: "route-refresh" } // RFC 2918
  | {
    readonly type: "extended-next-hop"; // RFC 8950
    readonly tuples: readonly { readonly family: AfiSafi; readonly nextHopAfi: number }[];
  }
  | { readonly type: "extended-message" } // RFC 8654
  | { readonly type: "role"; readonly role: number } // RFC 9234
  | {
    readonly type: "graceful-restart"; // RFC 4724, RFC 8538
    /** The R bit: this speaker has restarted. */
    readonly restarting: boolean;
    /** The N bit: NOTIFICATION and hold timer keep routes, Hard Reset does not. */
    readonly notification: boolean;
    /** 0 to 4095. */
    readonly restartTimeSeconds: number;
    /** `forwarding` is the F bit: forwarding state was preserved. */
    readonly families: readonly { readonly family: AfiSafi; readonly forwarding: boolean }[];
  }
  | { readonly type: "four-octet-as"; readonly as: number } // RFC 6793
  | { readonly type: "enhanced-route-refresh" } // RFC 7313
  | { readonly type: "unknown"; readonly code: number; readonly value: Uint8Array };

const RESTARTING = 0x8000;
const NOTIFICATION = 0x4000;
const RESTART_TIME = 0x0fff;
const FORWARDING = 0x80;

/**
 * Reads the capabilities of one Capabilities parameter.
 * @throws {NotificationError} 2/0
 */
export function decodeCapabilities(parameter: Uint8Array): Capability[] {
  const reader = new Reader(parameter);
  const capabilities: Capability[] = [];
  while (reader.remaining > 0) {
    if (reader.remaining < 2) throw malformed("a capability of one octet");
    const code = reader.u8("capability code");
    const length = reader.u8("capability length");
    if (length > reader.remaining) {
      throw malformed(`capability ${code} of length ${length} with ${reader.remaining} octets left`);
    }
    capabilities.push(decodeCapability(code, reader.bytes(length, "capability value")));
  }
  return capabilities;
}

/** Code, length and value of one capability. */
export function encodeCapability(capability: Capability): Uint8Array {
  const writer = new Writer();
  writer.u8(capabilityCode(capability)).u8(0);
  encodeValue(capability, writer);
  const length = writer.length - 2;
  if (length > 255) throw new RangeError(`capability ${capability.type} takes ${length} octets, 255 at most`);
  writer.patchU8(1, length);
  return writer.finish();
}

function decodeCapability(code: number, value: Uint8Array): Capability {
  const reader = new Reader(value);
  const wrong = (rule: string) =>
    malformed(`capability ${code} of length ${value.byteLength}, must be ${rule}`);
  const empty = <T extends Capability>(capability: T): T => {
    if (value.byteLength !== 0) throw wrong("0");
    return capability;
  };
  switch (code) {
    case CapabilityCode.MULTIPROTOCOL: {
      if (value.byteLength !== 4) throw wrong("4");
      const afi = reader.u16("AFI");
      reader.u8("reserved");
      return { type: "multiprotocol", family: { afi, safi: reader.u8("SAFI") } };
    }
    case CapabilityCode.ROUTE_REFRESH:
      return empty({ type: "route-refresh" });
    case CapabilityCode.EXTENDED_NEXT_HOP: {
      if (value.byteLength % 6 !== 0) throw wrong("a multiple of 6");
      const tuples = [];
      while (reader.remaining > 0) {
        const family = { afi: reader.u16("AFI"), safi: reader.u16("SAFI") };
        tuples.push({ family, nextHopAfi: reader.u16("next hop AFI") });
      }
      return { type: "extended-next-hop", tuples };
    }
    case CapabilityCode.EXTENDED_MESSAGE:
      return empty({ type: "extended-message" });
    case CapabilityCode.ROLE:
      if (value.byteLength !== 1) throw wrong("1");
      return { type: "role", role: reader.u8("role") };
    case CapabilityCode.GRACEFUL_RESTART: {
      if (value.byteLength % 4 !== 2) throw wrong("2 and a multiple of 4");
      const head = reader.u16("restart flags and time");
      const families = [];
      while (reader.remaining > 0) {
        const family = { afi: reader.u16("AFI"), safi: reader.u8("SAFI") };
        families.push({ family, forwarding: (reader.u8("flags") & FORWARDING) !== 0 });
      }
      return {
        type: "graceful-restart",
        restarting: (head & RESTARTING) !== 0,
        notification: (head & NOTIFICATION) !== 0,
        restartTimeSeconds: head & RESTART_TIME,
        families,
      };
    }
    case CapabilityCode.FOUR_OCTET_AS:
      if (value.byteLength !== 4) throw wrong("4");
      return { type: "four-octet-as", as: reader.u32("AS") };
    case CapabilityCode.ENHANCED_ROUTE_REFRESH:
      return empty({ type: "enhanced-route-refresh" });
    default:
      return { type: "unknown", code, value: value.slice() };
  }
}

function encodeValue(capability: Capability, writer: Writer): void {
  switch (capability.type) {
    case "multiprotocol":
      writer.u16(capability.family.afi).u8(0).u8(capability.family.safi);
      return;
    case "extended-next-hop":
      for (const { family, nextHopAfi } of capability.tuples) {
        writer.u16(family.afi).u16(family.safi).u16(nextHopAfi);
      }
      return;
    case "graceful-restart": {
      const flags = (capability.restarting ? RESTARTING : 0) | (capability.notification ? NOTIFICATION : 0);
      writer.u16(flags | Math.min(capability.restartTimeSeconds, RESTART_TIME));
      for (const { family, forwarding } of capability.families) {
        writer.u16(family.afi).u8(family.safi).u8(forwarding ? FORWARDING : 0);
      }
      return;
    }
    case "role":
      writer.u8(capability.role);
      return;
    case "four-octet-as":
      writer.u32(capability.as);
      return;
    case "unknown":
      writer.bytes(capability.value);
      return;
    case "route-refresh":
    case "extended-message":
    case "enhanced-route-refresh":
      return;
    default:
      capability satisfies never;
  }
}

/** The code of a capability in IANA's registry. */
export function capabilityCode(capability: Capability): number {
  switch (capability.type) {
    case "multiprotocol":
      return CapabilityCode.MULTIPROTOCOL;
    case "route-refresh":
      return CapabilityCode.ROUTE_REFRESH;
    case "extended-next-hop":
      return CapabilityCode.EXTENDED_NEXT_HOP;
    case "extended-message":
      return CapabilityCode.EXTENDED_MESSAGE;
    case "role":
      return CapabilityCode.ROLE;
    case "graceful-restart":
      return CapabilityCode.GRACEFUL_RESTART;
    case "four-octet-as":
      return CapabilityCode.FOUR_OCTET_AS;
    case "enhanced-route-refresh":
      return CapabilityCode.ENHANCED_ROUTE_REFRESH;
    case "unknown":
      return capability.code;
  }
}

function malformed(message: string): NotificationError {
  return new NotificationError(ErrorCode.OPEN_MESSAGE, OpenSubcode.UNSPECIFIC, `malformed OPEN: ${message}`);
}
