/**
 * The part of the kernel contract that is about every field of interfaces and addresses, and about local routes; a row is
 * one test, on the fake kernel and on a real one (faults K2, K3, K8, K9).
 */
import assert from "node:assert/strict";
import { diff } from "../../src/kernel/diff.ts";
import { interestIn, type Kernel } from "../../src/kernel/kernel.ts";
import { type DesiredKernel, INTERFACE_GROUP, isOurs } from "../../src/kernel/state.ts";
import { address } from "../support/bgp.ts";
import { NONE } from "../support/kernel_objects.ts";
import type { AddressOptions, LinkHand } from "../support/link_hand.ts";

/** What a row works on. */
interface LinkSubject {
  readonly kernel: Kernel;
  readonly links: LinkHand;
}

const V4 = "10.99.0.1";
const V6 = "2001:db8:99::1";
const web = wanting(V4, V6);

/** The rows. */
export const linkRows: Readonly<Record<string, (subject: LinkSubject) => Promise<void>>> = {
  async "makes interface and addresses in every field as they should be"({ kernel, links }) {
    await make(kernel, web);
    const { index: _, ...view } = await links.view("web");
    assert.deepEqual(view, {
      alias: "bgp-lb:web",
      group: INTERFACE_GROUP,
      up: true,
      carrier: true,
      master: undefined,
      mtu: 1500,
      ipv6: true,
      addresses: [`${V4}/32 host deprecated`, `${V6}/128 deprecated nodad`],
      localRoutes: [V4, V6],
    });
  },

  async "takes what was created in our group, and not marked any more, for ours: finishes it"(
    { kernel, links },
  ) {
    await links.addDummy("web", INTERFACE_GROUP);
    const { index } = await links.view("web");
    await make(kernel, web);
    const view = await links.view("web");
    assert.deepEqual([view.index, view.alias, view.localRoutes], [index, "bgp-lb:web", [V4, V6]]);
  },

  async "takes what was created in our group, and not marked any more, for ours: removes it"(
    { kernel, links },
  ) {
    await links.addDummy("gone", INTERFACE_GROUP);
    assert.deepEqual((await read(kernel, NONE)).interfaces.map(isOurs), [true]);
    await make(kernel, NONE);
    assert.deepEqual((await read(kernel, wanting(V4, V6, "gone"))).interfaces, []);
  },

  async "takes over an empty dummy that is down, as an older agent left it or the module made it"(
    { kernel, links },
  ) {
    await links.addDummy("web", 0);
    const { index } = await links.view("web");
    await make(kernel, web);
    assert.deepEqual((await links.view("web")).index, index);
    await make(kernel, NONE);
  },

  ...repairRows({
    "takes the interface out of a VRF, with its addresses and their routes": (links) =>
      links.enslave("web", "vrf"),
    "takes the interface out of a bridge": (links) => links.enslave("web", "bridge"),
    "gives the interface the MTU back that IPv6 needs, and its address": (links) => links.setMtu("web", 1000),
    "gives the interface its carrier back": (links) => links.setCarrier("web", false),
    "switches IPv6 on again on our interface": (links) => links.setIpv6("web", false),
    "restores the local route of an IPv4 address": (links) => links.deleteLocalRoute("web", V4),
    "restores the local route of an IPv6 address": (links) => links.deleteLocalRoute("web", V6),
    "restores the local route of an IPv4 address before another one": (links) => links.blackhole(V4),
    "repairs the scope of an IPv4 address": (links) => exchanged(links, `${V4}/32`, { scope: "global" }),
    "repairs an IPv4 address with a broadcast address": (links) =>
      exchanged(links, `${V4}/32`, { scope: "host", broadcast: V4 }),
    "repairs an IPv4 address with another end": (links) =>
      exchanged(links, `${V4}/32`, { peer: "10.99.0.99", scope: "host" }),
    "repairs an IPv6 address with another end": (links) =>
      exchanged(links, `${V6}/128`, { peer: "2001:db8:99::99" }),
    "repairs an IPv6 address with duplicate address detection": (links) => exchanged(links, `${V6}/128`, {}),
  }),

  async "has IPv6 on its interface where the host has it off by default"({ kernel, links }) {
    await links.setIpv6Default(false);
    try {
      await make(kernel, web);
      const { ipv6, localRoutes } = await links.view("web");
      assert.deepEqual([ipv6, localRoutes], [true, [V4, V6]]);
      // A larger MTU brings IPv6 back by the default of the host.
      await links.setMtu("web", 1000);
      await make(kernel, web);
      assert.deepEqual((await links.view("web")).localRoutes, [V4, V6]);
    } finally {
      await links.setIpv6Default(true);
    }
  },

  async "leaves IPv6 and its MTU alone where the service has no IPv6 address"({ kernel, links }) {
    await links.setIpv6Default(false);
    try {
      await make(kernel, wanting(V4));
      assert.equal((await links.view("web")).ipv6, false);
      await links.setMtu("web", 576);
      await make(kernel, wanting(V4));
      assert.equal((await links.view("web")).mtu, 576);
    } finally {
      await links.setIpv6Default(true);
    }
  },

  async "tells of each of these changes, and of IPv6 that comes back"({ kernel, links }) {
    await make(kernel, web);
    const hurts: readonly (() => Promise<AsyncDisposable | void>)[] = [
      () => links.setMtu("web", 1000),
      () => links.setCarrier("web", false),
      () => links.setIpv6("web", false),
      () => links.deleteLocalRoute("web", V4),
      () => links.deleteLocalRoute("web", V6),
      () => links.enslave("web", "bridge"),
      () => links.enslave("web", "vrf"),
    ];
    for (const hurt of hurts) {
      const left = await heard(kernel, hurt);
      await make(kernel, web);
      await left?.[Symbol.asyncDispose]();
    }
    await links.setIpv6("web", false);
    await heard(kernel, () => links.setIpv6("web", true));
    await make(kernel, web);
  },
};

/** Runs `change` and waits until it was told of. The test's own limit ends a wait for what never comes. */
async function heard<T>(kernel: Kernel, change: () => Promise<T>): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _watch = kernel.watch(() => resolve());
  await read(kernel, web);
  const result = await change();
  await promise;
  return result;
}

/** Rows that break what was made, make it again, and find it as it was, under its old index. */
function repairRows(
  damages: Readonly<Record<string, (links: LinkHand) => Promise<AsyncDisposable | void>>>,
): typeof linkRows {
  return Object.fromEntries(
    Object.entries(damages).map(([sentence, damage]) => [
      sentence,
      async ({ kernel, links }: LinkSubject) => {
        await make(kernel, web);
        const before = await links.view("web");
        const left = await damage(links);
        assert.notDeepEqual(await links.view("web"), before, "nothing was broken");
        await make(kernel, web);
        assert.deepEqual(await links.view("web"), before);
        assert.deepEqual(diff(web, await read(kernel, web)), { changes: [], conflicts: [] });
        await left?.[Symbol.asyncDispose]();
        assert.deepEqual(await links.view("web"), before, "what others left was in it");
      },
    ]),
  );
}

/** Somebody else puts one of our addresses in our own's place. */
async function exchanged(links: LinkHand, text: string, options: AddressOptions): Promise<void> {
  await links.deleteAddress("web", text);
  await links.addAddress("web", text, options);
}

function wanting(...texts: readonly string[]): DesiredKernel {
  const name = texts.find((text) => !/[.:]/.test(text)) ?? "web";
  const addresses = texts.filter((text) => text !== name).map(address);
  return { ...NONE, interfaces: [{ name, service: name, addresses }], ownedAddresses: addresses };
}

function read(kernel: Kernel, desired: DesiredKernel) {
  return kernel.read(interestIn(desired));
}

async function make(kernel: Kernel, desired: DesiredKernel): Promise<void> {
  const { changes, conflicts } = diff(desired, await read(kernel, desired));
  assert.deepEqual(conflicts, []);
  const outcomes = await kernel.apply(changes);
  assert.deepEqual(outcomes.filter((error) => error !== undefined), []);
}
