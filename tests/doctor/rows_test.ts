// Each row of doctor: silent or well on a fit host, found where the host is spoiled, well again after its own command.
import assert from "node:assert/strict";
import { examine } from "../../src/doctor/examine.ts";
import { ROWS } from "../../src/doctor/rows.ts";
import { hostAlone } from "../../src/doctor/subject.ts";
import { address, localBgp } from "../support/bgp.ts";
import type { DestinationConfig } from "../../src/config/config.ts";
import { CONTENTION, httpCheckConfig } from "../support/config.ts";
import { FakeDoctorHost, link } from "../support/doctor_host.ts";
import { CASES, LISTENING, SIX, UNPRIVILEGED } from "./rows_cases.ts";
import { ALONE, lookBy, port, sendingTo, subject } from "./subjects.ts";

for (const { row, subject: of, spoil, status, found, command } of CASES) {
  Deno.test(`the row ${row} finds ${found.source}, says why, and its command mends it`, async () => {
    const host = new FakeDoctorHost();
    const before = await lookBy(row, host, of);
    const always = row === "secrets" || row === "control socket" || row === "state directory";
    if (!always) assert.deepEqual(before.filter((finding) => finding.status !== "ok"), []);
    spoil(host);
    const [finding, ...others] = await lookBy(row, host, of);
    assert.deepEqual(others, []);
    assert.equal(finding?.status, status);
    assert.match(finding?.found ?? "", found);
    assert.notEqual(finding?.why, undefined);
    if (command === undefined) assert.equal(finding?.command, undefined);
    else assert.match(finding?.command ?? "", command);
    assert.ok(finding?.cure !== undefined || finding?.command !== undefined);
    if (host.carryOut(finding?.command ?? "")) {
      const after = await lookBy(row, host, of);
      assert.deepEqual(after.filter((each) => each.status !== "ok"), []);
    }
  });
}

Deno.test("every row of doctor has a case here, and one name", () => {
  const names = ROWS.map(({ name }) => name);
  assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
  const untested = new Set(names).difference(new Set(CASES.map(({ row }) => row)));
  assert.deepEqual([...untested], ["ping"]);
});

Deno.test("the row ping wants CAP_NET_RAW, or one of the process's groups in ping_group_range", async () => {
  const pinging = { ...subject(), pings: true };
  const host = new FakeDoctorHost();
  host.files.set("/proc/sys/net/ipv4/ping_group_range", "1\t0\n");
  assert.equal((await lookBy("ping", host, pinging))[0]?.status, "ok");
  host.credentials(UNPRIVILEGED);
  const [finding] = await lookBy("ping", host, pinging);
  assert.equal(finding?.status, "problem");
  assert.equal(finding?.command, 'sysctl -w net.ipv4.ping_group_range="65534 65534"');
  host.files.set("/proc/sys/net/ipv4/ping_group_range", "65534\t65534\n");
  assert.equal((await lookBy("ping", host, pinging))[0]?.status, "ok");
});

Deno.test("the row accept_local says nothing of what needs it not: masq, this host itself, IPv6, checks that go straight", async () => {
  const way = (text: string) => ({ address: address(text), source: undefined, mark: undefined });
  const through = (text: string, destination: string, forwarding: DestinationConfig["forwarding"]) =>
    subject({
      ...sendingTo(destination, { forwarding }),
      addresses: [address(text)],
      checks: [httpCheckConfig({ port: 80, through: [way(text)] })],
    });
  const host = new FakeDoctorHost();
  host.set("net.ipv4.conf.all.accept_local", 0);
  host.routes.set("10.0.0.1", { link: 1, local: true, mtu: undefined });
  for (
    const [of, count] of [
      [through("10.99.0.1", "10.0.0.7", "masq"), 0],
      [through("10.99.0.1", "10.0.0.1", "droute"), 1],
      [through("2001:db8:99::1", "2001:db8::7", "droute"), 0],
      [subject({ ...sendingTo("10.0.0.7", { forwarding: "droute" }), checks: [httpCheckConfig()] }), 0],
    ] as const
  ) {
    const findings = await lookBy("accept_local", host, of);
    assert.deepEqual([findings.length, findings.every(({ status }) => status === "ok")], [count, true]);
  }
});

Deno.test("rows are silent about what is not configured", async () => {
  const announceOnly = subject({ ports: [] }, {
    network: { setup: false, ipvs: false, contention: CONTENTION },
  });
  const findings = await examine(ROWS, new FakeDoctorHost(), announceOnly);
  assert.deepEqual(findings.map(({ name }) => name), ["descriptors", "rp_filter"]);
  const alone = await examine(ROWS, new FakeDoctorHost(), hostAlone({ ...ALONE, descriptorNeed: undefined }));
  assert.deepEqual(alone.map(({ name }) => name), ["libnl", "dummy", "ip_vs", "capabilities", "BGP port"]);
});

Deno.test("a service that is not enabled needs IPVS as well: its virtual services are made, it is only not announced", async () => {
  for (const enabled of [true, false]) {
    const host = new FakeDoctorHost();
    host.ipvs = false;
    assert.equal((await lookBy("ip_vs", host, subject({ enabled })))[0]?.status, "problem", `${enabled}`);
  }
});

Deno.test("a destination of masq that is this host needs no forwarding", async () => {
  for (const text of ["10.0.0.1", "127.0.0.1"]) {
    const host = new FakeDoctorHost();
    host.set("net.ipv4.ip_forward", 0);
    assert.equal((await lookBy("ip_forward", host, subject(sendingTo(text))))[0]?.status, "ok");
  }
});

Deno.test("what the running agent has is not foreign: its port, its virtual services", async () => {
  const host = new FakeDoctorHost();
  host.listen("00000000", 179, 7, "deno");
  const of = (pid: number | undefined) => subject({}, LISTENING, { agent: { pid } });
  assert.equal((await lookBy("BGP port", host, of(7)))[0]?.status, "ok");
  assert.equal((await lookBy("BGP port", host, of(8)))[0]?.status, "problem");
  host.targets.clear();
  assert.equal((await lookBy("BGP port", host, of(7)))[0]?.status, "ok", "whose it is may not be known");
  assert.deepEqual(await lookBy("virtual services", host, of(7)), []);
});

Deno.test("a listener at another address is in nobody's way", async () => {
  const host = new FakeDoctorHost();
  host.listen("0100007F", 179, 7, "bird");
  const at = (text: string) =>
    subject({}, {
      bgp: { local: localBgp({ listenPort: 179, listenAddresses: [address(text)] }), peers: [] },
    });
  assert.equal((await lookBy("BGP port", host, at("10.0.0.1")))[0]?.status, "ok");
  assert.equal((await lookBy("BGP port", host, at("127.0.0.1")))[0]?.status, "problem");
  assert.equal((await lookBy("BGP port", host, at("0.0.0.0")))[0]?.status, "problem");
});

Deno.test("an address on an interface of ours is in its place, whatever that was made for", async () => {
  const host = new FakeDoctorHost();
  const own = { ...link(3, "before", "10.99.0.1/32"), kind: "dummy", alias: "bgp-lb:before" };
  host.interfaces.push(own);
  assert.equal((await lookBy("service addresses", host, subject()))[0]?.status, "ok");
  host.interfaces = [{ ...own, alias: undefined }];
  assert.equal((await lookBy("service addresses", host, subject()))[0]?.status, "warning");
});

Deno.test("a port of http.listen that may not be had is a warning: services are announced all the same", async () => {
  const host = new FakeDoctorHost();
  host.credentials(UNPRIVILEGED);
  const http = { listen: { hostname: "127.0.0.1", port: 80 }, allowedHosts: [] };
  const announceOnly = subject({ ports: [] }, {
    http,
    network: { setup: false, ipvs: false, contention: CONTENTION },
  });
  const findings = await lookBy("capabilities", host, announceOnly);
  assert.deepEqual(findings.map(({ status, why }) => [status, why]), [
    ["warning", "without it the agent cannot listen on port 80 for http.listen"],
  ]);
});

Deno.test("IPv6 that is off by default is the agent's to turn on for its own interfaces, where it may", async () => {
  const host = new FakeDoctorHost();
  host.set("net.ipv6.conf.default.disable_ipv6", 1);
  host.writable.add("/proc/sys/net/ipv6/conf/default/disable_ipv6");
  assert.equal((await lookBy("disable_ipv6", host, subject(SIX)))[0]?.status, "ok");
});

Deno.test("expire_nodest_conn says that failing destinations are removed only where some check can fail", async () => {
  const whyOf = async (checks: DestinationConfig["checks"]) => {
    const host = new FakeDoctorHost();
    host.set("net.ipv4.vs.expire_nodest_conn", 0);
    const [finding] = await lookBy(
      "expire_nodest_conn",
      host,
      subject({ ports: [port({ protocol: "udp" }, { checks })] }),
    );
    return finding?.why ?? "";
  };
  assert.match(await whyOf([]), /^a destination goes when it is no longer configured: /);
  assert.match(await whyOf([httpCheckConfig()]), /^web \(udp \d+\) removes a destination that fails: /);
});
