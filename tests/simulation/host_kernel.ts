/**
 * The kernel of the simulated host: what the agent makes of it is looked at before every change, others meddle with it, and
 * what is theirs must stay as they left it.
 */
import type { Config, ServiceConfig } from "../../src/config/config.ts";
import type { Change } from "../../src/kernel/change.ts";
import { ADDRESS_AS_SET, isOurs, virtualServiceKey } from "../../src/kernel/state.ts";
import { errnoText } from "../../ffi/errno.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { address } from "../support/bgp.ts";
import { ADDRESS_BY_HAND } from "../support/fake_links.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import type { Dice } from "./dice.ts";
import { PLAIN, plainDestination, plainService } from "../support/kernel_objects.ts";

/** What somebody else does to objects of ours. */
export const MEDDLINGS = [
  "deletes an address",
  "sets a link down",
  "deletes a link",
  "takes a name",
  "changes an alias",
  "adds an address",
  "deletes a virtual service",
  "deletes a destination",
  "sets a weight to 0",
  "changes a scheduler",
  "adds a destination",
  "changes what is theirs",
] as const;

/** One of them. */
export type Meddling = typeof MEDDLINGS[number];

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
      ...this.services.filter(({ address: { text } }) => isService(text) && !this.orphaned.has(text))
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
        return this.#breaksPort(config, change) ? [change.service.address.text] : [];
      default:
        return [];
    }
  }

  /** Somebody else does this to something of ours; says to what, or undefined where there is nothing. */
  meddle(what: Meddling, dice: Dice): string | undefined {
    const links = this.interfaces.filter(isOurs);
    const services = this.services.filter(({ address }) => isService(address.text));
    const onLink = links.length > 0 ? this.#meddleWithLink(what, dice.pick(links), dice) : undefined;
    const done = onLink ??
      (services.length > 0 ? this.#meddleWithService(what, dice.pick(services), dice) : undefined);
    if (what === "changes what is theirs") this.#changeTheirs(dice);
    this.rememberForeign();
    if (onLink !== undefined) this.notify();
    return done;
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
    return have.addresses.some(({ address }) => address.text === text) ? undefined : `no address on ${link}`;
  }

  #portLack({ ports }: ServiceConfig, text: string): string | undefined {
    for (const { port, protocol } of ports) {
      const have = this.services.find((each) =>
        each.address.text === text && each.port === port && each.protocol === protocol
      );
      if (have === undefined) return `no virtual service at port ${port}`;
      if (!have.destinations.some(({ weight }) => weight > 0)) return `no weight at port ${port}`;
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
    const { text } = change.service.address;
    const service = config.services.find(({ addresses }) => addresses.some((each) => each.text === text));
    return service === undefined ||
      service.ports.some(({ port, protocol }) => port === have.port && protocol === have.protocol);
  }

  /** One that is down and empty would serve nobody, and be adopted. */
  #squat(name: string, kind: string): void {
    const link = this.addLink(name, kind);
    link.up = true;
    this.#squatters.add(link.index);
  }

  #meddleWithLink(what: Meddling, link: HostKernel["interfaces"][number], dice: Dice): string | undefined {
    const [first] = link.addresses;
    if (what === "deletes an address" || what === "deletes a link" || what === "takes a name") {
      for (const { address } of link.addresses) this.orphaned.add(address.text);
    }
    switch (what) {
      case "deletes an address":
        if (first === undefined) return undefined;
        this.deleteAddress(link.index, first.address, first.prefixLength);
        return `${first.address.text} of ${link.name}`;
      case "sets a link down":
        link.up = false;
        return link.name;
      case "deletes a link":
        this.deleteLink(link.index);
        return link.name;
      case "takes a name":
        this.deleteLink(link.index);
        this.#squat(link.name, dice.pick(["bridge", "dummy"]));
        return link.name;
      case "changes an alias":
        link.alias = "bgp-lb:other";
        return link.name;
      case "adds an address":
        this.replaceAddress(link.index, {
          address: address("10.99.250.1"),
          prefixLength: 24,
          ...ADDRESS_BY_HAND,
        });
        return link.name;
      default:
        return undefined;
    }
  }

  #meddleWithService(
    what: Meddling,
    service: HostKernel["services"][number],
    dice: Dice,
  ): string | undefined {
    const key = virtualServiceKey(service);
    const [first] = service.destinations;
    switch (what) {
      case "deletes a virtual service":
        this.delService(service);
        return key;
      case "deletes a destination":
        if (first !== undefined) this.delDest(service, first);
        return key;
      case "sets a weight to 0":
        for (const each of service.destinations) this.setDest(service, { ...each, weight: 0 });
        return key;
      case "changes a scheduler":
        this.setService({ ...service, scheduler: dice.pick(["lc", "sh"]) });
        return key;
      case "adds a destination":
        this.newDest(service, {
          address: address("10.66.0.1"),
          port: 1,
          weight: 1,
          forwarding: "masq",
          ...PLAIN,
        });
        return key;
      default:
        return undefined;
    }
  }

  #changeTheirs(dice: Dice): void {
    const link = this.link("others");
    link.up = dice.chance(0.5);
    const theirs = this.services.find(({ address }) => !isService(address.text));
    if (theirs !== undefined) this.setService({ ...theirs, scheduler: dice.pick(["rr", "lc"]) });
  }

  #foreignNow(): Map<string, string> {
    const links = this.interfaces.filter((link) => !isOurs(link));
    const services = this.services.filter(({ address }) => !isService(address.text));
    return new Map([
      ...links.map((link) => [`interface ${link.index}`, wordsOf(link)] as const),
      ...services.map((service) => [`virtual service ${service.birth}`, wordsOf(service)] as const),
    ]);
  }
}

/** Whether it is an address that services may have. */
export function isService(text: string): boolean {
  return text.startsWith("10.99.") || text.startsWith("2001:db8:99:");
}

function wordsOf(object: object): string {
  return JSON.stringify(object, (key, value) => key === "bytes" ? undefined : value);
}

/** From 0 to 1, for a text. */
function hash(text: string): number {
  let value = 2_166_136_261;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16_777_619);
  return (value >>> 0) / 2 ** 32;
}
