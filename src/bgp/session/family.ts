/** Address families as the configuration names them, and as they stand on the wire. */
import type { FamilyName } from "../../config/config.ts";
import type { AfiSafi } from "../wire/capability.ts";
import { Afi, Safi } from "../wire/constants.ts";

/** The wire form of a family that the configuration names. */
export function familyOf(name: FamilyName): AfiSafi {
  switch (name) {
    case "ipv4-unicast":
      return { afi: Afi.IPv4, safi: Safi.UNICAST };
    case "ipv6-unicast":
      return { afi: Afi.IPv6, safi: Safi.UNICAST };
    default:
      return name satisfies never;
  }
}

/** The name of a family that was offered or negotiated, so of one that the configuration can name. */
export function familyName(family: AfiSafi): FamilyName {
  return family.afi === Afi.IPv6 ? "ipv6-unicast" : "ipv4-unicast";
}
