/** How the kernel forwards, filters and answers: ip_forward, rp_filter, ARP, IPv6, where what is configured depends on it. */
import type { Address } from "../net/address.ts";
import { prefixOf } from "../net/prefix.ts";
import { type Finding, listed, ok, problem, type Row, warning } from "./finding.ts";
import type { Host, HostLink } from "./host.ts";
import type { Subject } from "./subject.ts";
import { fileOf, linkSetting, setting, sysctl } from "./sysctl.ts";

/** Of rp_filter: only what would go back by the same interface is let in. */
const STRICT = 1;
const LOOSE = 2;
/** What a new interface has. */
const DEFAULT_SWITCH = "net.ipv6.conf.default.disable_ipv6";
/** Interfaces that decapsulate. */
const TUNNELS: ReadonlySet<string> = new Set(["ipip", "gre", "sit", "ip6tnl", "ip6gre"]);

/** The rows. */
export const FORWARDING_ROWS: readonly Row[] = [
  { name: "ip_forward", applies: usesMasq(4), look: (host, subject) => lookAtForwarding(host, subject, 4) },
  {
    name: "IPv6 forwarding",
    applies: usesMasq(6),
    look: (host, subject) => lookAtForwarding(host, subject, 6),
  },
  {
    name: "rp_filter",
    applies: ({ peers, addresses }) => peers.length > 0 && addresses.some(({ family }) => family === 4),
    look(host, { peers, ports }) {
      const links = host.links();
      const behind = linksTo(
        host,
        links,
        peers.filter(({ zone }) => zone === undefined).map(({ address }) => address),
      );
      // A link-local address is behind its zone, whatever routes say.
      const uplinks = links.filter((link) =>
        behind.includes(link) || peers.some(({ zone }) => zone === link.name)
      );
      const tunneled = ports.some(({ destinations }) =>
        destinations.some(({ forwarding }) => forwarding === "tunnel")
      );
      const inner = tunneled ? links.filter(({ kind = "", up }) => up && TUNNELS.has(kind)) : [];
      const all = sysctl(host, "net.ipv4.conf.all.rp_filter") ?? 0;
      const strict = (link: HostLink) =>
        Math.max(all, sysctl(host, linkSetting(4, link.name, "rp_filter")) ?? 0) === STRICT;
      const cure = setting(
        "net.ipv4.conf.all.rp_filter",
        LOOSE,
        "loose: the sender must be reachable by any interface",
      );
      const findings: Finding[] = [];
      const strictUplinks = uplinks.length > 1 ? uplinks.filter(strict) : [];
      if (strictUplinks.length > 0) {
        findings.push(
          warning(
            `strict on ${namesOf(strictUplinks)}`,
            `the peers are behind ${
              namesOf(uplinks)
            }: a client's packets may come in by one while the way back to it is ` +
              "another, and are then dropped without a word",
            cure,
          ),
        );
      }
      const strictTunnels = inner.filter(strict);
      if (strictTunnels.length > 0) {
        findings.push(
          warning(
            `strict on ${namesOf(strictTunnels)}`,
            "what comes out of a tunnel has a client's address, whose way back is another interface: where this host is a " +
              "real server of another one, it drops all of it",
            cure,
          ),
        );
      }
      if (findings.length > 0) return findings;
      if (uplinks.length < 2 && inner.length === 0) {
        return [ok(`does not matter: every peer is behind ${namesOf(uplinks)}`)];
      }
      return [ok(`not strict on ${namesOf([...uplinks, ...inner])}`)];
    },
  },
  {
    name: "arp_ignore",
    applies: ({ managesLinks, addresses }) => managesLinks && addresses.some(({ family }) => family === 4),
    look(host, { addresses, interfaces }) {
      const ours = new Set(interfaces.map(({ name }) => name));
      const shared = onLink(host.links().filter(({ name }) => !ours.has(name)), addresses);
      if (shared.length === 0) {
        return [ok("no service address is in a subnet of this host: nobody asks for it by ARP")];
      }
      const all = sysctl(host, "net.ipv4.conf.all.arp_ignore") ?? 0;
      const answering = shared.filter(({ link }) =>
        Math.max(all, sysctl(host, linkSetting(4, link.name, "arp_ignore")) ?? 0) === 0
      );
      if (answering.length === 0) {
        return [ok(`not answered for on ${namesOf(shared.map(({ link }) => link))}`)];
      }
      return answering.map(({ address, link }) =>
        warning(
          `0 on ${link.name}, in whose subnet ${address.text} is`,
          "every host of the fleet answers ARP for it there: whoever is the first gets what its neighbours send, past BGP, " +
            "and while it is drained, too",
          setting("net.ipv4.conf.all.arp_ignore", 1),
        )
      );
    },
  },
  {
    name: "arp_announce",
    applies: ({ managesLinks, addresses }) => managesLinks && addresses.some(({ family }) => family === 4),
    look(host) {
      const all = sysctl(host, "net.ipv4.conf.all.arp_announce") ?? 0;
      const links = host.links().filter(({ name, kind, addresses }) =>
        kind !== "dummy" && name !== "lo" && addresses.some(({ address }) => address.family === 4)
      );
      const loose = links.filter(({ name }) =>
        Math.max(all, sysctl(host, linkSetting(4, name, "arp_announce")) ?? 0) === 0
      );
      if (loose.length === 0) {
        return [ok(`ARP asks in the name of an address of its own subnet on ${namesOf(links)}`)];
      }
      return [
        warning(
          `0 on ${namesOf(loose)}`,
          "answers have a service address as their source, and ARP then asks for the router in its name: some routers do " +
            "not answer that, others learn the service address at this host's MAC",
          setting("net.ipv4.conf.all.arp_announce", 2),
        ),
      ];
    },
  },
  {
    name: "disable_ipv6",
    applies: ({ managesLinks, addresses }) => managesLinks && addresses.some(({ family }) => family === 6),
    look(host, { interfaces, addresses }) {
      const six = listed(addresses.filter(({ family }) => family === 6).map(({ text }) => text));
      const setByDefault = sysctl(host, DEFAULT_SWITCH);
      if (setByDefault === undefined) {
        return [
          problem("this kernel has no IPv6", `${six} cannot be set`, {
            cure:
              "ipv6.disable=1 on the kernel's command line turns it off altogether: take it away, and boot",
          }),
        ];
      }
      const wanted = interfaces.filter((each) => each.addresses.some(({ family }) => family === 6));
      const off = wanted.flatMap(({ name }) => {
        const own = sysctl(host, linkSetting(6, name, "disable_ipv6"));
        return own === undefined || own === 0 ? [] : [name];
      });
      // A new interface has the default.
      const places = [
        ...setByDefault === 0 ? [] : [DEFAULT_SWITCH],
        ...off.map((name) => linkSetting(6, name, "disable_ipv6")),
      ];
      if (places.length === 0) return [ok("IPv6 is on where our interfaces come from")];
      if (host.mayWrite(fileOf(DEFAULT_SWITCH)) === true) {
        return [ok(`${listed(places)} is 1: the agent turns it on for its own interfaces`)];
      }
      return places.map((name) =>
        problem(
          `${name} is 1, and /proc/sys cannot be written to`,
          `the agent cannot turn IPv6 on for its own interfaces: ${six} cannot be set`,
          setting(
            name,
            0,
            "take ProtectKernelTunables= out of the unit, or let the container write /proc/sys; or set it from outside:",
          ),
        )
      );
    },
  },
];

function usesMasq(family: 4 | 6): Row["applies"] {
  return ({ ports }) => masqTo(ports, family).length > 0;
}

function masqTo(ports: Subject["ports"], family: 4 | 6): readonly Address[] {
  const destinations = ports.flatMap(({ destinations }) => destinations);
  return destinations.filter(({ forwarding, address }) => forwarding === "masq" && address.family === family)
    .map(({ address }) => address);
}

/** Answers of real servers come back through this host, which must pass them on. */
function lookAtForwarding(host: Host, { ports, ownAddresses }: Subject, family: 4 | 6): readonly Finding[] {
  const links = host.links();
  const own = new Set([
    ...links.flatMap(({ addresses }) => addresses.map(({ address }) => address.text)),
    ...ownAddresses.map(({ text }) => text),
  ]);
  const others = masqTo(ports, family).filter(({ text }) => !own.has(text));
  if (others.length === 0) return [ok("not needed: every destination of masq is this host")];
  const name = family === 4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
  const why =
    `masq to ${
      listed([...new Set(others.map(({ text }) => text))])
    }: the answers come back through this host, ` +
    "which drops them instead of passing them on";
  const closed = family === 4
    ? linksTo(host, links, others).filter((link) =>
      sysctl(host, linkSetting(4, link.name, "forwarding")) === 0
    )
    : [];
  if (sysctl(host, name) === 1 && closed.length === 0) return [ok(`${name} is 1`)];
  if (sysctl(host, name) !== 1) {
    return [
      problem(
        `${name} is ${sysctl(host, name) ?? "not there"}`,
        why,
        setting(name, 1, routerCure(host, family)),
      ),
    ];
  }
  return closed.map((link) => {
    const own = linkSetting(4, link.name, "forwarding");
    return problem(`${own} is 0`, why, setting(own, 1));
  });
}

/** A host that forwards IPv6 heeds router advertisements only where it is told to. */
function routerCure(host: Host, family: 4 | 6): string | undefined {
  if (family === 4) return undefined;
  const heeding = host.links().filter(({ name, kind, up }) =>
    up && name !== "lo" && kind !== "dummy" && sysctl(host, linkSetting(6, name, "accept_ra")) === 1
  );
  return heeding.length === 0
    ? undefined
    : "a host that forwards takes no default route from router advertisements any more: where it has it from there, first " +
      heeding.map(({ name }) => `sysctl -w ${linkSetting(6, name, "accept_ra")}=2`).join("; ");
}

/** The interfaces by which these addresses are reached. */
function linksTo(host: Host, links: readonly HostLink[], addresses: readonly Address[]): readonly HostLink[] {
  const routes = addresses.map((address) => host.routeTo(address));
  const indexes = new Set(
    routes.filter((route) => route !== undefined && !route.local).map((route) => route?.link),
  );
  return links.filter(({ index }) => indexes.has(index));
}

/** Addresses that are within a subnet of one of `links`, whose neighbours ask for them. */
function onLink(links: readonly HostLink[], addresses: readonly Address[]) {
  return addresses.flatMap((address) => {
    const link = links.find((each) =>
      each.name !== "lo" && each.kind !== "dummy" &&
      each.addresses.some(({ address: own, prefixLength }) =>
        own.family === 4 && address.family === 4 && prefixLength < 32 && own.text !== address.text &&
        prefixOf(own, prefixLength).address.text === prefixOf(address, prefixLength).address.text
      )
    );
    return link === undefined ? [] : [{ address, link }];
  });
}

function namesOf(links: readonly HostLink[]): string {
  return links.length === 0 ? "no interface" : listed([...new Set(links.map(({ name }) => name))]);
}
