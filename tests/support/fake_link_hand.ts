/** The hand of somebody else on the interfaces of a host in memory. */
import { address as parse } from "./bgp.ts";
import { ADDRESS_BY_HAND, type FakeAddress, type FakeInterface, type FakeLinks } from "./fake_links.ts";
import type { AddressOptions, LinkHand, WholeLinkView } from "./link_hand.ts";

/** Changes interfaces behind our back. */
export class FakeLinkHand implements LinkHand {
  readonly #host: FakeLinks;

  constructor(host: FakeLinks) {
    this.#host = host;
  }

  // deno-lint-ignore require-await -- as the other hand has it
  async view(name: string): Promise<WholeLinkView> {
    const { index, alias, group, up, carrier, master, mtu, ipv6, addresses } = this.#host.link(name);
    const routed = addresses.filter(({ localRoute }) => localRoute && up && !master?.startsWith("vrf"));
    const localRoutes = [...new Set(routed.map(({ address }) => address.text))].sort();
    const texts = addresses.map(addressText).sort();
    return { index, alias, group, up, carrier, master, mtu, ipv6, addresses: texts, localRoutes };
  }

  addDummy(name: string, group: number): Promise<void> {
    return this.#act(() => void (this.#host.addLink(name, "dummy").group = group));
  }

  async enslave(name: string, kind: "vrf" | "bridge"): Promise<AsyncDisposable> {
    await this.#change(name, (link) => {
      link.master = `${kind}9`;
      // It goes down and up on the way into a VRF.
      if (kind === "vrf") this.#host.loseIpv6(link);
    });
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }

  setMtu(name: string, mtu: number): Promise<void> {
    return this.#change(name, (link) => void this.#host.setLink(link.index, { mtu }));
  }

  setCarrier(name: string, on: boolean): Promise<void> {
    return this.#change(name, (link) => void (link.carrier = on));
  }

  setIpv6(name: string, on: boolean): Promise<void> {
    return this.#change(name, (link) => this.#host.setIpv6(link, on));
  }

  setIpv6Default(on: boolean): Promise<void> {
    return this.#act(() => void (this.#host.ipv6ByDefault = on));
  }

  addAddress(name: string, text: string, { scope, broadcast, peer }: AddressOptions = {}): Promise<void> {
    const [local = "", length] = text.split("/");
    const address = parse(local);
    return this.#change(name, (link) => {
      link.addresses.push({
        ...ADDRESS_BY_HAND,
        address,
        prefixLength: Number(length),
        hostScope: address.family === 6 || scope === "host",
        broadcast: broadcast !== undefined,
        peer: peer === undefined ? undefined : parse(peer),
        nodad: address.family === 4,
      });
    });
  }

  deleteAddress(name: string, text: string): Promise<void> {
    const [local = "", length] = text.split("/");
    return this.#change(
      name,
      ({ index }) => void this.#host.deleteAddress(index, parse(local), Number(length)),
    );
  }

  deleteLocalRoute(name: string, text: string): Promise<void> {
    return this.#change(name, ({ index }) => void this.#host.setLocalRoute(index, parse(text), false));
  }

  async blackhole(text: string): Promise<AsyncDisposable> {
    const link = this.#host.interfaces.find(({ addresses }) =>
      addresses.some(({ address }) => address.text === text)
    );
    await this.deleteLocalRoute(link?.name ?? "", text);
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }

  #change(name: string, change: (link: FakeInterface) => void): Promise<void> {
    return this.#act(() => change(this.#host.link(name)));
  }

  // deno-lint-ignore require-await -- as the other hand has it
  async #act(change: () => void): Promise<void> {
    change();
    this.#host.notify();
  }
}

function addressText(
  { address, prefixLength, peer, broadcast, hostScope, deprecated, nodad, ends }: FakeAddress,
): string {
  return [
    `${address.text}/${prefixLength}`,
    peer === undefined ? "" : ` peer ${peer.text}`,
    broadcast ? ` brd ${address.text}` : "",
    address.family === 6 ? "" : hostScope ? " host" : " global",
    deprecated || ends === true ? " deprecated" : "",
    address.family === 6 && nodad ? " nodad" : "",
  ].join("");
}
