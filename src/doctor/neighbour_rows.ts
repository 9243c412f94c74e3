/** What peers that are known by their interface alone need: the interface, IPv6 on it, and a raw socket to be found by. */
import { isLinkLocal } from "../net/address.ts";
import { type Finding, ok, problem, type Row } from "./finding.ts";
import type { Host } from "./host.ts";
import { CAP, capabilityCure, hasCapability } from "./process_rows.ts";
import { linkSetting, setting, sysctl } from "./sysctl.ts";
import type { Subject } from "./subject.ts";

/** The rows. */
export const NEIGHBOUR_ROWS: readonly Row[] = [
  {
    name: "address: auto",
    applies: ({ peers }) => automatic(peers).length > 0,
    look(host, { peers }) {
      if (!hasCapability(host, CAP.NET_RAW)) {
        return [
          problem(
            "this process does not have CAP_NET_RAW",
            "without it no router can be found by its advertisements, and none finds this host",
            capabilityCure(host, ["NET_RAW"]),
          ),
        ];
      }
      const links = host.links();
      return automatic(peers).map(({ name, zone = "" }) => lookAtLink(host, links, name, zone));
    },
  },
];

function lookAtLink(host: Host, links: ReturnType<Host["links"]>, peer: string, name: string): Finding {
  const link = links.find((each) => each.name === name);
  const why = `${peer} cannot be found`;
  if (link === undefined) {
    return problem(`there is no interface ${name}`, why, { cure: `interface of ${peer}: one that is there` });
  }
  if (!link.up) return problem(`${name} is down`, why, { command: `ip link set dev ${name} up` });
  const off = linkSetting(6, name, "disable_ipv6");
  if (sysctl(host, off) === 1) return problem(`IPv6 is off on ${name}`, why, setting(off, 0));
  if (link.addresses.some(({ address }) => isLinkLocal(address))) {
    return ok(`${name} has a link-local address`);
  }
  return problem(`${name} has no IPv6 link-local address`, why, {
    command: `ip link set dev ${name} addrgenmode eui64`,
  });
}

function automatic(peers: Subject["peers"]): Subject["peers"] {
  return peers.filter((peer) => peer.automatic);
}
