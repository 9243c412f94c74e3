/** The whole agent from a configuration file, announce-only: BIRD, FRR and GoBGP see what the file says. */
import assert from "node:assert/strict";
import { agentArguments } from "../support/agent.ts";
import { startBird } from "../support/bird_router.ts";
import { startFrr } from "../support/frr_router.ts";
import { startGoBgp } from "../support/gobgp_router.ts";
import { interopNamespaces, OURS } from "../support/interop.ts";
import { gone, seen } from "../support/interop_scene.ts";
import { Process } from "../support/process.ts";
import { ensurePackages } from "../support/setup.ts";

const PASSWORD = "correct-horse-battery";

/** Three peers, each with something of its own; `FOLDER` has the password. */
const FILE = `
log: {level: debug}
network: {setup: false}
http: {listen: ""}
control: {socket: ""}
bgp:
  local: {routerID: 10.9.0.1, as: 4200000001, address6: "fd09::1"}
  defaults: {as: 65002, connectRetryTime: 2s}
  peers:
    - {name: bird, address: "fe80::b%va", ttlSecurity: 1}
    - {name: frr, address: "fd09::3", passwordFile: FOLDER/password, nextHop: 10.9.0.1, holdTime: 9s}
    - {name: gobgp, address: 10.9.0.4, localAddress: 10.9.0.1, multihop: 5, families: [ipv4-unicast]}
services:
  - name: plain
    addresses: [10.99.30.1, "2001:db8:30::1"]
    announce:
      med: 100
      asPathPrepend: 1
      communities: ["65001:100", no-export]
      largeCommunities: ["4200000001:1:2"]
      extendedCommunities: ["rt:65001:5"]
  - name: chosen
    addresses: [10.99.30.2]
    announce: {peers: [gobgp, frr]}
  - name: off
    enabled: false
    addresses: [10.99.30.3]
`;

Deno.test("the agent announces to BIRD, FRR and GoBGP what its configuration says, and to whom (CONTRACT)", async () => {
  const { advice } = await ensurePackages(["iproute2", "bird2", "frr", "gobgpd"], console.log);
  assert.equal(advice, undefined);
  await using stack = new AsyncDisposableStack();
  const { a, b } = stack.use(await interopNamespaces(0));
  await b.ip("addr", "add", "fd09::3/64", "dev", "vb", "nodad");
  await b.ip("addr", "add", "10.9.0.4/24", "dev", "vb");
  const prefix = ["ip", "netns", "exec", b.name];
  const base = { peerAs: 4_200_000_001, families: [4, 6], passive: true } as const;
  const toBird = { ...base, neighbor: OURS.link, local: "fe80::b", ttlSecurity: true, extendedNextHop: true };
  const toFrr = { ...base, neighbor: OURS[6], local: "fd09::3", password: PASSWORD };
  const toGoBgp = { ...base, neighbor: OURS[4], local: "10.9.0.4", families: [4] } as const;
  const bird = stack.use(await startBird([toBird], prefix));
  const frr = stack.use(await startFrr([toFrr], prefix));
  const gobgp = stack.use(await startGoBgp([toGoBgp], prefix));
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.writeTextFile(`${folder}/password`, `${PASSWORD}\n`);
  await Deno.writeTextFile(`${folder}/config.yaml`, FILE.replace("FOLDER", folder));
  const lines: string[] = [];
  const agent = stack.use(
    new Process({
      command: "ip",
      args: [
        "netns",
        "exec",
        a.name,
        Deno.execPath(),
        ...agentArguments(),
        "--config",
        `${folder}/config.yaml`,
      ],
      onLine: ({ text }) => void lines.push(text),
    }),
  );

  const shared = {
    asPath: "4200000001 4200000001",
    med: 100,
    largeCommunities: ["4200000001:1:2"],
    stale: false,
  };
  const rows = [
    [bird, toBird, "10.99.30.1/32", [OURS[6], OURS.link], "65535:65281", "rt:65001:5"],
    [bird, toBird, "2001:db8:30::1/128", [OURS[6], OURS.link], "65535:65281", "rt:65001:5"],
    [frr, toFrr, "10.99.30.1/32", [OURS[4]], "no-export", "RT:65001:5"],
    [frr, toFrr, "2001:db8:30::1/128", [OURS[6], OURS.link], "no-export", "RT:65001:5"],
    [gobgp, toGoBgp, "10.99.30.1/32", [OURS[4]], "65535:65281", "65001:5"],
  ] as const;
  for (const [router, session, wanted, nextHops, noExport, target] of rows) {
    const { from: _, localPref: __, ...shown } = await seen({ router }, session, wanted);
    const communities = ["65001:100", noExport];
    assert.deepEqual(shown, { ...shared, nextHops, communities, extendedCommunities: [target] }, router.name);
  }
  assert.equal((await seen({ router: frr }, toFrr, "10.99.30.2/32")).asPath, "4200000001");
  assert.equal((await seen({ router: gobgp }, toGoBgp, "10.99.30.2/32")).med, undefined);
  assert.deepEqual(await bird.routes("10.99.30.2/32"), []);
  for (const router of [bird, frr, gobgp]) assert.deepEqual(await router.routes("10.99.30.3/32"), []);
  assert.match(await frr.words(toFrr.neighbor), /"bgpTimerHoldTimeMsecs":9000/);
  assert.ok(!lines.join("\n").includes(PASSWORD), "the password is in the log");

  agent.signal("SIGTERM");
  await gone({ router: gobgp }, toGoBgp, "10.99.30.1/32");
  assert.equal((await agent.exited).code, 0);
});
