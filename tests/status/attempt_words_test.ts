// Each way an attempt to connect can fail by our own settings is named, with what helps (faults B7).
import assert from "node:assert/strict";
import type { FailedAttempt, SocketSettings } from "../../src/bgp/transport/failed_attempt.ts";
import { NO_DROPS, type SegmentDrops } from "../../src/bgp/transport/segment_drops.ts";
import { attemptWords, failedAttemptWords, situations } from "../../src/status/attempt_words.ts";
import { sessionCure } from "../../src/status/session_cure.ts";
import { VIEWS } from "../../src/status/views.ts";
import { peerStatus, status } from "../support/status.ts";

const EXTERNAL: SocketSettings = { ...peerStatus.settings, external: true, ttl: 1 };

interface Row {
  readonly situation: string;
  readonly failed: Partial<FailedAttempt>;
  readonly settings?: Partial<SocketSettings>;
  readonly address?: string;
  readonly says: RegExp;
  readonly cure: RegExp;
}

const failure = (operation: string, code: string): Partial<FailedAttempt> => ({ operation, code });
const icmp = (
  family: 4 | 6,
  type: number,
  code: number,
  from: string,
  isOwn = false,
): Partial<FailedAttempt> => ({
  operation: "connect",
  code: "EHOSTUNREACH",
  icmp: { family, type, code, from, isOwn },
});
const silent = (drops: Partial<SegmentDrops> = {}): Partial<FailedAttempt> => ({
  unanswered: true,
  drops: { ...NO_DROPS, ...drops },
});
const MD5 = { signature: "TCP-MD5" } as const;
const AO = { signature: "TCP-AO" } as const;

const ROWS: readonly Row[] = [
  {
    situation: "out of descriptors",
    failed: failure("socket", "EMFILE"),
    says: /r1 is not at fault/,
    cure: /LimitNOFILE/,
  },
  {
    situation: "out of descriptors",
    failed: failure("socket", "ENFILE"),
    says: /no descriptor left/,
    cure: /fs\.file-max/,
  },
  {
    situation: "no room for one more key",
    failed: failure("setsockopt TCP_MD5SIG", "ENOMEM"),
    settings: MD5,
    says: /no room/,
    cure: /optmem_max/,
  },
  {
    situation: "out of memory",
    failed: failure("socket", "ENOBUFS"),
    says: /r1 is not at fault/,
    cure: /memory/,
  },
  {
    situation: "out of memory",
    failed: failure("connect", "EAGAIN"),
    says: /local ports/,
    cure: /ip_local_port_range/,
  },
  {
    situation: "kernel without TCP-AO",
    failed: failure("setsockopt TCP_AO_ADD_KEY", "ENOPROTOOPT"),
    settings: AO,
    says: /this kernel has no TCP-AO \(Linux 6\.7 with CONFIG_TCP_AO\)/,
    cure: /instead of tcpAO/,
  },
  {
    situation: "kernel without TCP-MD5",
    failed: failure("setsockopt TCP_MD5SIG", "ENOPROTOOPT"),
    settings: MD5,
    says: /no TCP-MD5/,
    cure: /password/,
  },
  {
    situation: "keys of two kinds",
    failed: failure("setsockopt TCP_AO_ADD_KEY", "EKEYREJECTED"),
    settings: AO,
    says: /10\.0\.0\.254/,
    cure: /different numbers/,
  },
  {
    situation: "key not usable",
    failed: failure("setsockopt TCP_AO_ADD_KEY", "ENOENT"),
    settings: AO,
    says: /tcpAO \(ENOENT\)/,
    cure: /algorithm/,
  },
  {
    situation: "key not usable",
    failed: failure("setsockopt TCP_MD5SIG", "EINVAL"),
    settings: MD5,
    says: /password \(EINVAL\)/,
    cure: /1 to 80/,
  },
  {
    situation: "interface missing",
    failed: failure("setsockopt SO_BINDTODEVICE", "ENODEV"),
    settings: { device: "eth7" },
    says: /no interface eth7/,
    cure: /interface of r1/,
  },
  {
    situation: "interface not permitted",
    failed: failure("setsockopt SO_BINDTODEVICE", "EPERM"),
    settings: { device: "eth7" },
    says: /may not bind/,
    cure: /CAP_NET_RAW/,
  },
  {
    situation: "source address not here",
    failed: failure("bind", "EADDRNOTAVAIL"),
    settings: { localAddress: "192.0.2.9" },
    says: /localAddress 192\.0\.2\.9 is no address of this host/,
    cure: /localAddress of r1/,
  },
  {
    situation: "source address not here",
    failed: failure("bind", "EADDRNOTAVAIL"),
    settings: { localAddress: "192.0.2.9", device: "vrf1" },
    says: /host in vrf1/,
    cure: /to vrf1/,
  },
  {
    situation: "source address in use",
    failed: failure("bind", "EADDRINUSE"),
    settings: { localAddress: "192.0.2.9" },
    says: /no local port/,
    cure: /ip_local_port_range/,
  },
  {
    situation: "TTL option refused",
    failed: failure("setsockopt IP_MINTTL", "ENOPROTOOPT"),
    settings: { ttlSecurity: 1 },
    says: /ttlSecurity of r1/,
    cure: /multihop/,
  },
  {
    situation: "family missing",
    failed: failure("socket", "EAFNOSUPPORT"),
    address: "2001:db8::1",
    says: /no IPv6/,
    cure: /family/,
  },
  {
    situation: "TTL ran out on a session of one hop",
    failed: icmp(4, 11, 0, "10.1.0.2"),
    says: /more than one hop away.* 10\.1\.0\.2/,
    cure: /set multihop of r1/,
  },
  {
    situation: "TTL ran out on a session of one hop",
    failed: icmp(6, 3, 0, "fd01::2"),
    address: "fd02::1",
    says: /more than one hop away.* fd01::2/,
    cure: /set multihop of r1/,
  },
  {
    situation: "TTL ran out on a session of several hops",
    failed: icmp(4, 11, 0, "10.1.0.2"),
    settings: { multihop: 2, ttl: 2 },
    says: /TTL of 2 ran out/,
    cure: /raise multihop of r1, which is 2/,
  },
  {
    situation: "TTL ran out on a session of several hops",
    failed: icmp(4, 11, 0, "10.1.0.2"),
    settings: { external: false, ttl: 64 },
    says: /TTL of 64/,
    cure: /loop/,
  },
  {
    situation: "no neighbour on the link",
    failed: icmp(4, 3, 1, "10.0.0.9", true),
    says: /ARP/,
    cure: /VLAN/,
  },
  {
    situation: "no neighbour on the link",
    failed: icmp(6, 1, 3, "fd01::1", true),
    address: "fd01::9",
    says: /neighbour discovery/,
    cure: /cable/,
  },
  ...([[4, 3, 0, "10.0.0.9"], [4, 3, 3, "10.0.0.9"], [4, 3, 13, "10.0.0.9"], [6, 1, 0, "fd01::1"]] as const)
    .map((
      [family, type, code, from],
    ): Row => ({
      situation: "rejected here",
      failed: icmp(family, type, code, from, true),
      says: /this host itself rejects TCP port 179 to .*: a filter on output/,
      cure: /nft list ruleset/,
    })),
  ...[0, 1, 2, 3, 13].map((code): Row => ({
    situation: "rejected there",
    failed: icmp(4, 3, code, "10.0.0.254"),
    says: /^a filter at 10\.0\.0\.254 itself rejects TCP port 179$/,
    cure: /let TCP port 179 through there/,
  })),
  {
    situation: "forbidden on the way",
    failed: icmp(4, 3, 13, "10.1.0.2"),
    says: /10\.1\.0\.2 forbids/,
    cure: /TCP port 179/,
  },
  {
    situation: "forbidden on the way",
    failed: icmp(6, 1, 1, "fd01::2"),
    address: "fd02::1",
    says: /fd01::2 forbids/,
    cure: /TCP port 179/,
  },
  {
    situation: "refused by a firewall",
    failed: icmp(4, 3, 3, "10.1.0.2"),
    says: /firewall at 10\.1\.0\.2/,
    cure: /TCP port 179/,
  },
  {
    situation: "unreachable from a router on",
    failed: icmp(4, 3, 1, "10.1.0.2"),
    says: /10\.1\.0\.2 does not reach 10\.0\.0\.254/,
    cure: /its route/,
  },
  {
    situation: "refused",
    failed: failure("connect", "ECONNREFUSED"),
    settings: { port: 1179 },
    says: /nobody listens at 10\.0\.0\.254 on TCP port 1179/,
    cure: /passive/,
  },
  {
    situation: "no route",
    failed: failure("connect", "ENETUNREACH"),
    says: /no route to 10\.0\.0\.254/,
    cure: /ip route get/,
  },
  {
    situation: "no route",
    failed: failure("connect", "ENETUNREACH"),
    settings: { device: "vrf1", localAddress: "192.0.2.9" },
    says: /from 192\.0\.2\.9 in vrf1/,
    cure: /table of vrf1/,
  },
  {
    situation: "route that discards",
    failed: failure("connect", "EINVAL"),
    says: /blackhole/,
    cure: /correct that route/,
  },
  { situation: "forbidden here", failed: failure("connect", "EPERM"), says: /itself forbids/, cure: /nft/ },
  {
    situation: "route that discards",
    failed: failure("connect", "EINVAL"),
    address: "fe80::1%eth0",
    settings: { device: "eth7" },
    says: /scope does not fit/,
    cure: /^let interface \(eth7\) be that of fe80::1%eth0, or the VRF/,
  },
  {
    situation: "route that discards",
    failed: { code: "EINVAL" },
    says: /blackhole/,
    cure: /ip route get/,
  },
  {
    situation: "forbidden here",
    failed: { code: "EACCES" },
    says: /^this host itself, or a filter on the way, forbids/,
    cure: /nft list ruleset/,
  },
  {
    situation: "forbidden here",
    failed: failure("connect", "EACCES"),
    says: /prohibiting route/,
    cure: /ip route get/,
  },
  {
    situation: "no source address",
    failed: failure("connect", "EADDRNOTAVAIL"),
    settings: { device: "eth7" },
    says: /no address in eth7/,
    cure: /localAddress of r1$/,
  },
  {
    situation: "no source address",
    failed: failure("connect", "EADDRNOTAVAIL"),
    address: "fd01::9",
    says: /no address to reach fd01::9 from/,
    cure: /disable_ipv6/,
  },
  { situation: "link down", failed: failure("connect", "ENETDOWN"), says: /is down/, cure: /ip link set/ },
  {
    situation: "host unreachable",
    failed: failure("connect", "EHOSTUNREACH"),
    says: /cannot be reached/,
    cure: /needs multihop/,
  },
  {
    situation: "signatures differ",
    failed: silent({ mismatched: 3 }),
    settings: MD5,
    says: /dropped 3 segments whose TCP-MD5 signature did not match/,
    cure: /same password/,
  },
  {
    situation: "signatures differ",
    failed: silent({ mismatched: 1 }),
    settings: AO,
    says: /dropped 1 segment whose TCP-AO/,
    cure: /same tcpAO/,
  },
  {
    situation: "peer signs nothing",
    failed: silent({ unsigned: 2 }),
    settings: MD5,
    says: /2 segments without the TCP-MD5 signature/,
    cure: /configure the password for us at r1/,
  },
  {
    situation: "peer signs, and we do not",
    failed: silent({ unexpected: 2 }),
    says: /no key is configured/,
    cure: /set password of r1/,
  },
  {
    situation: "peer signs, and we do not",
    failed: silent({ unexpected: 2 }),
    settings: AO,
    says: /no key is configured/,
    cure: /kind and numbers/,
  },
  {
    situation: "TTL below the least one",
    failed: silent({ lowTtl: 2 }),
    settings: { ttlSecurity: 1, ttl: 255 },
    says: /TTL was below 255/,
    cure: /raise ttlSecurity, which is 1/,
  },
  {
    situation: "unanswered with a signature",
    failed: silent(),
    settings: MD5,
    says: /key for us is another one or missing/,
    cure: /same password.*needs multihop/,
  },
  // Another peer's trouble on the same host.
  {
    situation: "unanswered on the link",
    failed: silent(),
    address: "fe80::1%eth0",
    says: /^no answer from fe80::1%eth0 .*nobody has that address on the link/,
    cure: /ip -6 neigh.*let TCP port 179 through/,
  },
  {
    situation: "unanswered",
    failed: silent({ mismatched: 3, lowTtl: 1 }),
    says: /no answer/,
    cure: /TCP port 179/,
  },
  {
    situation: "unanswered",
    failed: failure("connect", "ETIMEDOUT"),
    settings: { multihop: 3 },
    says: /no answer/,
    cure: /route back$/,
  },
  {
    situation: "reset",
    failed: failure("connect", "ECONNRESET"),
    says: /resets it/,
    cure: /as a neighbour at r1/,
  },
];

const attempt = ({ failed, settings, address }: Row) => ({
  name: "r1",
  address: address ?? "10.0.0.254",
  settings: { ...EXTERNAL, ...settings },
  failed: {
    operation: undefined,
    code: undefined,
    unanswered: false,
    icmp: undefined,
    drops: NO_DROPS,
    ...failed,
  },
});

for (const row of ROWS) {
  const what = row.failed.code ?? JSON.stringify(row.failed.drops);
  Deno.test(`attemptWords() names "${row.situation}" by ${row.failed.operation ?? ""} ${what} ${JSON.stringify(row.settings ?? {})}`, () => {
    const words = attemptWords(attempt(row));
    assert.equal(words?.situation, row.situation);
    assert.match(words?.sentence ?? "", row.says);
    assert.match(words?.cure ?? "", row.cure);
  });
}

Deno.test("attemptWords() has no situation that no row of this test sees", () => {
  assert.deepEqual([...new Set(ROWS.map(({ situation }) => situation))], situations());
});

Deno.test("the view peers and sessionCure() tell what a failed attempt means and what helps, and not of a peer that is up", () => {
  const failedAttempt =
    attempt({ situation: "", failed: icmp(4, 11, 0, "10.1.0.2"), says: /./, cure: /./ }).failed;
  const lastError = {
    at: new Date(0),
    text: "cannot connect to r1: connect: no route to host (EHOSTUNREACH)",
  };
  const peer = {
    ...peerStatus,
    state: "Active",
    cause: "trying",
    lastError,
    failedAttempt,
    settings: EXTERNAL,
  } as const;
  const document = { ...status(["r1"]), peers: [peer] };
  const text = VIEWS.peers.text(document, new Date(0));
  assert.match(text, /^ {2}which means {4}10\.0\.0\.254 is more than one hop away/m);
  assert.match(text, /^ {2}cure {11}set multihop of r1/m);
  assert.match(sessionCure(peer, document), /set multihop of r1/);
  assert.equal(failedAttemptWords({ ...peer, state: "Established" }), undefined);
});
