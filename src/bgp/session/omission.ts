/**
 * What of our OPEN is left out for a peer that cannot cope with it (RFC 5492): the capabilities that it refuses by name
 * (2/7), step by step those that can be done without where it does not say which (2/7 without data, 2/0), and all of them
 * where it knows no optional parameters (2/4). Pure.
 */
import type { FamilyName } from "../../config/config.ts";
import { familyName, familyOf } from "./family.ts";
import { type Capability, capabilityCode, decodeCapabilities } from "../wire/capability.ts";
import { ErrorCode, OpenSubcode } from "../wire/constants.ts";
import type { NotificationMessage } from "../wire/notification.ts";
import { CAPABILITIES_PARAMETER } from "../wire/open.ts";

/** Keys of the capabilities that are left out, or all of them with the parameter that holds them. */
export type Omission = readonly string[] | "all";

/** Nothing is left out. */
export const NOTHING_OMITTED: Omission = [];

/** What can be done without, those first that are missed least: one step after the other. */
const STEPS: readonly (readonly Capability["type"][])[] = [
  ["extended-message", "enhanced-route-refresh", "role"],
  ["route-refresh", "graceful-restart"],
  ["extended-next-hop", "four-octet-as"],
];

/** What a refusal leads to. */
export interface Refusal {
  /** What the next OPEN leaves out; undefined: nothing more can be, and the next one is whole again. */
  readonly omission: Omission | undefined;
  /** What that is, for people. */
  readonly words: string;
}

/** Names a capability among all of an OPEN: one of several families by its family. */
export function capabilityKey(capability: Capability): string {
  return capability.type === "multiprotocol"
    ? `multiprotocol ${capability.family.afi}/${capability.family.safi}`
    : capability.type;
}

/** The key of what offers a family. */
export function familyKey(name: FamilyName): string {
  return capabilityKey({ type: "multiprotocol", family: familyOf(name) });
}

/** A capability in words, with its code. */
export function capabilityWords(capability: Capability): string {
  const name = capability.type === "unknown" ? "an unknown one" : capability.type;
  const family = capability.type === "multiprotocol" ? ` ${familyName(capability.family)}` : "";
  return `${name}${family} (${capabilityCode(capability)})`;
}

/** Those of `whole` that are offered all the same. */
export function without(whole: readonly Capability[], omission: Omission): readonly Capability[] {
  if (omission === "all") return [];
  if (omission.length === 0) return whole;
  return whole.filter((capability) => !omission.includes(capabilityKey(capability)));
}

/**
 * What follows from the peer's refusal of an OPEN that should have offered `whole`; undefined where it is about something
 * else. `isUsable` says whether a session could come of what is left.
 */
export function refusalOf(
  message: NotificationMessage,
  whole: readonly Capability[],
  omission: Omission,
  isUsable: (left: readonly Capability[]) => boolean,
): Refusal | undefined {
  if (message.code !== ErrorCode.OPEN_MESSAGE || omission === "all") return undefined;
  const offered = without(whole, omission);
  switch (message.subcode) {
    case OpenSubcode.UNSUPPORTED_OPTIONAL_PARAMETER:
      return all(isUsable);
    case OpenSubcode.UNSUPPORTED_CAPABILITY: {
      const named = namedIn(message.data);
      const refused = offered.filter((capability) => named.some((other) => isNamedBy(capability, other)));
      if (refused.length > 0) return leavingOut(refused, offered, omission, isUsable);
      // RFC 5492 section 5: what the peer has, and misses here; unless it goes on about what is left out already.
      const isMissed = named.every((other) => !whole.some((capability) => isNamedBy(capability, other)));
      if (named.length > 0 && isMissed) {
        return { omission, words: `it wants of us what is not offered: ${list(named)}` };
      }
      return nextStep(offered, omission, isUsable);
    }
    case OpenSubcode.UNSPECIFIC:
      return nextStep(offered, omission, isUsable);
    default:
      return undefined;
  }
}

function nextStep(
  offered: readonly Capability[],
  omission: readonly string[],
  isUsable: (left: readonly Capability[]) => boolean,
): Refusal {
  for (const step of STEPS) {
    const surplus = offered.filter(({ type }) => step.includes(type));
    if (surplus.length > 0) return leavingOut(surplus, offered, omission, isUsable);
  }
  return all(isUsable);
}

function leavingOut(
  surplus: readonly Capability[],
  offered: readonly Capability[],
  omission: readonly string[],
  isUsable: (left: readonly Capability[]) => boolean,
): Refusal {
  const words = list(surplus);
  if (!isUsable(offered.filter((each) => !surplus.includes(each)))) {
    // What can be done without may be what it is about.
    const others = surplus.filter(({ type }) => type !== "multiprotocol");
    return others.length > 0 && others.length < surplus.length
      ? leavingOut(others, offered, omission, isUsable)
      : { omission: undefined, words: `nothing can be announced without ${words}` };
  }
  return {
    omission: [...omission, ...surplus.map(capabilityKey)],
    words: `the next OPEN leaves out ${words}`,
  };
}

function all(isUsable: (left: readonly Capability[]) => boolean): Refusal {
  return isUsable([])
    ? { omission: "all", words: "the next OPEN has no capabilities" }
    : { omission: undefined, words: "nothing can be announced without capabilities" };
}

/** The capabilities in the data of a NOTIFICATION, alone or in their parameter; none where they cannot be read. */
function namedIn(data: Uint8Array): readonly Capability[] {
  const [type, length = 0] = data;
  const isParameter = type === CAPABILITIES_PARAMETER && length > 0 && length === data.byteLength - 2;
  try {
    return decodeCapabilities(isParameter ? data.subarray(2) : data);
  } catch {
    return [];
  }
}

/** Some routers send back the code alone, with another value. */
function isNamedBy(ours: Capability, named: Capability): boolean {
  if (ours.type === "multiprotocol" && named.type === "multiprotocol") {
    return capabilityKey(ours) === capabilityKey(named);
  }
  return capabilityCode(ours) === capabilityCode(named);
}

function list(capabilities: readonly Capability[]): string {
  return capabilities.map(capabilityWords).join(", ");
}
