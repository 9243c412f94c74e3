/**
 * OPEN (RFC 4271 sections 4.2 and 6.2, RFC 5492, RFC 9072 extended optional parameters both ways). What depends
 * on the configured peer (2/2, 2/7, an identifier equal to ours) is the session's to judge.
 */
import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { type Capability, decodeCapabilities, encodeCapability } from "./capability.ts";
import { ErrorCode, OpenSubcode } from "./constants.ts";
import { NotificationError } from "./notification.ts";

/** An OPEN message. */
export interface OpenMessage {
  readonly type: "OPEN";
  readonly version: number;
  /** The two-octet field "My Autonomous System": AS_TRANS where the AS needs four octets. */
  readonly myAs: number;
  readonly holdTimeSeconds: number;
  /** Unsigned 32-bit. */
  readonly bgpIdentifier: number;
  /** In the order of the message, over all optional parameters. */
  readonly capabilities: readonly Capability[];
}

/** The version of BGP that this is. */
export const BGP_VERSION = 4;

/** The type of the optional parameter that capabilities stand in (RFC 5492 section 4). */
export const CAPABILITIES_PARAMETER = 2;
/** Stands as length and as first type where the extended encoding is used (RFC 9072). */
const EXTENDED = 255;

/**
 * Reads the body of an OPEN, which framing has made at least ten octets long.
 * @throws {NotificationError} 2/0, 2/1, 2/3, 2/4, 2/6
 */
export function decodeOpen(body: Uint8Array): OpenMessage {
  const reader = new Reader(body);
  const version = reader.u8("version");
  if (version !== BGP_VERSION) {
    const data = Uint8Array.of(0, BGP_VERSION);
    throw openError(
      OpenSubcode.UNSUPPORTED_VERSION_NUMBER,
      `version ${version}, must be ${BGP_VERSION}`,
      data,
    );
  }
  const myAs = reader.u16("My Autonomous System");
  const holdTimeSeconds = reader.u16("Hold Time");
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) {
    throw openError(
      OpenSubcode.UNACCEPTABLE_HOLD_TIME,
      `hold time ${holdTimeSeconds} s, must be 0 or at least 3 s`,
    );
  }
  const bgpIdentifier = reader.u32("BGP Identifier");
  if (bgpIdentifier === 0) throw openError(OpenSubcode.BAD_BGP_IDENTIFIER, "BGP Identifier 0.0.0.0");
  return {
    type: "OPEN",
    version,
    myAs,
    holdTimeSeconds,
    bgpIdentifier,
    capabilities: decodeOptionalParameters(reader),
  };
}

/**
 * The body of an OPEN, without header.
 * @throws {RangeError} where a capability is longer than its length field can say
 */
export function encodeOpen(message: OpenMessage): Uint8Array {
  const writer = new Writer();
  writer.u8(message.version).u16(message.myAs).u16(message.holdTimeSeconds).u32(message.bgpIdentifier);
  const capabilities = message.capabilities.map(encodeCapability);
  const length = capabilities.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  if (length === 0) {
    writer.u8(0);
  } else if (2 + length <= 255) {
    writer.u8(2 + length).u8(CAPABILITIES_PARAMETER).u8(length);
  } else {
    writer.u8(EXTENDED).u8(EXTENDED).u16(3 + length).u8(CAPABILITIES_PARAMETER).u16(length);
  }
  for (const capability of capabilities) writer.bytes(capability);
  return writer.finish();
}

/** Takes everything that is left, from the Optional Parameters Length on. */
function decodeOptionalParameters(reader: Reader): Capability[] {
  const shortLength = reader.u8("Opt Parm Len");
  const octets = reader.rest();
  const extended = shortLength !== 0 && octets[0] === EXTENDED;
  if (extended && octets.byteLength < 3) throw openError(OpenSubcode.UNSPECIFIC, "extended length cut short");
  const parameters = new Reader(extended ? octets.subarray(1) : octets);
  const length = extended ? parameters.u16("Extended Opt Parm Length") : shortLength;
  if (length !== parameters.remaining) {
    const text = `optional parameters of length ${length} in ${parameters.remaining} octets`;
    throw openError(OpenSubcode.UNSPECIFIC, text);
  }
  const capabilities: Capability[] = [];
  while (parameters.remaining > 0) {
    capabilities.push(...decodeCapabilities(nextParameter(parameters, extended ? 2 : 1)));
  }
  return capabilities;
}

/** The value of the next optional parameter, which must be Capabilities: there is no other one left in use. */
function nextParameter(parameters: Reader, lengthOctets: 1 | 2): Uint8Array {
  if (parameters.remaining < 1 + lengthOctets) {
    throw openError(OpenSubcode.UNSPECIFIC, `${parameters.remaining} octets are no optional parameter`);
  }
  const type = parameters.u8("parameter type");
  const length = lengthOctets === 2 ? parameters.u16("parameter length") : parameters.u8("parameter length");
  if (length > parameters.remaining) {
    const text = `optional parameter ${type} of length ${length} with ${parameters.remaining} octets left`;
    throw openError(OpenSubcode.UNSPECIFIC, text);
  }
  if (type !== CAPABILITIES_PARAMETER) {
    throw openError(OpenSubcode.UNSUPPORTED_OPTIONAL_PARAMETER, `optional parameter of type ${type}`);
  }
  return parameters.bytes(length, "parameter value");
}

function openError(subcode: number, text: string, data: Uint8Array = new Uint8Array()): NotificationError {
  return new NotificationError(ErrorCode.OPEN_MESSAGE, subcode, `OPEN: ${text}`, data);
}
