/** Which messages of the kernel say that a way from this host is lost, over a kernel's end in memory. */
import assert from "node:assert/strict";
import { LossWatch } from "../../src/kernel/loss_watch.ts";
import { INTERFACE_GROUP } from "../../src/kernel/state.ts";
import { AF, NLMSG, RTM } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { address } from "../support/bgp.ts";
import { FakeHost } from "../support/fake_host.ts";
import { ADDRESS_BY_HAND, type FakeInterface } from "../support/fake_links.ts";
import { FakeNetlink } from "../support/fake_netlink.ts";
import { addressPayloads, linkPayload } from "../support/fake_rtnetlink.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** A host with a network card (`eth0`), one in a bridge (`eth1`), the bridge, a VLAN, a container's link, and one of ours. */
class Bench implements Disposable {
  readonly host = new FakeHost();
  readonly netlink = new FakeNetlink(this.host);
  readonly clock = new VirtualClock();
  readonly faults: string[] = [];
  readonly eth0 = this.#add("eth0", undefined, "192.0.2.1");
  readonly eth1 = this.#add("eth1", undefined);
  readonly bridge = this.#add("br0", "bridge", "198.51.100.1");
  readonly vlan = this.#add("eth0.7", "vlan", "2001:db8::1");
  readonly guest = this.#add("veth1", "veth");
  readonly ours = this.#add("web", "dummy", "2001:db8:99::1");
  losses = 0;
  #watch: LossWatch | undefined;

  constructor() {
    this.ours.group = INTERFACE_GROUP;
    this.eth1.master = "br0";
    this.guest.master = "br0";
  }

  async start(): Promise<this> {
    const { netlink, clock } = this;
    this.#watch = new LossWatch({
      transport: netlink,
      reactor: netlink,
      clock,
      onLoss: () => void this.losses++,
      onFault: (cause) => void this.faults.push(cause),
    });
    await clock.advance(0);
    return this;
  }

  /** How many losses are told of these messages, that come at once. */
  heard(...messages: readonly (readonly [type: number, payload: Uint8Array] | number)[]): number {
    const before = this.losses;
    for (const message of messages) {
      if (typeof message === "number") this.netlink.tell(message);
      else this.netlink.tell({ type: message[0], flags: 0, payload: message[1] });
    }
    this.netlink.react();
    return this.losses - before;
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    assert.equal(this.netlink.openSockets, 0, "a socket is left open");
  }

  #add(name: string, kind: string | undefined, placed?: string): FakeInterface {
    const link = this.host.addLink(name, kind);
    Object.assign(link, { up: true, carrier: true });
    if (placed !== undefined) {
      const [at, prefixLength] = [address(placed), placed.includes(":") ? 64 : 24];
      assert.equal(
        this.host.replaceAddress(link.index, { ...ADDRESS_BY_HAND, address: at, prefixLength }),
        undefined,
      );
    }
    return link;
  }
}

const news = (link: FakeInterface, change: Partial<FakeInterface> = {}) =>
  [RTM.NEWLINK, linkPayload({ ...link, ...change })] as const;
const gone = (link: FakeInterface) => [RTM.DELLINK, linkPayload(link)] as const;
/** The address of a link, and its link-local one. */
const addressesOf = (link: FakeInterface) => addressPayloads(link);
const placedOf = (link: FakeInterface) => addressesOf(link)[0] ?? assert.fail();
const linkLocalOf = (link: FakeInterface) => addressesOf(link).at(-1) ?? assert.fail();

Deno.test("LossWatch tells of a card, a bridge or a VLAN that goes down, loses its carrier or goes, once for each", async () => {
  for (const name of ["eth0", "eth1", "bridge", "vlan"] as const) {
    for (const change of [{ up: false }, { carrier: false }, { up: false, carrier: false }]) {
      using at = await new Bench().start();
      const link = at[name];
      assert.equal(at.heard(news(link)), 0, "nothing has changed");
      assert.equal(at.heard(news(link, change)), 1, name);
      assert.equal(at.heard(news(link, change), gone(link)), 0, "it was lost before");
      assert.equal(at.heard(news(link)), 0, "it comes back");
    }
    using at = await new Bench().start();
    assert.equal(at.heard(gone(at[name])), 1);
    assert.equal(at.heard(gone(at[name])), 0);
  }
});

Deno.test("LossWatch tells of an address of more than link scope that goes, once for all that go together", async () => {
  using at = await new Bench().start();
  assert.equal(at.heard([RTM.DELADDR, placedOf(at.eth0)]), 1);
  assert.equal(at.heard([RTM.DELADDR, placedOf(at.vlan)], [RTM.DELADDR, placedOf(at.bridge)]), 1);
  assert.equal(at.heard([RTM.DELADDR, linkLocalOf(at.vlan)]), 0);
  assert.equal(at.heard([RTM.NEWADDR, placedOf(at.eth0)]), 0);
});

Deno.test("LossWatch knows of links and addresses that come later", async () => {
  using at = await new Bench().start();
  const tunnel = { ...at.vlan, index: 77, name: "wg0", kind: "wireguard", addresses: at.eth0.addresses };
  assert.equal(at.heard(news(tunnel), [RTM.NEWADDR, placedOf(tunnel)], news(tunnel, { up: false })), 1);
});

Deno.test("LossWatch says nothing of what is ours, and of links of containers that come and go in a bridge", async () => {
  using at = await new Bench().start();
  const { ours, guest } = at;
  assert.equal(at.heard([RTM.DELADDR, placedOf(ours)], news(ours, { up: false }), gone(ours)), 0);
  const adopted = { ...ours, index: 88, name: "new", group: 0 };
  const marked = { ...adopted, alias: "bgp-lb:new" };
  assert.equal(at.heard(news(adopted), [RTM.NEWADDR, placedOf(adopted)], news(marked), gone(marked)), 0);
  for (let times = 0; times < 300; times++) {
    const link = { ...guest, index: 1000 + times, name: `veth${times}`, up: false, carrier: false };
    const port = { ...link, up: true, carrier: true };
    assert.equal(at.heard(news(link), news(port), [RTM.NEWADDR, linkLocalOf(port)]), 0);
    assert.equal(at.heard([RTM.DELADDR, linkLocalOf(port)], news(link), gone(link)), 0);
  }
});

Deno.test("LossWatch takes what a bridge tells of its ports for no link", async () => {
  using at = await new Bench().start();
  const left = linkPayload(at.eth0);
  left[0] = AF.BRIDGE;
  assert.equal(at.heard([RTM.DELLINK, left]), 0);
  const down = linkPayload({ ...at.eth0, up: false });
  down[0] = AF.BRIDGE;
  assert.equal(at.heard([RTM.NEWLINK, down]), 0);
  assert.equal(at.heard(news(at.eth0, { carrier: false })), 1);
});

Deno.test("LossWatch takes messages that the kernel dropped for a loss, and reads again what there is", async () => {
  using at = await new Bench().start();
  // The news that the card was down before is lost, and an older one of the other is there still.
  at.eth0.carrier = false;
  at.eth1.carrier = false;
  assert.equal(at.heard(news(at.eth1, { carrier: true }), ERRNO.ENOBUFS, ERRNO.ENOBUFS), 1);
  await at.clock.advance(0);
  assert.equal(at.heard(news(at.eth0), news(at.eth1)), 0, "nothing that was not read again");
  assert.equal(at.heard(news(at.bridge, { carrier: false })), 1);
  assert.deepEqual(at.faults, []);
});

Deno.test("LossWatch that cannot read or hear says so once, and is there again half a minute later", async () => {
  using at = new Bench();
  at.netlink.loseAnswers = 1;
  await at.start();
  assert.equal(at.faults.length, 1);
  assert.match(at.faults[0] ?? "", /^list the ways out of this host: .*ENOBUFS/);
  assert.equal(at.netlink.openSockets, 0);
  await at.clock.advance(30_000);
  assert.equal(at.heard(news(at.eth0, { up: false })), 1);
  assert.equal(at.heard(ERRNO.EINVAL), 0);
  assert.equal(at.faults.length, 2);
  assert.match(at.faults[1] ?? "", /^hear of links and addresses: .*EINVAL/);
  await at.clock.advance(30_000);
  assert.equal(at.heard(news(at.bridge, { up: false })), 1);
  assert.equal(at.heard([NLMSG.NOOP, new Uint8Array(0)]), 0);
  // While it reads; and it is disposed before its next try.
  at.netlink.interruptDumps = Infinity;
  assert.equal(at.heard(ERRNO.ENOBUFS), 1);
  assert.equal(at.heard(ERRNO.EINVAL), 0);
  await at.clock.advance(10_000);
  assert.equal(at.faults.length, 3);
  at[Symbol.dispose]();
  await at.clock.advance(60_000);
  assert.equal(at.netlink.openSockets, 0);
});
