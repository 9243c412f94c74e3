// What fits through tunnels, and the one command for all that leave by an interface.
import assert from "node:assert/strict";
import type { TunnelConfig } from "../../src/config/config.ts";
import { overheadOf } from "../../src/doctor/tunnel_rows.ts";
import { address } from "../support/bgp.ts";
import { FakeDoctorHost, link } from "../support/doctor_host.ts";
import { IPIP } from "./rows_cases.ts";
import { lookBy, port, sendingTo, subject } from "./subjects.ts";

Deno.test("overheadOf() is what ip_vs_tunnel_xmit() puts around a packet (RFC 2003, 2473, 2784)", () => {
  const rows: readonly (readonly [TunnelConfig, number, number])[] = [
    [{ type: "ipip", port: 0, checksum: false }, 20, 40],
    [{ type: "gre", port: 0, checksum: false }, 24, 44],
    [{ type: "gre", port: 0, checksum: true }, 28, 48],
    [{ type: "gue", port: 6080, checksum: false }, 32, 52],
    [{ type: "gue", port: 6080, checksum: true }, 32, 52],
  ];
  for (const [tunnel, over4, over6] of rows) {
    assert.deepEqual([overheadOf(tunnel, 4), overheadOf(tunnel, 6)], [over4, over6], JSON.stringify(tunnel));
  }
});

Deno.test("tunnels by one interface have one command, which is enough for all of them", async () => {
  const host = new FakeDoctorHost();
  host.interfaces = [{ ...link(2, "eth0"), mtu: 1500 }];
  const [four] = port(sendingTo("10.0.0.7", IPIP).ports?.[0] ?? {}).destinations;
  const [six] = sendingTo("2001:db8::7", IPIP).ports?.[0]?.destinations ?? [];
  const both = { ports: [port({ destinations: [six, four].filter((each) => each !== undefined) })] };
  const of = subject({ addresses: [address("10.99.0.1"), address("2001:db8:99::1")], ...both });
  const findings = await lookBy("tunnel MTU", host, of);
  assert.deepEqual(findings.map(({ found, command }) => [found, command]), [
    ["2001:db8::7 (ipip) by eth0: MTU 1500 - 40 = 1460, MSS 1400 over IPv6", "ip link set dev eth0 mtu 1540"],
    ["10.0.0.7 (ipip) by eth0: MTU 1500 - 20 = 1480, MSS 1440 over IPv4", "ip link set dev eth0 mtu 1540"],
  ]);
});

Deno.test("a tunnel whose way the kernel does not say is held against the narrowest interface, and the route's MTU counts", async () => {
  const host = new FakeDoctorHost();
  const of = subject(sendingTo("10.0.0.7", IPIP));
  host.routes.set("10.0.0.7", { link: undefined, local: false, mtu: undefined });
  host.interfaces = [{ ...link(2, "eth0"), mtu: 9000 }, { ...link(3, "eth1"), mtu: 1400 }, {
    ...link(1, "lo"),
    mtu: 100,
  }];
  assert.match((await lookBy("tunnel MTU", host, of))[0]?.found ?? "", /by eth1: MTU 1400 - 20/);
  host.routes.set("10.0.0.7", { link: 2, local: false, mtu: 1450 });
  assert.match((await lookBy("tunnel MTU", host, of))[0]?.found ?? "", /by a route: MTU 1450 - 20/);
  assert.equal((await lookBy("tunnel MTU", host, of))[0]?.command, undefined);
  host.routes.set("10.0.0.7", { link: 1, local: true, mtu: undefined });
  assert.equal((await lookBy("tunnel MTU", host, of))[0]?.status, "ok");
});

Deno.test("hundreds of tunnels of one kind by one way are one finding", async () => {
  const host = new FakeDoctorHost();
  host.interfaces = [{ ...link(2, "eth0"), mtu: 1500 }];
  const [one] = sendingTo("10.0.0.7", IPIP).ports?.[0]?.destinations ?? [];
  if (one === undefined) throw new Error("no destination");
  const destinations = Array.from(
    { length: 200 },
    (_, index) => ({ ...one, address: address(`10.1.0.${index + 1}`) }),
  );
  const findings = await lookBy("tunnel MTU", host, subject({ ports: [port({ destinations })] }));
  assert.deepEqual(findings.map(({ found }) => found), [
    "10.1.0.1, 10.1.0.2, 10.1.0.3, 10.1.0.4 and 196 more (ipip) by eth0: MTU 1500 - 20 = 1480, MSS 1440 over IPv4",
  ]);
});

Deno.test("the row tunnel types knows with which Linux each came", async () => {
  const rows: readonly (readonly [TunnelConfig, string, number])[] = [
    [{ type: "gue", port: 6080, checksum: false }, "5.1.0", 1],
    [{ type: "gue", port: 6080, checksum: false }, "5.2.0", 0],
    [{ type: "gue", port: 6080, checksum: true }, "5.1.0", 2],
    [{ type: "gre", port: 0, checksum: false }, "5.2.0", 1],
    [{ type: "gre", port: 0, checksum: true }, "5.3.0", 0],
  ];
  for (const [tunnel, release, problems] of rows) {
    const host = new FakeDoctorHost();
    host.files.set("/proc/sys/kernel/osrelease", `${release}\n`);
    const findings = await lookBy(
      "tunnel types",
      host,
      subject(sendingTo("10.0.0.7", { forwarding: "tunnel", tunnel })),
    );
    assert.equal(
      findings.filter(({ status }) => status === "problem").length,
      problems,
      `${release} ${tunnel.type}`,
    );
  }
});
