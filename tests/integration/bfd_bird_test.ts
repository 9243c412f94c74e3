/** BFD against BIRD 2 in another network namespace: IPv4, IPv6, link-local, multihop. Needs root and bird2. */
import assert from "node:assert/strict";
import { Bird } from "../support/bird.ts";
import { farAddresses, NamespaceBfd, peersOfPair } from "../support/bfd.ts";
import { canMakeNamespaces, namespacePair, type NetworkNamespace } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { until } from "../support/until.ts";

const ready = await canMakeNamespaces() && (await run("bird", ["--version"])).code === 0;

function config(intervalMs: number): string {
  const intervals = `min rx interval ${intervalMs} ms; min tx interval ${intervalMs} ms; multiplier 3;`;
  return `router id 10.9.0.2;
protocol device { scan time 1; }
protocol bfd watch {
  interface "*" { ${intervals} };
  multihop { ${intervals} };
  neighbor 10.9.0.1;
  neighbor fd09::1;
  neighbor fe80::a dev "vb";
  neighbor 10.98.0.1 local 10.98.0.2 multihop;
}
`;
}

function startBird(namespace: NetworkNamespace): Promise<Bird> {
  return Bird.start(config(50), ["ip", "netns", "exec", namespace.name]);
}

/** Of `show bfd sessions`, so many sessions in this state. */
function sessions(state: string, count: number): RegExp {
  return new RegExp(`^([^]*\\b${state}\\b){${count}}`);
}

Deno.test({
  name:
    "sessions with BIRD come up over IPv4, IPv6, a link-local address and more than one hop, and follow its intervals up and down",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await farAddresses(pair);
    await using bird = await startBird(pair.b);
    await using ours = new NamespaceBfd(pair.a);
    ours.bfd.configure(peersOfPair());
    await ours.awaits("Up");
    await bird.awaits("show bfd sessions", sessions("Up", 4));
    const converged = (transmitMs: number, detectionMs: number) =>
      until(
        () =>
          ours.bfd.status().every((each) =>
            each.transmitIntervalMs === transmitMs && each.detectionTimeMs === detectionMs && !each.polling
          ),
        () => JSON.stringify(ours.bfd.status()),
      );
    await converged(50, 150);
    for (const intervalMs of [400, 100, 50]) {
      await bird.configure(config(intervalMs));
      await converged(intervalMs, 3 * intervalMs);
    }
    for (const intervalMs of [300, 60]) {
      ours.bfd.configure(
        peersOfPair().map((peer) => ({ ...peer, transmitMs: intervalMs, receiveMs: intervalMs })),
      );
      await converged(intervalMs, 3 * intervalMs);
      await bird.awaits("show bfd sessions", new RegExp(`(${(intervalMs / 1000).toFixed(3)} +[^]*){4}`));
    }
    assert.ok(ours.bfd.status().every(({ counters }) => counters.flaps === 0), ours.changes.join("\n"));
  },
});

Deno.test({
  name: "a BIRD that is stopped is lost, and comes back; our end is told to it as AdminDown",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await farAddresses(pair);
    await using bird = await startBird(pair.b);
    await using ours = new NamespaceBfd(pair.a);
    ours.bfd.configure(peersOfPair());
    await ours.awaits("Up");
    await until(() => ours.bfd.status().every(({ detectionTimeMs }) => detectionTimeMs === 150));
    const before = ours.events.length;
    bird.signal("SIGSTOP");
    await ours.awaits("Down");
    const lost = ours.events.slice(before).filter((event) => event.type === "bfd-state");
    assert.equal(lost.length, 4);
    for (const event of lost) {
      assert.deepEqual([event.from, event.to, event.diagnostic, event.remoteAdminDown], [
        "Up",
        "Down",
        1,
        false,
      ]);
      assert.match(event.cause, /nothing came from the peer for 150ms/);
    }
    bird.signal("SIGCONT");
    await ours.awaits("Up");
    await bird.awaits("show bfd sessions", sessions("Up", 4));
    await ours.bfd.stop();
    await bird.awaits("show bfd sessions", sessions("Down", 4));
  },
});

Deno.test({
  name: "an event loop that stands still for ten detection times loses nobody who has sent on meanwhile",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await farAddresses(pair);
    await using _bird = await startBird(pair.b);
    await using ours = new NamespaceBfd(pair.a);
    // BIRD waits for us for that long.
    ours.bfd.configure(peersOfPair().map((peer) => ({ ...peer, transmitMs: 1000, multiplier: 10 })));
    await ours.awaits("Up");
    const quick = () =>
      ours.bfd.status().every(({ detectionTimeMs, polling }) => detectionTimeMs === 150 && !polling);
    await until(quick, () => JSON.stringify(ours.bfd.status()));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    const before = ours.bfd.status().map(({ counters }) => counters.received);
    await until(() =>
      ours.bfd.status().every(({ counters }, index) => counters.received > (before[index] ?? 0) + 50)
    );
    assert.deepEqual(
      ours.bfd.status().map(({ counters }) => counters.flaps),
      [0, 0, 0, 0],
      ours.changes.join(),
    );
    assert.ok(ours.bfd.status().every(({ longestHeldMs }) => longestHeldMs > 1000));
  },
});

Deno.test({
  name: "a link that goes takes its sessions along, and gives them back; BIRD that ends is lost",
  ignore: !ready,
  async fn() {
    await using pair = await namespacePair();
    await farAddresses(pair);
    await using bird = await startBird(pair.b);
    await using ours = new NamespaceBfd(pair.a);
    const near = peersOfPair().slice(0, 2);
    ours.bfd.configure(near);
    await ours.awaits("Up");
    await pair.a.ip("link", "set", "va", "down");
    await ours.awaits("Down");
    // IPv6 addresses go with the link.
    await pair.a.ip("link", "set", "va", "up");
    await pair.a.ip("addr", "add", "fd09::1/64", "dev", "va", "nodad");
    await ours.awaits("Up");
    await bird.end("SIGKILL");
    await ours.awaits("Down");
    await until(
      () => ours.of("10.9.0.2").cause.includes("has UDP port 3784 closed"),
      () => ours.of("10.9.0.2").cause,
    );
  },
});
