/**
 * The kernel of the simulated host: what the agent makes of it is looked at before every change, others meddle with it, and
 * what is theirs must stay as they left it.
 */
import type { Config, ServiceConfig } from "../../src/config/config.ts";
import type { Change } from "../../src/kernel/change.ts";
import {
  ADDRESS_AS_SET,
  fwmarkId,
  isOurs,
  markedFwmarks,
  type VirtualServiceId,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { idsOf } from "../../src/service/desired.ts";
import { errnoText } from "../../ffi/errno.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { address } from "../support/bgp.ts";
import { ADDRESS_BY_HAND } from "../support/fake_links.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { addressesOfMark, MARKS } from "./configurations.ts";
import { PLAIN, plainDestination, plainService } from "../support/kernel_objects.ts";

const FOREIGN_MARK = 99;
/** How others' virtual services are scheduled. */
const SCHEDULED = {
  persistenceEngine: "",
  scheduler: "rr",
  flags: 0,
  timeoutSeconds: 0,
  netmask: 32,
} as const;

/** The kernel. */
export class HostKernel extends FakeKernel {
  /** Others' objects as they left them, by what identifies them. */
  #foreign = new Map<string, string>();
  /** Addresses that others took away; whose process ends has no way to know that what is on them was its own. */
  readonly orphaned = new Set<string>();
  /** Interfaces that somebody made under a name of ours. */
  readonly #squatters = new Set<number>();

  constructor() {
    super();
    const eth0 = this.addLink("eth0", undefined);
    eth0.up = true;
    eth0.addresses = [{ address: address("10.0.0.1"), prefixLength: 24, ...ADDRESS_BY_HAND }];
    this.addLink("br0", "bridge", "bgp-lb:s0");
    const others = this.addLink("others", "dummy", "somebody else's");
    others.addresses = [{ address: address("10.50.0.1"), prefixLength: 32, ...ADDRESS_AS_SET }];
    this.addLink("unmarked", "dummy");
    for (const text of ["10.50.0.1", "10.0.0.1"]) {
      this.addService(
        plainService({
          address: address(text),
          destinations: [plainDestination({ address: address("10.0.0.11"), port: 80 })],
        }),
      );
    }
    this.addService({
      ...fwmarkId(FOREIGN_MARK, 4),
      ...SCHEDULED,
      destinations: [{ address: address("10.0.0.11"), port: 80, weight: 1, forwarding: "masq", ...PLAIN }],
    });
    this.rememberForeign();
  }

  /** Objects of others that are not as these left them, in words. */
  get touched(): readonly string[] {
    const now = this.#foreignNow();
    return [...this.#foreign].flatMap(([key, was]) => {
      const is = now.get(key);
      return is === was ? [] : [`${key}: ${was} is ${is ?? "gone"}`];
    });
  }

  /** What is ours, as far as a process that has just started can know. */
  get ours(): readonly string[] {
    return [
      ...this.interfaces.filter(isOurs).map(({ name }) => `interface ${name}`),
      ...this.services.filter((each) => isOfServices(each) && !this.orphaned.has(placeOf(each)))
        .map(virtualServiceKey),
    ];
  }

  /** It can be read, and nothing is in the way of what we want. */
  get isWell(): boolean {
    return this.readError === undefined && this.#squatters.size === 0;
  }

  /** What others have left is as it should be from now on. */
  rememberForeign(): void {
    this.#foreign = this.#foreignNow();
  }

  /** A read fails until it is called with false. */
  failReads(fails: boolean): void {
    this.readError = fails
      ? new KernelError("read", {
        errno: ERRNO.ENOBUFS,
        words: errnoText(ERRNO.ENOBUFS),
        extendedAck: undefined,
      })
      : undefined;
  }

  /** Refuses this share of all changes, always the same ones; 0: none. */
  refuseShare(share: number): void {
    this.refuse = (change) => share > 0 && hash(JSON.stringify(change)) < share ? ERRNO.EBUSY : undefined;
  }

  /** What keeps packets to `text` from being served as `config` says; undefined: nothing. */
  lack(config: Config, text: string): string | undefined {
    const service = config.services.find(({ addresses }) => addresses.some((each) => each.text === text));
    if (service === undefined) return "no service has the address";
    const { setup, ipvs } = config.network;
    return (setup ? this.#addressLack(service, text) : undefined) ??
      (ipvs ? this.#portLack(service, text) : undefined);
  }

  /** The addresses that `change` keeps from being served as `config` says. */
  broken(config: Config, change: Change): readonly string[] {
    switch (change.type) {
      case "delete-interface":
      case "delete-address": {
        const link = this.interfaces.find(({ index }) => index === change.index);
        if (link === undefined || !isOurs(link)) return [];
        const texts = link.addresses.filter(({ address, prefixLength }) =>
          prefixLength === address.bytes.byteLength * 8
        ).map(({ address }) => address.text);
        if (change.type === "delete-interface") return texts;
        const isHost = change.prefixLength === change.address.bytes.byteLength * 8;
        return isHost ? texts.filter((text) => text === change.address.text) : [];
      }
      case "delete-service":
      case "delete-destination":
      case "set-destination":
        return this.#breaksPort(config, change) ? restingOn(config, change.service) : [];
      default:
        return [];
    }
  }

  /** What is on an interface, or of one family on it, goes by another hand. */
  orphan({ addresses, alias, kind, group }: HostKernel["interfaces"][number], family?: 4 | 6): void {
    for (const { address } of addresses) {
      if (family === undefined || address.family === family) this.orphaned.add(address.text);
    }
    if (family !== undefined) return;
    for (const mark of markedFwmarks({ alias, kind, group })) this.orphaned.add(virtualServiceKey(mark));
  }

  /** Somebody makes an interface of this name. One that is down and empty would serve nobody, and be adopted. */
  squat(name: string, kind: string): void {
    const link = this.addLink(name, kind);
    link.up = true;
    this.#squatters.add(link.index);
  }

  /** Whoever took names gives them back. */
  releaseNames(): void {
    if (this.#squatters.size === 0) return;
    for (const index of this.#squatters) this.deleteLink(index);
    this.#squatters.clear();
    this.rememberForeign();
    this.notify();
  }

  #addressLack({ interface: link }: ServiceConfig, text: string): string | undefined {
    const have = this.interfaces.find((each) => each.name === link);
    if (have === undefined) return `no interface ${link}`;
    // Marked for another service it serves all the same.
    if (!isOurs(have)) return `interface ${link} is not ours`;
    if (!have.up) return `interface ${link} is down`;
    const there = have.addresses.find(({ address }) => address.text === text);
    if (there === undefined) return `no address on ${link}`;
    return this.delivers(there.address) ? undefined : `no local route of an address on ${link}`;
  }

  #portLack({ ports }: ServiceConfig, text: string): string | undefined {
    const { family } = address(text);
    for (const port of ports) {
      const ids = idsOf(port, { addresses: [address(text)] }).filter((id) => id.address.family === family);
      for (const key of ids.map(virtualServiceKey)) {
        const have = this.services.find((each) => virtualServiceKey(each) === key);
        if (have === undefined) return `no virtual service ${key}`;
        if (!have.destinations.some(({ weight }) => weight > 0)) return `no weight at ${key}`;
      }
    }
    return undefined;
  }

  #breaksPort(
    config: Config,
    change: Extract<Change, { readonly type: `${string}-service` | `${string}-destination` }>,
  ): boolean {
    const key = virtualServiceKey(change.service);
    const have = this.services.find((each) => virtualServiceKey(each) === key);
    if (have === undefined || !have.destinations.some(({ weight }) => weight > 0)) return false;
    if ("destination" in change) {
      if (change.type === "set-destination" && change.destination.weight > 0) return false;
      const { address, port } = change.destination;
      const others = have.destinations.filter((each) =>
        !(each.address.text === address.text && each.port === port)
      );
      if (others.some(({ weight }) => weight > 0)) return false;
    }
    // A port that is wanted no more goes while the address stays announced for the others.
    const service = serviceAt(config, change.service);
    return service === undefined ||
      service.ports.some((port) => idsOf(port, service).some((id) => virtualServiceKey(id) === key));
  }

  #foreignNow(): Map<string, string> {
    const links = this.interfaces.filter((link) => !isOurs(link));
    const services = this.services.filter((each) => !isOfServices(each));
    return new Map([
      ...links.map((link) => [`interface ${link.index}`, wordsOf(link)] as const),
      ...services.map((service) => [`virtual service ${service.birth}`, wordsOf(service)] as const),
    ]);
  }
}

/** Whether it is at an address that services may have, or at a mark. */
export function isOfServices({ address: { text }, fwmark }: VirtualServiceId): boolean {
  if (fwmark > 0) return MARKS.includes(fwmark);
  return text.startsWith("10.99.") || text.startsWith("2001:db8:99:");
}

/** What a process that has just started can know a virtual service by: its address, or its mark. */
export function placeOf(id: VirtualServiceId): string {
  return id.fwmark > 0 ? virtualServiceKey(id) : id.address.text;
}

/** The service that has a virtual service. */
export function serviceAt(config: Config, { address, fwmark }: VirtualServiceId): ServiceConfig | undefined {
  return config.services.find(({ addresses, ports }) =>
    fwmark > 0
      ? ports.some((port) => port.fwmark === fwmark)
      : addresses.some((each) => each.text === address.text)
  );
}

function wordsOf(object: object): string {
  return JSON.stringify(object, (key, value) => key === "bytes" ? undefined : value);
}

/** The addresses that are served by a virtual service: its own, or those of its mark's service. */
export function restingOn(config: Config, id: VirtualServiceId): readonly string[] {
  if (id.fwmark === 0) return [id.address.text];
  const addresses = serviceAt(config, id)?.addresses ?? addressesOfMark(id.fwmark, config);
  return addresses.filter(({ family }) => family === id.address.family).map(({ text }) => text);
}

/** From 0 to 1, for a text. */
function hash(text: string): number {
  let value = 2_166_136_261;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16_777_619);
  return (value >>> 0) / 2 ** 32;
}
