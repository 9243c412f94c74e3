/** Virtual services and destinations on a kernel that is too old, or lacks something: told with the cure, once and for all. */
import assert from "node:assert/strict";
import { diff } from "../../src/kernel/diff.ts";
import { hintOf, type Lacking } from "../../src/kernel/ipvs_hints.ts";
import { interestIn, type Kernel } from "../../src/kernel/kernel.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import type { DesiredKernel, Destination, VirtualService } from "../../src/kernel/state.ts";
import { IPVS_CMD } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import type { KernelError } from "../../src/netlink/transport.ts";
import { address } from "../support/bgp.ts";
import { FakeHost } from "../support/fake_host.ts";
import { FakeNetlink } from "../support/fake_netlink.ts";
import { BY_ADDRESS, NONE, PLAIN } from "../support/kernel_objects.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const VIP = address("10.99.0.1");
const GUE = { type: "gue", port: 6080, checksum: false } as const;
const GRE = { type: "gre", port: 0, checksum: false } as const;
const IPIP = { type: "ipip", port: 0, checksum: false } as const;

function server(host: number, tunnel: Destination["tunnel"]): Destination {
  const forwarding = tunnel === undefined ? "masq" : "tunnel";
  return { address: address(`10.0.0.${host}`), port: 80, weight: 1, ...PLAIN, forwarding, tunnel };
}

function service(destinations: readonly Destination[] = []): VirtualService {
  const scheduling = { scheduler: "rr", flags: 0, timeoutSeconds: 0, netmask: 32 };
  return { protocol: "tcp", address: VIP, port: 80, ...BY_ADDRESS, ...scheduling, destinations };
}

function wanting(...destinations: readonly Destination[]): DesiredKernel {
  return { ...NONE, virtualServices: [service(destinations)], ownedAddresses: [VIP] };
}

async function pass(kernel: Kernel, desired: DesiredKernel): Promise<readonly KernelError[]> {
  const { changes } = diff(desired, await kernel.read(interestIn(desired)));
  return (await kernel.apply(changes)).filter((error) => error !== undefined);
}

const tooOld: readonly (readonly [Lacking, string, Destination["tunnel"], RegExp])[] = [
  ["TUN_TYPE", "gue", GUE, /add destination 10\.0\.0\.2:80 .*too old: .*ipip alone.*needs Linux 5\.2/],
  ["TUN_TYPE", "gre", GRE, /too old: .*needs Linux 5\.2/],
  ["TUN_FLAGS", "gre", GRE, /too old: .*neither gre nor checksums.*needs Linux 5\.3/],
  ["TUN_FLAGS", "gue with checksum", { ...GUE, checksum: true }, /too old: .*needs Linux 5\.3/],
];
for (const [lacking, what, tunnel, message] of tooOld) {
  for (const known of [false, true]) {
    const before = known ? "destinations were read" : "none was read";
    Deno.test(`a kernel without ${lacking} gets no ${what}, and is not asked again, where ${before} before`, async () => {
      const host = new FakeHost();
      const netlink = new FakeNetlink(host);
      netlink.lacking = lacking;
      using kernel = openNetlinkKernel({
        transport: netlink,
        reactor: netlink,
        clock: new VirtualClock(),
        sysctls: host.sysctls,
      });
      if (known) {
        await pass(kernel, wanting(server(1, undefined)));
        await kernel.read(interestIn(wanting()));
      }
      const desired = wanting(server(1, undefined), server(2, tunnel), server(3, IPIP));
      for (let attempt = 0; attempt < 3; attempt++) {
        const errors = await pass(kernel, desired);
        assert.equal(errors.length, 1);
        assert.match(errors[0]?.message ?? "", message);
        const there = host.services[0]?.destinations.map(({ address: { text } }) => text) ?? [];
        assert.deepEqual(there.toSorted(), ["10.0.0.1", "10.0.0.3"], "nothing goes where it was not sent");
      }
      const commands: (number | undefined)[] = [];
      netlink.beforeRequest = ({ type, payload: [command] }) => {
        if (type === netlink.family) commands.push(command);
      };
      await pass(kernel, desired);
      const { GET_SERVICE, GET_DEST } = IPVS_CMD;
      assert.deepEqual(commands, [GET_SERVICE, GET_DEST], "a pass that can do nothing more writes nothing");
    });
  }
}

Deno.test("a kernel without TUN_FLAGS has gue without checksum all the same", async () => {
  const host = new FakeHost();
  const netlink = new FakeNetlink(host);
  netlink.lacking = "TUN_FLAGS";
  using kernel = openNetlinkKernel({
    transport: netlink,
    reactor: netlink,
    clock: new VirtualClock(),
    sysctls: host.sysctls,
  });
  const desired = wanting(server(1, GUE));
  assert.deepEqual(await pass(kernel, desired), []);
  assert.deepEqual(diff(desired, await kernel.read(interestIn(desired))).changes, []);
});

const hints: readonly (readonly [string, number, Partial<VirtualService>, RegExp | undefined])[] = [
  ["a scheduler that is not there", ERRNO.ENOENT, { scheduler: "ovf" }, /modprobe ip_vs_ovf$/],
  [
    "a persistence engine",
    ERRNO.ENOENT,
    { persistenceEngine: "sip" },
    /modprobe ip_vs_rr; .*modprobe ip_vs_pe_sip/,
  ],
  ["IPv6 that is off", ERRNO.EAFNOSUPPORT, {}, /ipv6\.disable=1/],
  ["a permission, which the error number tells", ERRNO.EPERM, {}, undefined],
];
for (const [what, errno, overrides, hint] of hints) {
  Deno.test(`hintOf() a virtual service knows the cure of ${what}`, () => {
    for (const type of ["create-service", "set-service"] as const) {
      const told = hintOf({ type, service: { ...service(), ...overrides } }, {
        errno,
        extendedAck: undefined,
      });
      if (hint === undefined) assert.equal(told, undefined);
      else assert.match(told ?? "", hint);
    }
  });
}

Deno.test("hintOf() a destination knows the cures of an address that is none of one host, of the sync daemon, and of IPv6 that is off", () => {
  const rows = [
    ["10.0.0.255", ERRNO.EINVAL, /is 10\.0\.0\.255 the address of one host/],
    ["2001:db8::1", ERRNO.EINVAL, /ipvsadm --stop-daemon/],
    ["2001:db8::1", ERRNO.EAFNOSUPPORT, /ipv6\.disable=1/],
    ["10.0.0.1", ERRNO.EEXIST, undefined],
  ] as const;
  for (const [of, errno, hint] of rows) {
    const destination = { ...server(1, IPIP), address: address(of) };
    const told = hintOf({ type: "create-destination", service: service(), destination }, {
      errno,
      extendedAck: undefined,
    });
    if (hint === undefined) assert.equal(told, undefined);
    else assert.match(told ?? "", hint);
  }
});
