/** BFD against FRR's bfdd in another network namespace: IPv4, IPv6, link-local, multihop. Needs root and frr. */
import assert from "node:assert/strict";
import { Bfdd, hasBfdd } from "../support/bfdd.ts";
import { farAddresses, NamespaceBfd, peersOfPair } from "../support/bfd.ts";
import { canMakeNamespaces, namespacePair, type NetworkNamespace } from "../support/namespace.ts";
import { eventually, until } from "../support/until.ts";

const ready = await canMakeNamespaces() && await hasBfdd();

const PEERS = [
  "peer 10.9.0.1",
  "peer fd09::1",
  "peer fe80::a local-address fe80::b interface vb",
  "peer 10.98.0.1 multihop local-address 10.98.0.2",
] as const;

function lines(intervalMs: number): readonly string[] {
  const intervals = [
    `transmit-interval ${intervalMs}`,
    `receive-interval ${intervalMs}`,
    "detect-multiplier 3",
  ];
  return ["bfd", ...PEERS.flatMap((peer) => [peer, ...intervals, "exit"])];
}

function startBfdd(namespace: NetworkNamespace): Promise<Bfdd> {
  return Bfdd.start([...lines(50), "exit", ""].join("\n"), ["ip", "netns", "exec", namespace.name]);
}

/** Waits until FRR says so of all of its sessions. */
async function awaitsFrr(bfdd: Bfdd, status: string): Promise<void> {
  await eventually(
    () => bfdd.json("show bfd peers json"),
    (peers) =>
      Array.isArray(peers) && peers.length === PEERS.length && peers.every((peer) => peer.status === status),
    `FRR's sessions are ${status}`,
  );
}

Deno.test({
  name:
    "sessions with FRR come up over IPv4, IPv6, a link-local address and more than one hop, and follow its intervals up and down",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await farAddresses(pair);
    await using bfdd = await startBfdd(pair.b);
    await using ours = new NamespaceBfd(pair.a);
    ours.bfd.configure(peersOfPair());
    await ours.awaits("Up");
    await awaitsFrr(bfdd, "up");
    const converged = (intervalMs: number) =>
      until(
        () =>
          ours.bfd.status().every((each) =>
            each.transmitIntervalMs === intervalMs && each.detectionTimeMs === 3 * intervalMs && !each.polling
          ),
        () => JSON.stringify(ours.bfd.status()),
      );
    await converged(50);
    for (const intervalMs of [400, 100, 50]) {
      await bfdd.configure(...lines(intervalMs));
      await converged(intervalMs);
    }
    for (const intervalMs of [300, 60]) {
      ours.bfd.configure(
        peersOfPair().map((peer) => ({ ...peer, transmitMs: intervalMs, receiveMs: intervalMs })),
      );
      await converged(intervalMs);
    }
    assert.ok(ours.bfd.status().every(({ counters }) => counters.flaps === 0), ours.changes.join("\n"));
  },
});

Deno.test({
  name:
    "an FRR that is stopped is lost, and comes back; one that is shut down is AdminDown, and so are we at our end",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await farAddresses(pair);
    await using bfdd = await startBfdd(pair.b);
    await using ours = new NamespaceBfd(pair.a);
    ours.bfd.configure(peersOfPair());
    await ours.awaits("Up");
    await until(() => ours.bfd.status().every(({ detectionTimeMs }) => detectionTimeMs === 150));
    const before = ours.events.length;
    bfdd.signal("SIGSTOP");
    await ours.awaits("Down");
    const lost = ours.events.slice(before).filter((event) => event.type === "bfd-state");
    assert.deepEqual(lost.map(({ diagnostic, remoteAdminDown }) => [diagnostic, remoteAdminDown]), [
      [1, false],
      [1, false],
      [1, false],
      [1, false],
    ]);
    bfdd.signal("SIGCONT");
    await ours.awaits("Up");
    const shut = ours.events.length;
    await bfdd.configure("bfd", ...PEERS.flatMap((peer) => [peer, "shutdown", "exit"]));
    await ours.awaits("Down");
    const told = ours.events.slice(shut).filter((event) => event.type === "bfd-state");
    assert.deepEqual(told.map(({ remoteAdminDown }) => remoteAdminDown), [true, true, true, true]);
    await bfdd.configure("bfd", ...PEERS.flatMap((peer) => [peer, "no shutdown", "exit"]));
    await ours.awaits("Up");
    await awaitsFrr(bfdd, "up");
    await ours.bfd.stop();
    await eventually(
      () => bfdd.json("show bfd peers json"),
      (peers) =>
        Array.isArray(peers) &&
        peers.every((peer) => /administratively down/i.test(peer["remote-diagnostic"])),
      "FRR has heard of AdminDown",
    );
  },
});
