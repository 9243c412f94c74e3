/**
 * The kernel contract's rows of IPVS: every field that can be written is read back from the kernel, seen there by other
 * eyes, and mended in place after a foreign hand.
 */
import assert from "node:assert/strict";
import { describeChange } from "../../src/kernel/change.ts";
import { diff } from "../../src/kernel/diff.ts";
import { interestIn } from "../../src/kernel/kernel.ts";
import {
  type DesiredKernel,
  type Destination,
  fwmarkId,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import type { Address } from "../../src/net/address.ts";
import type { KernelError } from "../../src/netlink/transport.ts";
import { address } from "../support/bgp.ts";
import { BY_ADDRESS, NONE, PLAIN } from "../support/kernel_objects.ts";
import { assertConverged, type ContractSubject, make } from "./contract_subject.ts";
import { FOREIGN_EDITS } from "./ipvs_foreign_edits.ts";

const V4 = address("10.99.0.1");
const V6 = address("2001:db8:99::1");
/** Of the destinations, by family; a mark has none. */
const SERVERS = { 4: ["10.0.0.1", "10.0.0.2"].map(address), 6: ["2001:db8::1", "2001:db8::2"].map(address) };

/** What identifies a virtual service of each kind. */
const IDS: readonly VirtualServiceId[] = [
  ...[V4, V6].flatMap((of) =>
    (["tcp", "udp", "sctp"] as const).map((protocol) => ({ protocol, address: of, port: 80, fwmark: 0 }))
  ),
  fwmarkId(7, 4),
  fwmarkId(7, 6),
  fwmarkId(0xffff_ffff, 4),
];

/** Every scheduler that Linux has, with the flags that it knows. */
const SCHEDULERS: readonly (readonly [string, number])[] = [
  ...["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sed", "nq", "fo", "ovf"].map((name) =>
    [name, 0] as const
  ),
  ...["sh", "mh"].flatMap((name) => [0, 0x8, 0x10, 0x18].map((flags) => [name, flags] as const)),
];

const GUE = { type: "gue", port: 6080, checksum: false } as const;
const GRE = { type: "gre", port: 0, checksum: false } as const;
const IPIP = { type: "ipip", port: 0, checksum: false } as const;

/** A destination's settings of each kind, and how `ipvsadm -Sn` writes them; thresholds it does not write. */
const SETTINGS: readonly (readonly [Partial<Destination>, string])[] = [
  [{}, "-m -w 1"],
  [{ weight: 0 }, "-m -w 0"],
  [{ weight: 65_535, forwarding: "droute" }, "-g -w 65535"],
  [{ upperThreshold: 1000, lowerThreshold: 800 }, "-m -w 1"],
  [{ upperThreshold: 0xffff_ffff, lowerThreshold: 0 }, "-m -w 1"],
  [{ forwarding: "tunnel", tunnel: IPIP }, "-i -w 1"],
  [{ forwarding: "tunnel", tunnel: GUE }, "-i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum"],
  [
    { forwarding: "tunnel", tunnel: { ...GUE, port: 65_535, checksum: true } },
    "-i -w 1 --tun-type gue --tun-port 65535 --tun-csum",
  ],
  [{ forwarding: "tunnel", tunnel: GRE }, "-i -w 1 --tun-type gre --tun-nocsum"],
  [{ forwarding: "tunnel", tunnel: { ...GRE, checksum: true } }, "-i -w 1 --tun-type gre --tun-csum"],
];

/** Nothing has gone through yet. */
const QUIET = { connections: 0, packetsIn: 0, packetsOut: 0, octetsIn: 0, octetsOut: 0 };

/** The rows. */
export const ipvsRows: Readonly<Record<string, (subject: ContractSubject) => Promise<void>>> = {
  async "has virtual services of every protocol and family, of marks, too, and takes them away again"(
    { kernel, hand },
  ) {
    const desired = wanting(IDS.map((id) => service(id)));
    await make(kernel, desired);
    const traffic = await kernel.traffic();
    assert.deepEqual(
      new Map(traffic.map(({ service, rates }) => [virtualServiceKey(service), rates])),
      new Map(IDS.map((id) => [virtualServiceKey(id), QUIET])),
    );
    assert.deepEqual((await hand.view()).ipvs.filter((line) => line.startsWith("-A")), [
      "-A --sctp-service 10.99.0.1:80 -s rr",
      "-A --sctp-service [2001:db8:99::1]:80 -s rr",
      "-A -f -1 -s rr",
      "-A -f 7 -6 -s rr",
      "-A -f 7 -s rr",
      "-A -t 10.99.0.1:80 -s rr",
      "-A -t [2001:db8:99::1]:80 -s rr",
      "-A -u 10.99.0.1:80 -s rr",
      "-A -u [2001:db8:99::1]:80 -s rr",
    ]);
    await assertReadBack({ kernel }, desired);
    await make(kernel, { ...desired, interfaces: [], virtualServices: [] });
    assert.deepEqual(await hand.view(), { links: [], ipvs: [] });
  },

  async "has every scheduler with each of its flags, changed in place from one to the next"(
    { kernel, hand },
  ) {
    for (const [scheduler, flags] of SCHEDULERS) {
      const desired = wanting([service(IDS[0], { scheduler, flags })]);
      await make(kernel, desired);
      const words = [[0x8, `${scheduler}-fallback`], [0x10, `${scheduler}-port`]] as const;
      const set = words.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word).join(",");
      const line = `-A -t 10.99.0.1:80 -s ${scheduler}${set === "" ? "" : ` -b ${set}`}`;
      assert.equal((await hand.view()).ipvs[0], line);
      await assertReadBack({ kernel }, desired);
    }
  },

  async "has persistence with its granularity and engine, and one-packet scheduling, in both families"(
    { kernel, hand },
  ) {
    const rows: readonly (readonly [Partial<VirtualService>, string, string])[] = [
      [{ flags: 0x1, timeoutSeconds: 300 }, "-p 300", "-p 300"],
      [{ flags: 0x1, timeoutSeconds: 1, netmask: 24 }, "-p 1 -M 255.255.255.0", "-p 1 -M 24"],
      [{ flags: 0x1, timeoutSeconds: 86_400, netmask: 1 }, "-p 86400 -M 128.0.0.0", "-p 86400 -M 1"],
      [{ flags: 0x4 }, "-o", "-o"],
      [{ flags: 0x5, timeoutSeconds: 60, netmask: 31 }, "-p 60 -M 255.255.255.254 -o", "-p 60 -M 31 -o"],
      [
        { flags: 0x1, timeoutSeconds: 60, persistenceEngine: "sip" },
        "-p 60 --pe sip",
        "-p 60 --pe sip",
      ],
      [{}, "", ""],
    ];
    const ids = [IDS[1], IDS[4], fwmarkId(7, 4), fwmarkId(7, 6)];
    for (const [settings, v4, v6] of rows) {
      const desired = wanting(ids.map((id) => service(id, settings)));
      await make(kernel, desired);
      const lines = [
        "-A -f 7 -6 -s rr",
        "-A -f 7 -s rr",
        "-A -u 10.99.0.1:80 -s rr",
        "-A -u [2001:db8:99::1]:80 -s rr",
      ];
      const words = [v6, v4, v4, v6];
      assert.deepEqual(
        (await hand.view()).ipvs.filter((line) => line.startsWith("-A")),
        lines.map((line, at) => `${line} ${words[at]}`.trim()).sort(),
      );
      await assertReadBack({ kernel }, desired);
    }
  },

  async "has destinations of every kind in every virtual service, changed in place from one to the next"(
    { kernel, hand },
  ) {
    const ids = [IDS[0], IDS[4], fwmarkId(7, 4), fwmarkId(7, 6)];
    await make(kernel, wanting(ids.map((id) => service(id, { destinations: [] }))));
    let isNew = true;
    for (const [settings, words] of SETTINGS) {
      const desired = wanting(
        ids.map((id) =>
          service(id, { destinations: SERVERS[id?.address.family ?? 4].map((of) => server(of, settings)) })
        ),
      );
      const { changes } = diff(desired, await kernel.read(interestIn(desired)));
      assert.ok(
        isNew || changes.every(({ type }) => type === "set-destination"),
        changes.map(describeChange).join(),
      );
      await make(kernel, desired);
      const { ipvs } = await hand.view();
      assert.ok(ipvs.includes(`-a -t 10.99.0.1:80 -r 10.0.0.1:8080 ${words}`), ipvs.join("\n"));
      assert.ok(ipvs.includes(`-a -u [2001:db8:99::1]:80 -r [2001:db8::2]:8080 ${words}`), ipvs.join("\n"));
      assert.ok(ipvs.includes(`-a -f 7 -r 10.0.0.2:8080 ${words}`), ipvs.join("\n"));
      assert.ok(ipvs.includes(`-a -f 7 -6 -r [2001:db8::1]:8080 ${words}`), ipvs.join("\n"));
      const { upperThreshold = 0, lowerThreshold = 0 } = settings;
      const thresholds = upperThreshold === 0
        ? []
        : ["10.0.0.1", "10.0.0.2", "[2001:db8::1]", "[2001:db8::2]"].flatMap((of) =>
          Array(2).fill(`${of}:8080 ${upperThreshold} ${lowerThreshold}`)
        );
      assert.deepEqual(await hand.thresholds(), thresholds);
      await assertReadBack({ kernel }, desired);
      isNew = false;
    }
  },

  async "has tunnels to the other family"({ kernel, hand }) {
    const through = (family: 4 | 6) =>
      [IPIP, { ...GUE, checksum: true }].map((tunnel, at) =>
        server(SERVERS[family][at] ?? V4, { forwarding: "tunnel", tunnel })
      );
    const desired = wanting([
      service(IDS[0], { destinations: through(6) }),
      service(IDS[3], { destinations: [...through(4), server(address("2001:db8::7"))] }),
      service(fwmarkId(7, 6), { destinations: through(4) }),
    ]);
    await make(kernel, desired);
    const gue = "--tun-type gue --tun-port 6080 --tun-csum";
    assert.deepEqual((await hand.view()).ipvs.filter((line) => line.startsWith("-a")), [
      "-a -f 7 -6 -r 10.0.0.1:8080 -i -w 1",
      `-a -f 7 -6 -r 10.0.0.2:8080 -i -w 1 ${gue}`,
      "-a -t 10.99.0.1:80 -r [2001:db8::1]:8080 -i -w 1",
      `-a -t 10.99.0.1:80 -r [2001:db8::2]:8080 -i -w 1 ${gue}`,
      "-a -t [2001:db8:99::1]:80 -r 10.0.0.1:8080 -i -w 1",
      `-a -t [2001:db8:99::1]:80 -r 10.0.0.2:8080 -i -w 1 ${gue}`,
      "-a -t [2001:db8:99::1]:80 -r [2001:db8::7]:8080 -m -w 1",
    ]);
    await assertReadBack({ kernel }, desired);
    await make(kernel, { ...desired, virtualServices: desired.virtualServices.map(withoutDestinations) });
    assert.deepEqual((await hand.view()).ipvs.filter((line) => line.startsWith("-a")), []);
  },

  async "says that the sync daemon is in the way of tunnels to the other family, and makes the rest"(
    { kernel, hand },
  ) {
    const mixed = server(SERVERS[6][0] ?? V6, { forwarding: "tunnel", tunnel: IPIP });
    const desired = wanting([service(IDS[0], { destinations: [mixed, server(SERVERS[4][0] ?? V4)] })]);
    await hand.syncDaemon(true);
    try {
      const { changes } = diff(desired, await kernel.read(interestIn(desired)));
      const errors = (await kernel.apply(changes)).filter((error): error is KernelError =>
        error !== undefined
      );
      assert.equal(errors.length, 1);
      assert.match(
        errors[0]?.message ?? "",
        /add destination \[2001:db8::1\]:8080 .*to tcp 10\.99\.0\.1:80: .*ipvsadm --stop-daemon/,
      );
    } finally {
      await hand.syncDaemon(false);
    }
    await make(kernel, desired);
    await assertReadBack({ kernel }, desired);
  },

  async "names the module of a persistence engine that is not there"({ kernel }) {
    const persistent = { flags: 0x1, timeoutSeconds: 60, persistenceEngine: "nonesuch" };
    const desired = wanting([service(IDS[1], persistent)]);
    const { changes } = diff(desired, await kernel.read(interestIn(desired)));
    const [error] = (await kernel.apply(changes)).filter((each) => each !== undefined);
    assert.match(
      error?.message ?? "",
      /create virtual service udp 10\.99\.0\.1:80 .*modprobe ip_vs_pe_nonesuch/,
    );
  },

  async "keeps 300 destinations of one virtual service apart"({ kernel, hand }) {
    const destinations = Array.from({ length: 300 }, (_, at) => {
      const [settings = {}] = SETTINGS[at % SETTINGS.length] ?? [];
      return server(address(`10.1.${at >> 8}.${at & 0xff || 1}`), {
        ...settings,
        port: 1000 + at,
        weight: at,
      });
    });
    const desired = wanting([service(IDS[0], { destinations })]);
    await make(kernel, desired);
    await assertReadBack({ kernel }, desired);
    assert.equal((await hand.view()).ipvs.length, 301);
  },

  async "does not see the marks of others, and leaves them alone"({ kernel, hand }) {
    await hand.ipvsadm("-A", "-f", "8", "-s", "rr");
    await hand.ipvsadm("-A", "-f", "7", "-6", "-s", "rr");
    const before = await hand.view();
    const desired = wanting([service(fwmarkId(7, 4))]);
    await make(kernel, desired);
    const { virtualServices } = await kernel.read(interestIn(desired));
    assert.deepEqual(virtualServices.map(virtualServiceKey), ["fwmark 7 4"]);
    await make(kernel, { ...NONE, ownedFwmarks: desired.ownedFwmarks });
    assert.deepEqual(await hand.view(), before);
  },

  async "finds a mark by the interface that carries it, and removes what nobody wants any more"(
    { kernel, hand },
  ) {
    const both = wanting([service(fwmarkId(7, 4)), service(fwmarkId(8, 6))]);
    await make(kernel, both);
    assert.equal((await hand.view()).links[0]?.alias, "bgp-lb:web fwmark 7/4 8/6");
    // As a later process is configured, which knows nothing of mark 8.
    const one = wanting([service(fwmarkId(7, 4))]);
    await make(kernel, one);
    assert.equal(
      (await hand.view()).links[0]?.alias,
      "bgp-lb:web fwmark 7/4 8/6",
      "until it is seen to be gone",
    );
    await make(kernel, one);
    const { links, ipvs } = await hand.view();
    assert.equal(links[0]?.alias, "bgp-lb:web fwmark 7/4");
    assert.deepEqual(ipvs.filter((line) => line.startsWith("-A")), ["-A -f 7 -s rr"]);
    await make(kernel, NONE);
    assert.deepEqual(await hand.view(), { links: [], ipvs: [] });
  },

  async "mends in place whatever a foreign hand changed of a virtual service or destination, and keeps what was counted"(
    { kernel, hand },
  ) {
    const tunnel = { ...GUE, checksum: true };
    // ipvsadm takes the virtual service's port for destinations that are not masqueraded to.
    const plain = service(IDS[1], { destinations: SERVERS[4].map((of) => server(of, { port: 80 })) });
    const limits = { upperThreshold: 10, lowerThreshold: 5 };
    const settings = { port: 81, weight: 7, forwarding: "tunnel", tunnel, ...limits } as const;
    const special = service({ ...plain, port: 81 }, {
      scheduler: "mh",
      flags: 0x11,
      timeoutSeconds: 300,
      netmask: 24,
      destinations: SERVERS[4].map((of) => server(of, settings)),
    });
    const desired = wanting([plain, special]);
    await make(kernel, desired);
    await hand.use("10.99.0.1", 80);
    await hand.use("10.99.0.1", 81);
    const before = {
      ...await hand.view(),
      thresholds: await hand.thresholds(),
      counters: await hand.counters(),
    };
    assert.ok(before.counters.length >= 4 && before.counters.some((line) => / [1-9]/.test(line)));
    for (const [edit, expected] of FOREIGN_EDITS) {
      await hand.ipvsadm(...edit);
      const { changes } = diff(desired, await kernel.read(interestIn(desired)));
      assert.deepEqual(changes.map(describeChange), [expected], edit.join(" "));
      await make(kernel, desired);
      const after = {
        ...await hand.view(),
        thresholds: await hand.thresholds(),
        counters: await hand.counters(),
      };
      assert.deepEqual(after, before, edit.join(" "));
      await assertReadBack({ kernel }, desired);
    }
  },
};

/** Each field of what was written is what is read, whatever the diff makes of it. */
async function assertReadBack(
  { kernel }: Pick<ContractSubject, "kernel">,
  desired: DesiredKernel,
): Promise<void> {
  await assertConverged(kernel, desired);
  const { virtualServices } = await kernel.read(interestIn(desired));
  const have = new Map(virtualServices.map((each) => [virtualServiceKey(each), each]));
  for (const want of desired.virtualServices) {
    const { destinations = [], ...read } = have.get(virtualServiceKey(want)) ?? {};
    const { destinations: wanted, timeoutSeconds, netmask, ...rest } = want;
    const persistent = (want.flags & 0x1) !== 0 ? { timeoutSeconds, netmask } : {};
    assert.deepEqual({ ...read, ...rest, ...persistent }, read, virtualServiceKey(want));
    const inOrder = (all: readonly Destination[]) =>
      all.map((
        { address: { text }, port, weight, forwarding, upperThreshold, lowerThreshold, tunnel },
      ) => ({ text, port, weight, forwarding, upperThreshold, lowerThreshold, tunnel })).sort((one, other) =>
        `${one.text} ${one.port}` < `${other.text} ${other.port}` ? -1 : 1
      );
    assert.deepEqual(inOrder(destinations), inOrder(wanted), virtualServiceKey(want));
  }
}

/** An interface `web` that carries the marks among these. */
function wanting(virtualServices: readonly VirtualService[]): DesiredKernel {
  const fwmarks = virtualServices.filter(({ fwmark }) => fwmark > 0)
    .map(({ fwmark, address: { family } }) => fwmarkId(fwmark, family));
  return {
    interfaces: [{ name: "web", service: "web", addresses: [V4, V6], fwmarks }],
    virtualServices,
    ownedAddresses: [V4, V6],
    ownedFwmarks: fwmarks,
  };
}

function service(id: VirtualServiceId | undefined, overrides: Partial<VirtualService> = {}): VirtualService {
  assert.ok(id !== undefined);
  const { family } = id.address;
  return {
    scheduler: "rr",
    flags: 0,
    timeoutSeconds: 0,
    netmask: family === 4 ? 32 : 128,
    destinations: SERVERS[family].map((of) => server(of)),
    ...BY_ADDRESS,
    ...id,
    ...overrides,
  };
}

function server(of: Address, overrides: Partial<Destination> = {}): Destination {
  return { address: of, port: 8080, weight: 1, forwarding: "masq", ...PLAIN, ...overrides };
}

function withoutDestinations(service: VirtualService): VirtualService {
  return { ...service, destinations: [] };
}
