/** Who else has what the agent wants: ports, the control socket, names of interfaces, service addresses, virtual services. */
import { diff } from "../kernel/diff.ts";
import { interestIn } from "../kernel/kernel.ts";
import { NOTHING } from "../kernel/merge.ts";
import { isOurs, type VirtualServiceId, virtualServiceKey, virtualServiceText } from "../kernel/state.ts";
import { CONTROL_PORT } from "../bfd/ports.ts";
import { type Address, parseAddress, UNSPECIFIED, withPort } from "../net/address.ts";
import { listed, ok, problem, type Row, warning } from "./finding.ts";
import type { Host } from "./host.ts";
import { type Holder, holderOf, type Listener, listeners, overlaps } from "./processes.ts";
import type { Subject } from "./subject.ts";

/** The rows. */
export const CLASH_ROWS: readonly Row[] = [
  {
    name: "BGP port",
    applies: ({ listenPort, listenAddresses }) => listenPort > 0 && listenAddresses.length > 0,
    look(host, { listenPort, listenAddresses, agent }) {
      const taken = takenBy(host, listenAddresses, listenPort, agent);
      if (taken.length === 0) return [ok(freeText(`port ${listenPort}`, agent))];
      return taken.map(({ listener, holder }) =>
        problem(
          `${withPort(listener.address, listener.port)} is taken${holderText(holder)}`,
          "routers that connect to this host reach another program: their sessions do not come up",
          endOf(
            holder,
            `ss -ltnp sport = :${listenPort}`,
            "end it, or set bgp.local.listenPort: -1 to only connect out, or name other listenAddresses",
          ),
        )
      );
    },
  },
  {
    name: "BFD ports",
    applies: ({ peers }) => bfdPlaces(peers).length > 0,
    look(host, { peers, agent }) {
      const places = bfdPlaces(peers);
      const taken = places.flatMap(({ port, family, names }) =>
        takenBy(host, [UNSPECIFIED[family]], port, agent, "udp").map((each) => ({ ...each, names }))
      );
      const ports = listed([...new Set(places.map(({ port }) => `${port}`))]);
      if (taken.length === 0) return [ok(freeText(`UDP port ${ports}`, agent))];
      const strict = peers.filter(({ bfd }) => bfd?.strict === true).map(({ name }) => name);
      return taken.map(({ listener: { address, port }, holder, names }) => {
        const held = names.filter((name) => strict.includes(name));
        const consequence = held.length === 0
          ? `BFD with ${listed(names)} does not come up: lost routers are noticed by the hold time alone`
          : `BFD does not come up, and no session with ${listed(held)} without it (bfd.strict)`;
        return (held.length === 0 ? warning : problem)(
          `UDP ${withPort(address, port)} is taken${holderText(holder)}`,
          consequence,
          endOf(
            holder,
            `ss -lunp sport = :${port}`,
            "only one program has BFD on a host: end it, or set bfd: off",
          ),
        );
      });
    },
  },
  {
    name: "http.listen",
    applies: ({ http }) => http !== undefined,
    look(host, { http, agent }) {
      if (http === undefined) return [];
      const wanted = (http.hostname === "" ? ["0.0.0.0", "::"] : [http.hostname]).map(parseAddress);
      const taken = takenBy(host, wanted.filter((address) => address !== undefined), http.port, agent);
      if (taken.length === 0) return [ok(freeText(`port ${http.port}`, agent))];
      return taken.map(({ listener, holder }) =>
        warning(
          `${withPort(listener.address, listener.port)} is taken${holderText(holder)}`,
          "metrics, /readyz and the API are not to be had until it is free; services are announced all the same",
          endOf(holder, `ss -ltnp sport = :${http.port}`, "end it, or name another http.listen"),
        )
      );
    },
  },
  {
    name: "control socket",
    applies: ({ controlDoubt }) => controlDoubt !== undefined,
    look: (_host, { controlDoubt = "" }) => [
      warning(controlDoubt, "commands such as drain and reload do not reach the agent by it", {
        cure: "end whoever has it, ask as the user that may, or name another control.socket",
      }),
    ],
  },
  {
    name: "interface names",
    applies: ({ interfaces }) => interfaces.length > 0,
    async look(host, { interfaces }) {
      const desired = { ...NOTHING, interfaces };
      const actual = await host.kernelState(interestIn(desired, { interfaces: true, ipvs: false }));
      const { conflicts } = diff(desired, actual);
      if (conflicts.length === 0) return [ok("no interface of somebody else has a name that we want")];
      const removable = new Set(
        actual.interfaces.filter(({ kind }) => kind !== undefined).map(({ name }) => name),
      );
      return conflicts.map((conflict) =>
        problem(conflict.message, `service ${conflict.service} cannot be set up`, {
          cure: removable.has(conflict.interface)
            ? `remove it, or name another services[].interface for ${conflict.service}`
            : `name another services[].interface for ${conflict.service}`,
          ...removable.has(conflict.interface) ? { command: `ip link delete dev ${conflict.interface}` } : {},
        })
      );
    },
  },
  {
    name: "service addresses",
    applies: ({ managesLinks, addresses }) => managesLinks && addresses.length > 0,
    look(host, { addresses, interfaces }) {
      const ours = new Set(interfaces.map(({ name }) => name));
      const wanted = new Set(addresses.map(({ text }) => text));
      const foreign = host.links().filter((link) => !isOurs(link) && !ours.has(link.name)).flatMap((link) =>
        link.addresses.filter(({ address }) => wanted.has(address.text)).map((each) => ({ ...each, link }))
      );
      if (foreign.length === 0) return [ok("no service address is on an interface of somebody else")];
      return foreign.map(({ address, prefixLength, link }) =>
        warning(
          `${address.text}/${prefixLength} is on ${link.name}, too`,
          "it stays there when the service is withdrawn or drained: what then still comes, and this host itself, goes to it",
          { command: `ip address delete ${address.text}/${prefixLength} dev ${link.name}` },
        )
      );
    },
  },
  {
    name: "virtual services",
    applies: ({ ports, agent }) => ports.length > 0 && agent === undefined,
    async look(host, { ports, addresses, fwmarks }) {
      const interest = interestIn({ ...NOTHING, ownedAddresses: addresses, ownedFwmarks: fwmarks });
      const { virtualServices } = await host.kernelState({
        ...interest,
        managed: { interfaces: false, ipvs: true },
      });
      const wanted = new Set(ports.flatMap(({ ids }) => ids.map(virtualServiceKey)));
      const foreign = virtualServices.filter((service) => !wanted.has(virtualServiceKey(service)));
      if (foreign.length === 0) {
        return [ok("no virtual service but those that are configured is on a service address")];
      }
      return foreign.map((service) =>
        warning(
          `${virtualServiceText(service)} is there, and not configured`,
          "what is on a service address is the agent's: it removes it at its start, and whoever made it may make it again",
          {
            cure: "where another program makes it, such as keepalived, end that first",
            command: deletionOf(service),
          },
        )
      );
    },
  },
];

interface Taken {
  readonly listener: Listener;
  readonly holder: Holder | undefined;
}

/** Who listens where the agent wants to, but the agent itself. Whom nobody may know is the agent, where one runs. */
function takenBy(
  host: Host,
  wanted: readonly Address[],
  port: number,
  agent: Subject["agent"],
  protocol: "tcp" | "udp" = "tcp",
): readonly Taken[] {
  return listeners(host, protocol)
    .filter((listener) =>
      listener.port === port && wanted.some((address) => overlaps(listener.address, address))
    )
    .map((listener) => ({ listener, holder: holderOf(host, listener.inode) }))
    .filter(({ holder }) => agent === undefined || (holder !== undefined && holder.pid !== agent.pid));
}

function freeText(port: string, agent: Subject["agent"]): string {
  return agent === undefined ? `${port} is free` : `nobody but the agent that runs has ${port}`;
}

/** Where packets of BFD come in, and for whom (RFC 5881 section 4, RFC 5883 section 5). */
function bfdPlaces(peers: Subject["peers"]) {
  const watched = peers.flatMap(({ name, address: { family }, bfd }) =>
    bfd === undefined ? [] : [{ name, family, port: CONTROL_PORT[bfd.multihop ? "multihop" : "single"] }]
  );
  return [...Map.groupBy(watched, ({ family, port }) => `${family} ${port}`).values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ ...first, names: group.map(({ name }) => name) }];
  });
}

function holderText(holder: Holder | undefined): string {
  if (holder === undefined) return " by a program that this user may not know";
  const { name, pid, unit } = holder;
  return ` by ${name} (pid ${pid}${unit === undefined ? "" : `, ${unit}`})`;
}

function endOf(holder: Holder | undefined, search: string, cure: string) {
  if (holder === undefined) {
    return { cure: `ask again as root to know by whom (or ${search}); ${cure}` };
  }
  const { pid, unit } = holder;
  return { cure, command: unit === undefined ? `kill ${pid}` : `systemctl disable --now ${unit}` };
}

function deletionOf({ protocol, address, port, fwmark }: VirtualServiceId): string {
  if (fwmark > 0) return `ipvsadm -D -f ${fwmark}${address.family === 6 ? " -6" : ""}`;
  const option = { tcp: "-t", udp: "-u", sctp: "--sctp-service" }[protocol];
  return `ipvsadm -D ${option} ${withPort(address, port)}`;
}
