/** Which addresses this host has, as the kernel tells of them, and when somebody hears of it. */
import assert from "node:assert/strict";
import { AddressWatch } from "../../src/kernel/address_watch.ts";
import { INTERFACE_GROUP } from "../../src/kernel/state.ts";
import { RTM } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { address } from "../support/bgp.ts";
import { FakeHost } from "../support/fake_host.ts";
import { ADDRESS_BY_HAND, type FakeInterface } from "../support/fake_links.ts";
import { FakeNetlink } from "../support/fake_netlink.ts";
import { addressPayloads, linkPayload } from "../support/fake_rtnetlink.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** A host with a network card and an interface of ours. */
class Bench implements Disposable {
  readonly host = new FakeHost();
  readonly netlink = new FakeNetlink(this.host);
  readonly clock = new VirtualClock();
  readonly faults: string[] = [];
  readonly eth0 = this.#add("eth0", undefined);
  readonly web = this.#add("web", "dummy");
  calls = 0;
  #watch: AddressWatch | undefined;

  constructor() {
    this.web.group = INTERFACE_GROUP;
    this.place(this.eth0, "2001:db8::1");
    this.place(this.web, "2001:db8:99::1");
  }

  get watch(): AddressWatch {
    assert.ok(this.#watch !== undefined);
    return this.#watch;
  }

  open(): this {
    const { netlink, clock } = this;
    const onFault = (cause: string) => void this.faults.push(cause);
    this.#watch = new AddressWatch({ transport: netlink, reactor: netlink, clock, onFault });
    this.#watch.watch(() => void this.calls++);
    return this;
  }

  async start(): Promise<this> {
    this.open();
    await this.clock.advance(0);
    this.calls = 0;
    return this;
  }

  /** Each address but the link-local ones, and what is said of it. */
  get words(): readonly string[] {
    const known = this.watch.current();
    assert.ok(typeof known === "object");
    return known.filter(({ address }) => !address.text.startsWith("fe80")).map((each) =>
      [
        each.interface,
        `${each.address.text}/${each.prefixLength}`,
        each.state,
        ...each.ofService ? ["service"] : [],
        ...each.lasting ? [] : ["fleeting"],
      ].join(" ")
    );
  }

  place(link: FakeInterface, text: string, more: Partial<typeof ADDRESS_BY_HAND> = {}): void {
    const prefixLength = text.includes(":") ? 64 : 24;
    const placed = { ...ADDRESS_BY_HAND, address: address(text), prefixLength, ...more };
    assert.equal(this.host.replaceAddress(link.index, placed), undefined);
  }

  /** Tells of these at once; how often that was said to be news. */
  heard(...messages: readonly (readonly [type: number, payload: Uint8Array] | number)[]): number {
    const before = this.calls;
    for (const message of messages) {
      if (typeof message === "number") this.netlink.tell(message);
      else this.netlink.tell({ type: message[0], flags: 0, payload: message[1] });
    }
    this.netlink.react();
    return this.calls - before;
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    assert.equal(this.netlink.openSockets, 0, "a socket is left open");
  }

  #add(name: string, kind: string | undefined): FakeInterface {
    const link = this.host.addLink(name, kind);
    Object.assign(link, { up: true, carrier: true });
    return link;
  }
}

/** The first address of a link as it would be told with these differences. */
function told(link: FakeInterface, change: Partial<FakeInterface["addresses"][number]> = {}): Uint8Array {
  const [first] = link.addresses;
  assert.ok(first !== undefined);
  const [payload] = addressPayloads({ ...link, addresses: [{ ...first, ...change }] });
  assert.ok(payload !== undefined);
  return payload;
}

Deno.test("AddressWatch reads every address with its interface, and knows those of services", async () => {
  using at = new Bench().open();
  assert.equal(at.watch.current(), "unread");
  await at.clock.advance(0);
  assert.equal(at.calls, 1);
  assert.deepEqual(at.words, [
    "eth0 2001:db8::1/64 usable",
    "web 2001:db8:99::1/64 usable service",
  ]);
});

Deno.test("AddressWatch follows duplicate address detection (RFC 4862 5.4), and addresses that come and go", async () => {
  using at = await new Bench().start();
  const { eth0 } = at;
  assert.equal(at.heard([RTM.NEWADDR, told(eth0, { duplicateDetection: "running" })]), 1);
  assert.deepEqual(at.words[0], "eth0 2001:db8::1/64 tentative");
  assert.equal(at.heard([RTM.NEWADDR, told(eth0, { duplicateDetection: "failed" })]), 1);
  assert.deepEqual(at.words[0], "eth0 2001:db8::1/64 duplicate");
  assert.equal(at.heard([RTM.NEWADDR, told(eth0)]), 1);
  assert.deepEqual(at.words[0], "eth0 2001:db8::1/64 usable");
  assert.equal(at.heard([RTM.NEWADDR, told(eth0)]), 0, "lifetimes of router advertisements say nothing");
  assert.equal(at.heard([RTM.NEWADDR, told(eth0, { deprecated: true })]), 1);
  assert.deepEqual(at.words[0], "eth0 2001:db8::1/64 usable fleeting");
  assert.equal(at.heard([RTM.DELADDR, told(eth0)]), 1);
  assert.deepEqual(at.words, ["web 2001:db8:99::1/64 usable service"]);
  assert.equal(at.heard([RTM.DELADDR, told(eth0)]), 0);
  assert.equal(at.heard([RTM.NEWADDR, told(eth0)], [RTM.NEWADDR, told(eth0, { prefixLength: 48 })]), 1);
});

Deno.test("AddressWatch says nothing of addresses of services, of which there may be thousands", async () => {
  using at = await new Bench().start();
  const { web } = at;
  const next = { ...web, index: 77, name: "dns" };
  assert.equal(at.heard([RTM.DELADDR, told(web)], [RTM.NEWADDR, told(web)]), 0);
  assert.equal(at.heard([RTM.NEWLINK, linkPayload(next)], [RTM.NEWADDR, told(next)]), 0);
  assert.equal(at.heard([RTM.DELLINK, linkPayload(next)]), 0);
});

Deno.test("AddressWatch knows that the addresses of a link go with it, and get its other name", async () => {
  using at = await new Bench().start();
  const { eth0 } = at;
  assert.equal(at.heard([RTM.NEWLINK, linkPayload({ ...eth0, name: "lan0" })]), 1);
  assert.equal(at.words[0], "lan0 2001:db8::1/64 usable");
  assert.equal(at.heard([RTM.NEWLINK, linkPayload({ ...eth0, name: "lan0", carrier: false })]), 0);
  assert.equal(at.heard([RTM.DELLINK, linkPayload(eth0)]), 1);
  assert.deepEqual(at.words, ["web 2001:db8:99::1/64 usable service"]);
});

Deno.test("AddressWatch keeps what it knows while messages that were lost are read again", async () => {
  using at = await new Bench().start();
  at.place(at.eth0, "192.0.2.1");
  assert.equal(at.heard(ERRNO.ENOBUFS), 0);
  assert.deepEqual(at.words.length, 2);
  await at.clock.advance(0);
  assert.equal(at.calls, 1);
  assert.ok(at.words.includes("eth0 192.0.2.1/24 usable"));
});

Deno.test("AddressWatch knows nothing where it cannot read, and all half a minute later", async () => {
  using at = new Bench();
  at.netlink.loseAnswers = 1;
  at.open();
  await at.clock.advance(0);
  assert.equal(at.watch.current(), undefined);
  assert.match(at.faults.join(), /^list the addresses of this host: .*ENOBUFS/);
  assert.equal(at.calls, 1, "who waits hears that it is in vain");
  await at.clock.advance(30_000);
  assert.equal(at.words.length, 2);
  assert.equal(at.heard(ERRNO.EINVAL), 0);
  assert.equal(at.words.length, 2, "what was true last stays so");
});
