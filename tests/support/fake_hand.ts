/** The hand of somebody else on a host in memory: the words of iproute2 and ipvsadm, acted on in memory. */
import { addressOf } from "../../src/net/address.ts";
import { destinationKey, type VirtualServiceId, virtualServiceKey } from "../../src/kernel/state.ts";
import { address as parse } from "./bgp.ts";
import type { FakeHost, FakeService } from "./fake_host.ts";
import { ADDRESS_BY_HAND } from "./fake_links.ts";
import type { ForeignHand, HostView } from "./host_view.ts";
import { BY_ADDRESS, PLAIN } from "./kernel_objects.ts";

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
    const option = (name: string) => args[args.indexOf(name) + 1] ?? "";
    const at = host.services.findIndex((each) => virtualServiceKey(each) === virtualServiceKey(id));
    const have = host.services[at];
    if (command === "-A") {
      const netmask = id.address.bytes.byteLength * 8;
      const plain = { ...BY_ADDRESS, flags: 0, timeoutSeconds: 0, netmask, destinations: [] };
      return host.addService({ ...id, ...plain, scheduler: option("-s") });
    }
    if (have === undefined) throw new Error(`ipvsadm ${command}: no such service`);
    if (command === "-D") return void host.services.splice(at, 1);
    if (command === "-E") return void (host.services[at] = { ...have, scheduler: option("-s") });
    const server = endpointOf(option("-r"));
    const others = have.destinations.filter((each) => destinationKey(each) !== destinationKey(server));
    const weight = Number(option("-w"));
    const added = command === "-d" ? [] : [{ ...server, weight, forwarding: "masq" as const, ...PLAIN }];
    host.services[at] = { ...have, destinations: [...others, ...added] };
  }

  // deno-lint-ignore require-await -- as the other hand has it
  async #act(change: () => void): Promise<void> {
    change();
    this.#host.notify();
  }
}

/** What `ipvsadm -Sn` writes of a service. */
function serviceLines(service: FakeService): string[] {
  const key = `${protocolOption(service.protocol)} ${endpointText(service)}`;
  const { scheduler, flags, timeoutSeconds, netmask, address } = service;
  const granularity = netmask === address.bytes.byteLength * 8
    ? ""
    : ` -M ${address.family === 6 ? netmask : maskText(netmask)}`;
  const words = FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => `${scheduler}-${word}`);
  return [
    `-A ${key} -s ${scheduler}` + ((flags & 0x1) === 0 ? "" : ` -p ${timeoutSeconds}${granularity}`) +
    ((flags & 0x4) === 0 ? "" : " -o") + (words.length === 0 ? "" : ` -b ${words.join(",")}`),
    ...service.destinations.map((each) =>
      `-a ${key} -r ${endpointText(each)} ${METHODS[each.forwarding]} -w ${each.weight}`
    ),
  ];
}

function protocolOption(protocol: ServiceId["protocol"]): string {
  return protocol === "tcp" ? "-t" : protocol === "udp" ? "-u" : "--sctp-service";
}

function maskText(length: number): string {
  return addressOf(Uint8Array.from([24, 16, 8, 0], (shift) => (-1 << (32 - length) >>> shift) & 0xff)).text;
}

function endpointText({ address, port }: Pick<ServiceId, "address" | "port">): string {
  return address.family === 4 ? `${address.text}:${port}` : `[${address.text}]:${port}`;
}

function serviceId([option = "", endpoint = ""]: readonly string[]): ServiceId {
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
