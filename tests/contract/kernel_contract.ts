/**
 * What every kernel port keeps, whether it is the fake one in memory or netlink on a real kernel: each row is one test.
 * What is there is looked at by other eyes (`ip`, `ipvsadm`) where the kernel is real.
 */
import assert from "node:assert/strict";
import { diff } from "../../src/kernel/diff.ts";
import { EVERYTHING, interestIn, type Kernel } from "../../src/kernel/kernel.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import type { Address } from "../../src/net/address.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import type { KernelError } from "../../src/netlink/transport.ts";
import { address } from "../support/bgp.ts";
import type { ForeignHand } from "../support/host_view.ts";
import { linkRows } from "./kernel_contract_links.ts";
import { NONE, plainDestination as destination, plainService as service } from "../support/kernel_objects.ts";
import { assertConverged, type ContractSubject, make } from "./contract_subject.ts";
import { ipvsRows } from "./ipvs_contract.ts";

/** Registers the contract's tests for one kind of kernel. */
export function kernelContract(
  place: string,
  open: () => Promise<ContractSubject>,
  options: { readonly ignore?: boolean } = {},
): void {
  for (const [sentence, run] of Object.entries({ ...rows, ...linkRows, ...ipvsRows })) {
    Deno.test({
      name: `${place} ${sentence}`,
      ignore: options.ignore ?? false,
      async fn() {
        await using subject = await open();
        await run(subject);
      },
    });
  }
}

/** Service `web` on both families, tcp and udp. */
const web: DesiredKernel = {
  interfaces: [{ name: "web", service: "web", addresses: [address("10.99.0.1"), address("2001:db8:99::1")] }],
  virtualServices: [
    service({ destinations: [destination(), destination({ address: address("10.0.0.2"), weight: 3 })] }),
    service({
      protocol: "udp",
      address: address("2001:db8:99::1"),
      port: 53,
      netmask: 128,
      destinations: [destination({ address: address("2001:db8::2"), port: 5353 })],
    }),
  ],
  ownedAddresses: [address("10.99.0.1"), address("2001:db8:99::1")],
  ownedFwmarks: [],
};

const rows: Readonly<Record<string, (subject: ContractSubject) => Promise<void>>> = {
  async "has nothing of ours at first"({ kernel }) {
    assert.deepEqual(await read(kernel, web), { interfaces: [], virtualServices: [] });
    assert.deepEqual(await kernel.probe(EVERYTHING), []);
  },

  async "makes interface, addresses, virtual services and destinations, and finds them right"(
    { kernel, hand },
  ) {
    await make(kernel, web);
    const { links, ipvs } = await hand.view();
    assert.deepEqual(links.map(({ index: _, ...link }) => link), [{
      name: "web",
      kind: "dummy",
      alias: "bgp-lb:web",
      up: true,
      addresses: ["10.99.0.1/32 deprecated", "2001:db8:99::1/128 deprecated"],
    }]);
    assert.deepEqual(ipvs, [
      "-A -t 10.99.0.1:80 -s rr",
      "-A -u [2001:db8:99::1]:53 -s rr",
      "-a -t 10.99.0.1:80 -r 10.0.0.1:8080 -m -w 1",
      "-a -t 10.99.0.1:80 -r 10.0.0.2:8080 -m -w 3",
      "-a -u [2001:db8:99::1]:53 -r [2001:db8::2]:5353 -m -w 1",
    ]);
    await assertConverged(kernel, web);
  },

  async "removes all that is ours, and only that"({ kernel, hand }) {
    await plantForeign(hand);
    const before = await hand.view();
    await make(kernel, web);
    await make(kernel, { ...NONE, ownedAddresses: web.ownedAddresses });
    assert.deepEqual(await hand.view(), before);
  },

  async "repairs an interface that is down, under its old index"({ kernel, hand }) {
    await repairs(kernel, hand, () => hand.setDown("web"));
  },

  async "repairs an address that was deleted"({ kernel, hand }) {
    await repairs(kernel, hand, () => hand.deleteAddress("web", "10.99.0.1/32"));
  },

  async "repairs an IPv6 address that was deleted"({ kernel, hand }) {
    await repairs(kernel, hand, () => hand.deleteAddress("web", "2001:db8:99::1/128"));
  },

  async "repairs an IPv6 address that has another length"({ kernel, hand }) {
    await repairs(kernel, hand, async () => {
      await hand.deleteAddress("web", "2001:db8:99::1/128");
      await hand.addAddress("web", "2001:db8:99::1/64");
    });
  },

  async "repairs an address that would be chosen as a source"({ kernel, hand }) {
    await repairs(kernel, hand, async () => {
      await hand.deleteAddress("web", "10.99.0.1/32");
      await hand.addAddress("web", "10.99.0.1/32");
    });
  },

  async "repairs addresses that would end by themselves"({ kernel, hand }) {
    await repairs(kernel, hand, async () => {
      await hand.endAddress("web", "10.99.0.1/32");
      await hand.endAddress("web", "2001:db8:99::1/128");
    });
  },

  async "removes addresses from our interface that are not wanted"({ kernel, hand }) {
    await repairs(kernel, hand, async () => {
      await hand.addAddress("web", "10.99.0.77/24");
      await hand.addAddress("web", "2001:db8:77::1/64");
    });
  },

  async "marks an interface again that carries nothing but our addresses"({ kernel, hand }) {
    await repairs(kernel, hand, () => hand.setAlias("web", ""));
  },

  async "makes an interface again that was deleted"({ kernel, hand }) {
    await make(kernel, web);
    await hand.deleteLink("web");
    await make(kernel, web);
    await assertConverged(kernel, web);
  },

  async "repairs virtual services and destinations that were changed or deleted"({ kernel, hand }) {
    await repairs(kernel, hand, async () => {
      await hand.ipvsadm("-E", "-t", "10.99.0.1:80", "-s", "lc");
      await hand.ipvsadm("-e", "-t", "10.99.0.1:80", "-r", "10.0.0.1:8080", "-m", "-w", "0");
      await hand.ipvsadm("-d", "-t", "10.99.0.1:80", "-r", "10.0.0.2:8080");
      await hand.ipvsadm("-a", "-t", "10.99.0.1:80", "-r", "10.0.0.9:8080", "-m", "-w", "1");
      await hand.ipvsadm("-D", "-u", "[2001:db8:99::1]:53");
      await hand.ipvsadm("-A", "-t", "10.99.0.1:8443", "-s", "rr");
    });
  },

  async "sets persistence, flags and forwarding, and unsets them"({ kernel, hand }) {
    const special: DesiredKernel = {
      ...web,
      virtualServices: [
        service({
          protocol: "sctp",
          flags: 0x1,
          timeoutSeconds: 300,
          netmask: 24,
          destinations: [
            destination({ forwarding: "droute", port: 80 }),
            destination({ address: address("10.0.0.2"), port: 80, forwarding: "tunnel", weight: 65535 }),
          ],
        }),
        service({ scheduler: "mh", flags: 0x18 }),
        service({ protocol: "udp", flags: 0x4 }),
        service({
          address: address("2001:db8:99::1"),
          flags: 0x1,
          timeoutSeconds: 60,
          netmask: 64,
        }),
      ],
    };
    await make(kernel, special);
    assert.deepEqual((await hand.view()).ipvs, [
      "-A --sctp-service 10.99.0.1:80 -s rr -p 300 -M 255.255.255.0",
      "-A -t 10.99.0.1:80 -s mh -b mh-fallback,mh-port",
      "-A -t [2001:db8:99::1]:80 -s rr -p 60 -M 64",
      "-A -u 10.99.0.1:80 -s rr -o",
      "-a --sctp-service 10.99.0.1:80 -r 10.0.0.1:80 -g -w 1",
      "-a --sctp-service 10.99.0.1:80 -r 10.0.0.2:80 -i -w 65535",
    ]);
    await assertConverged(kernel, special);
    const plain = special.virtualServices.map(({ protocol, address, port, destinations }) =>
      service({
        protocol,
        address,
        port,
        netmask: address.bytes.byteLength * 8,
        destinations: destinations.map((each) => ({ ...each, forwarding: "masq" as const })),
      })
    );
    await make(kernel, { ...special, virtualServices: plain });
    assert.deepEqual((await hand.view()).ipvs, [
      "-A --sctp-service 10.99.0.1:80 -s rr",
      "-A -t 10.99.0.1:80 -s rr",
      "-A -t [2001:db8:99::1]:80 -s rr",
      "-A -u 10.99.0.1:80 -s rr",
      "-a --sctp-service 10.99.0.1:80 -r 10.0.0.1:80 -m -w 1",
      "-a --sctp-service 10.99.0.1:80 -r 10.0.0.2:80 -m -w 65535",
    ]);
  },

  async "leaves an interface alone that has a wanted name and is not ours"({ kernel, hand }) {
    await hand.addLink("web", "dummy", "of somebody else");
    await hand.addAddress("web", "10.99.0.1/32");
    const before = await hand.view();
    const links = { ...web, virtualServices: [] };
    const { changes, conflicts } = diff(links, await read(kernel, links));
    assert.deepEqual(changes, []);
    assert.match(
      conflicts[0]?.message ?? "",
      /interface web .* alias "of somebody else".*ip link delete dev web/,
    );
    assert.deepEqual(await hand.view(), before);
  },

  async "does not touch an interface that stopped being ours after it was read"({ kernel, hand }) {
    await make(kernel, web);
    const { changes } = diff({ ...NONE, ownedAddresses: web.ownedAddresses }, await read(kernel, web));
    await hand.setAlias("web", "taken over");
    const before = await hand.view();
    const outcomes = await kernel.apply(changes.filter(({ type }) => type === "delete-interface"));
    assert.match(outcomes[0]?.message ?? "", /delete interface web: .*not ours any more/);
    assert.deepEqual(await hand.view(), before);
  },

  async "does not mark an interface that somebody else made meanwhile"({ kernel, hand }) {
    const links = { ...web, virtualServices: [] };
    const { changes } = diff(links, await read(kernel, links));
    await hand.addLink("web", "dummy");
    const before = await hand.view();
    const outcomes = await kernel.apply(changes);
    assert.deepEqual(outcomes.map((error) => error?.errno), [ERRNO.EEXIST, ERRNO.EEXIST, ERRNO.EEXIST]);
    assert.equal(outcomes[1], outcomes[0], "what rests on a failed change has its error");
    assert.deepEqual(await hand.view(), before);
  },

  async "names the scheduler's module where the scheduler is not there, and makes the rest"(
    { kernel, hand },
  ) {
    const desired = {
      ...web,
      virtualServices: [
        service({ scheduler: "nonesuch", destinations: [destination()] }),
        service({ port: 443, destinations: [destination()] }),
      ],
    };
    const { changes } = diff(desired, await read(kernel, desired));
    const outcomes = await kernel.apply(changes);
    const errors = [...new Set(outcomes.filter((error): error is KernelError => error !== undefined))];
    assert.equal(errors.length, 1, "the destination has the error of its virtual service");
    assert.equal(errors[0]?.errno, ERRNO.ENOENT);
    assert.match(
      errors[0]?.message ?? "",
      /create virtual service tcp 10\.99\.0\.1:80.*modprobe ip_vs_nonesuch/,
    );
    assert.deepEqual((await hand.view()).ipvs, [
      "-A -t 10.99.0.1:443 -s rr",
      "-a -t 10.99.0.1:443 -r 10.0.0.1:8080 -m -w 1",
    ]);
  },

  async "tells of each change in a long row what became of it"({ kernel, hand }) {
    const destinations = Array.from({ length: 300 }, (_, i) => destination({ port: 1000 + i }));
    const desired = { ...web, virtualServices: [service({ destinations })] };
    const { changes } = diff(desired, await read(kernel, desired));
    await hand.ipvsadm("-A", "-t", "10.99.0.1:80", "-s", "rr");
    await hand.ipvsadm("-a", "-t", "10.99.0.1:80", "-r", "10.0.0.1:1007", "-m", "-w", "1");
    await hand.ipvsadm("-a", "-t", "10.99.0.1:80", "-r", "10.0.0.1:1299", "-m", "-w", "1");
    const row = changes.filter(({ type }) => type === "create-destination");
    const outcomes = await kernel.apply(row);
    const refused = outcomes.flatMap((error, index) => error === undefined ? [] : [[index, error.errno]]);
    assert.deepEqual(refused, [[7, ERRNO.EEXIST], [299, ERRNO.EEXIST]]);
    await make(kernel, desired);
    await assertConverged(kernel, desired);
  },

  async "does not see virtual services on addresses that are not ours"({ kernel, hand }) {
    await plantForeign(hand);
    await make(kernel, web);
    const { virtualServices } = await read(kernel, web);
    assert.deepEqual(virtualServices.map(({ address }) => address.text).sort(), [
      "10.99.0.1",
      "2001:db8:99::1",
    ]);
  },

  async "sees virtual services on the addresses of an interface of ours that is not wanted"(
    { kernel, hand },
  ) {
    await make(kernel, web);
    await make(kernel, NONE);
    assert.deepEqual(await hand.view(), { links: [], ipvs: [] });
  },

  async "neither reads nor needs IPVS where it is not asked for"({ kernel }) {
    await make(kernel, web);
    const actual = await kernel.read(interestIn(web, { interfaces: true, ipvs: false }));
    assert.deepEqual(actual.virtualServices, []);
    assert.equal(actual.interfaces.length, 1);
  },

  async "tells of an address that somebody deleted, and not of its own changes"({ kernel, hand }) {
    // Linux tells of a new IPv6 address, and once more of a link that is up, from a work queue, so perhaps only after the
    // read: what is looked at is the repair of an IPv4 address on a link that has long been up.
    const web4 = onlyIPv4(web);
    let told = 0;
    let tell = () => {};
    using _watch = kernel.watch(() => {
      told++;
      tell();
    });
    await make(kernel, web4);
    await read(kernel, web4);
    const heard = new Promise<void>((resolve) => tell = resolve);
    await hand.deleteAddress("web", "10.99.0.1/32");
    await heard;
    await read(kernel, web4);
    told = 0;
    await make(kernel, web4);
    await read(kernel, web4);
    await new Promise<void>((resolve) => queueMicrotask(resolve));
    assert.equal(told, 0, "a read covers all that was told before it");
    await assertConverged(kernel, web4);
  },
};

/** What of `desired` is IPv4. */
function onlyIPv4(
  { interfaces, virtualServices, ownedAddresses, ownedFwmarks }: DesiredKernel,
): DesiredKernel {
  const isIPv4 = ({ family }: Address) => family === 4;
  return {
    interfaces: interfaces.map((each) => ({ ...each, addresses: each.addresses.filter(isIPv4) })),
    virtualServices: virtualServices.filter((service) => isIPv4(service.address)),
    ownedAddresses: ownedAddresses.filter(isIPv4),
    ownedFwmarks,
  };
}

/** Breaks what was made, makes it again, and finds everything as it was: same index, same view, nothing foreign hurt. */
async function repairs(kernel: Kernel, hand: ForeignHand, breakIt: () => Promise<void>): Promise<void> {
  await plantForeign(hand);
  await make(kernel, web);
  const before = await hand.view();
  await breakIt();
  assert.notDeepEqual(await hand.view(), before, "nothing was broken");
  await make(kernel, web);
  assert.deepEqual(await hand.view(), before);
  await assertConverged(kernel, web);
}

/** Things that are not ours, some of them close. */
async function plantForeign(hand: ForeignHand): Promise<void> {
  await hand.addLink("other", "dummy", "bgp-lb");
  await hand.addAddress("other", "10.99.0.2/32");
  await hand.addLink("bare", "dummy");
  await hand.ipvsadm("-A", "-t", "10.99.0.2:80", "-s", "rr");
  await hand.ipvsadm("-a", "-t", "10.99.0.2:80", "-r", "10.0.0.1:8080", "-m", "-w", "1");
}

function read(kernel: Kernel, desired: DesiredKernel) {
  return kernel.read(interestIn(desired));
}
