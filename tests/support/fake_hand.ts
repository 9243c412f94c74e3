/** The hand of somebody else on a host in memory: the words of iproute2 and ipvsadm, acted on in memory. */
import { addressOf, addressToU32, withPort } from "../../src/net/address.ts";
import {
  destinationKey,
  fwmarkId,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { address as parse } from "./bgp.ts";
import type { FakeDestination, FakeHost, FakeService } from "./fake_host.ts";
import { ADDRESS_BY_HAND } from "./fake_links.ts";
import type { ForeignHand, HostView } from "./host_view.ts";

type ServiceId = VirtualServiceId;

const FLAGS = [[0x8, "fallback"], [0x10, "port"]] as const;
const METHODS = { masq: "-m", droute: "-g", tunnel: "-i" } as const;

/** Changes a host behind our back. */
export class FakeHand implements ForeignHand {
  readonly #host: FakeHost;

  constructor(host: FakeHost) {
    this.#host = host;
  }

  // deno-lint-ignore require-await -- as the other hand has it
  async view(): Promise<HostView> {
    const links = this.#host.interfaces.map(({ name, index, kind, alias, up, addresses }) => ({
      name,
      index,
      kind,
      alias,
      up,
      addresses: addresses.map(({ address, prefixLength, deprecated, ends }) =>
        `${address.text}/${prefixLength}${deprecated || ends ? " deprecated" : ""}${ends ? " ends" : ""}`
      ).sort(),
    }));
    return {
      links: links.sort((a, b) => a.name < b.name ? -1 : 1),
      ipvs: this.#host.services.flatMap(serviceLines).sort(),
    };
  }

  // deno-lint-ignore require-await -- as the other hand has it
  async thresholds(): Promise<readonly string[]> {
    return this.#host.services.flatMap(({ destinations }) =>
      destinations.filter(({ upperThreshold, lowerThreshold }) => upperThreshold + lowerThreshold > 0)
        .map((each) => `${withPort(each.address, each.port)} ${each.upperThreshold} ${each.lowerThreshold}`)
    ).sort();
  }

  syncDaemon(run: boolean): Promise<void> {
    return this.#act(() => void (this.#host.syncDaemon = run));
  }

  use(address: string, port: number): Promise<void> {
    return this.#act(() => this.#host.count({ protocol: "udp", address: parse(address), port, fwmark: 0 }));
  }

  // deno-lint-ignore require-await -- as the other hand has it
  async counters(): Promise<readonly string[]> {
    return [...this.#host.counted].map(([key, count]) => `${key} ${count}`).sort();
  }

  addLink(name: string, kind: string, alias?: string): Promise<void> {
    return this.#act(() => void this.#host.addLink(name, kind, alias));
  }

  deleteLink(name: string): Promise<void> {
    return this.#act(() => {
      const link = this.#host.link(name);
      this.#host.interfaces = this.#host.interfaces.filter((each) => each !== link);
    });
  }

  setDown(name: string): Promise<void> {
    return this.#act(() => {
      const link = this.#host.link(name);
      link.up = false;
      // The kernel takes IPv6 addresses away from an interface that goes down.
      link.addresses = link.addresses.filter(({ address }) => address.family === 4);
    });
  }

  setAlias(name: string, alias: string): Promise<void> {
    return this.#act(() => void (this.#host.link(name).alias = alias === "" ? undefined : alias));
  }

  addAddress(name: string, text: string): Promise<void> {
    const [address = "", length] = text.split("/");
    return this.#act(() => {
      const added = { address: parse(address), prefixLength: Number(length), ...ADDRESS_BY_HAND };
      this.#host.link(name).addresses.push(added);
    });
  }

  endAddress(name: string, text: string): Promise<void> {
    return this.#act(() => {
      const link = this.#host.link(name);
      link.addresses = link.addresses.map((each) =>
        `${each.address.text}/${each.prefixLength}` === text
          ? { ...each, deprecated: false, ends: true }
          : each
      );
    });
  }

  deleteAddress(name: string, text: string): Promise<void> {
    return this.#act(() => {
      const link = this.#host.link(name);
      link.addresses = link.addresses.filter(({ address, prefixLength }) =>
        `${address.text}/${prefixLength}` !== text
      );
    });
  }

  // deno-lint-ignore require-await -- as the other hand has it
  async ipvsadm(command = "", ...args: readonly string[]): Promise<void> {
    const host = this.#host;
    const id = serviceId(args);
    const at = host.services.findIndex((each) => virtualServiceKey(each) === virtualServiceKey(id));
    const have = host.services[at];
    if (command === "-A") return host.addService({ ...id, ...scheduling(args, id), destinations: [] });
    if (have === undefined) throw new Error(`ipvsadm ${command}: no such service`);
    if (command === "-D") return void host.services.splice(at, 1);
    if (command === "-E") return void (host.services[at] = { ...have, ...scheduling(args, id) });
    const server = endpointOf(optionOf(args, "-r") ?? "");
    const others = have.destinations.filter((each) => destinationKey(each) !== destinationKey(server));
    const added = command === "-d" ? [] : [{ ...server, ...settings(args) }];
    host.services[at] = { ...have, destinations: [...others, ...added] };
  }

  // deno-lint-ignore require-await -- as the other hand has it
  async #act(change: () => void): Promise<void> {
    change();
    this.#host.notify();
  }
}

function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

/** Everything of a virtual service, as `-A` and `-E` set it. */
function scheduling(
  args: readonly string[],
  { address }: ServiceId,
): Omit<VirtualService, keyof ServiceId | "destinations"> {
  const scheduler = optionOf(args, "-s") ?? "wlc";
  const words = optionOf(args, "-b")?.split(",") ?? [];
  const bits = FLAGS.filter(([, word]) => words.includes(`${scheduler}-${word}`)).map(([bit]) => bit);
  const persistent = args.includes("-p") ? 0x1 : 0;
  const oneWay = args.includes("-o") ? 0x4 : 0;
  const mask = optionOf(args, "-M");
  return {
    scheduler,
    flags: bits.reduce((flags, bit) => flags | bit, persistent | oneWay),
    timeoutSeconds: Number(optionOf(args, "-p") ?? 0),
    netmask: mask === undefined ? address.bytes.byteLength * 8 : maskLength(mask),
    persistenceEngine: optionOf(args, "--pe") ?? "",
  };
}

/** Everything of a destination, as `-a` and `-e` set it. */
function settings(args: readonly string[]): Omit<FakeDestination, "address" | "port"> {
  const forwarding = args.includes("-m") ? "masq" : args.includes("-i") ? "tunnel" : "droute";
  const type = optionOf(args, "--tun-type");
  const tunnel = {
    type: type === "gue" || type === "gre" ? type : "ipip",
    port: Number(optionOf(args, "--tun-port") ?? 0),
    checksum: args.includes("--tun-csum"),
  } as const;
  return {
    forwarding,
    weight: Number(optionOf(args, "-w") ?? 1),
    upperThreshold: Number(optionOf(args, "-x") ?? 0),
    lowerThreshold: Number(optionOf(args, "-y") ?? 0),
    tunnel: forwarding === "tunnel" ? tunnel : undefined,
    ...args.includes("--tun-remcsum") ? { foreign: "remote checksum" } : {},
  };
}

/** What `ipvsadm -Sn` writes of a service. */
function serviceLines(service: FakeService): string[] {
  const key = `${serviceOptions(service)}`;
  const { scheduler, flags, timeoutSeconds, netmask, address, persistenceEngine } = service;
  const granularity = netmask === address.bytes.byteLength * 8
    ? ""
    : ` -M ${address.family === 6 ? netmask : maskText(netmask)}`;
  const words = FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => `${scheduler}-${word}`);
  return [
    `-A ${key} -s ${scheduler}` + ((flags & 0x1) === 0 ? "" : ` -p ${timeoutSeconds}${granularity}`) +
    (persistenceEngine === "" ? "" : ` --pe ${persistenceEngine}`) +
    ((flags & 0x4) === 0 ? "" : " -o") + (words.length === 0 ? "" : ` -b ${words.join(",")}`),
    ...service.destinations.map((each) =>
      `-a ${key} -r ${withPort(each.address, each.port)} ${METHODS[each.forwarding]} -w ${each.weight}` +
      tunnelText(each)
    ),
  ];
}

function tunnelText({ forwarding, tunnel, foreign }: FakeDestination): string {
  if (forwarding !== "tunnel" || tunnel === undefined || tunnel.type === "ipip") return "";
  const port = tunnel.type === "gue" ? ` --tun-port ${tunnel.port}` : "";
  const checksum = foreign === "remote checksum" ? "rem" : "";
  return ` --tun-type ${tunnel.type}${port} --tun-${checksum || (tunnel.checksum ? "" : "no")}csum`;
}

/** The number of a mark as ipvsadm prints it: signed. */
function serviceOptions({ protocol, address, port, fwmark }: ServiceId): string {
  if (fwmark > 0) return `-f ${fwmark | 0}${address.family === 6 ? " -6" : ""}`;
  const option = protocol === "tcp" ? "-t" : protocol === "udp" ? "-u" : "--sctp-service";
  return `${option} ${withPort(address, port)}`;
}

function maskText(length: number): string {
  return addressOf(Uint8Array.from([24, 16, 8, 0], (shift) => (-1 << (32 - length) >>> shift) & 0xff)).text;
}

function maskLength(text: string): number {
  return text.includes(".") ? Math.clz32(~addressToU32(parse(text))) : Number(text);
}

function serviceId([option = "", endpoint = "", next]: readonly string[]): ServiceId {
  if (option === "-f") return fwmarkId(Number(endpoint), next === "-6" ? 6 : 4);
  return {
    protocol: option === "-t" ? "tcp" : option === "-u" ? "udp" : "sctp",
    ...endpointOf(endpoint),
    fwmark: 0,
  };
}

function endpointOf(text: string): Pick<ServiceId, "address" | "port"> {
  const colon = text.lastIndexOf(":");
  return { address: parse(text.slice(0, colon).replace(/[[\]]/g, "")), port: Number(text.slice(colon + 1)) };
}
