/** Checks that go through the service to real servers that have its address themselves: what this host must let in for an answer. */
import type { DestinationConfig, PortConfig } from "../config/config.ts";
import { type Finding, listed, ok, problem, type Row } from "./finding.ts";
import type { Host, HostLink } from "./host.ts";
import type { SubjectPassage } from "./subject.ts";
import { linkSetting, setting, sysctl } from "./sysctl.ts";

/** Of rp_filter. */
const STRICT = 1;
const LOOSE = 2;

/** The rows. */
export const THROUGH_ROWS: readonly Row[] = [
  {
    name: "accept_local",
    applies: ({ passages }) => passages.some(isAnsweredByOthers),
    look(host, { passages }) {
      const answered = passages.filter(isAnsweredByOthers);
      const links = linksOf(host, answered);
      if (links.length === 0) {
        return [ok("not needed: every destination that has a service address is this host")];
      }
      const why =
        `checks via: service go to ${
          namesOf(answered)
        }: the answers have the service address as their source, ` +
        "which this host has, too, so it drops them and the checks never pass";
      const most = (name: string, key: string) =>
        Math.max(sysctl(host, `net.ipv4.conf.all.${key}`) ?? 0, sysctl(host, linkSetting(4, name, key)) ?? 0);
      const findings = links.flatMap(({ name }): readonly Finding[] => {
        const accept = linkSetting(4, name, "accept_local");
        const filter = linkSetting(4, name, "rp_filter");
        return [
          ...most(name, "accept_local") === 0
            ? [problem(`${accept} is 0`, why, setting(accept, 1, ACCEPT_CURE))]
            : [],
          ...most(name, "rp_filter") === STRICT
            ? [problem(`rp_filter is strict on ${name}`, why, setting(filter, LOOSE))]
            : [],
        ];
      });
      return findings.length > 0
        ? findings
        : [ok(`packets of service addresses are let in on ${listed(links.map(({ name }) => name))}`)];
    },
  },
];

const ACCEPT_CURE =
  "who is on that link may then send in the name of this host's addresses: the routers should filter that at the edge; " +
  "or leave via: service out of that service";

/** IPv6 lets in what comes from an address that is its own. */
function isAnsweredByOthers({ address, ports }: SubjectPassage): boolean {
  return address.family === 4 && ports.some((port) => serversOf(port).length > 0);
}

/** Those that answer clients by themselves. */
function serversOf({ destinations }: PortConfig): readonly DestinationConfig[] {
  return destinations.filter(({ forwarding }) => forwarding !== "masq");
}

/** The interfaces by which their answers come, as far as the way there tells. */
function linksOf(host: Host, passages: readonly SubjectPassage[]): readonly HostLink[] {
  const servers = passages.flatMap(({ ports }) => ports.flatMap(serversOf));
  const routes = servers.map(({ address }) => host.routeTo(address));
  const indexes = new Set(routes.flatMap((route) => route === undefined || route.local ? [] : [route.link]));
  return host.links().filter(({ index }) => indexes.has(index));
}

function namesOf(passages: readonly SubjectPassage[]): string {
  return listed([...new Set(passages.map(({ address, service }) => `${address.text} of ${service}`))]);
}
