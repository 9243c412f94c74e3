/**
 * Two speakers on a bad network: seeded runs with delays, bytes cut up, connections lost, hosts out of reach, resets and
 * other configurations. When
 * the network is well again both are Established on one connection with each other's routes, and nothing is left at
 * the end.
 */
import assert from "node:assert/strict";
import { address, restarted, route } from "../support/bgp.ts";
import { seeded } from "../support/random.ts";
import { A, B, type End, Stage } from "../support/speakers.ts";

/** The seed of the first run; the others follow. */
export const SEED = 20_260_801;
/** Both back-offs at their longest, and a session on top. */
const CALM_MS = 130_000;
const HOLD_TIMES = [0, 3, 9, 90] as const;

/** One run. @throws where the speakers do not find each other, or something leaks */
export async function chaosRun(seed: number): Promise<void> {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const slow = random() < 0.2;
  const stage = new Stage({
    latencyMs: () => slow ? below(800) : below(20),
    pieceLength: () => random() < 0.5 ? Infinity : 1 + below(40),
    bufferLength: random() < 0.3 ? 64 : 65_536,
  });
  const passive = below(3);
  const graceful = random() < 0.5 ? { restartTimeSeconds: 120 } : undefined;
  const hold = () => HOLD_TIMES[below(HOLD_TIMES.length)] ?? 90;
  const options = { random, ...random() < 0.5 ? { restart: restarted(stage.clock) } : {} };
  const one = stage.end(A, {
    local: { routerID: random() < 0.5 ? A : address("10.0.0.3") },
    peer: { passive: passive === 1, holdTimeSeconds: hold(), gracefulRestart: graceful },
    options,
  });
  const two = stage.end(B, {
    peer: { passive: passive === 2, holdTimeSeconds: hold(), gracefulRestart: graceful },
    options,
  });
  one.speaker.announce([route("10.99.0.1/32")]);
  two.speaker.announce([route("10.98.0.1/32")]);
  one.speaker.start();
  if (random() < 0.3) await stage.clock.advance(below(20_000));
  two.speaker.start();
  await trouble(stage, one, below, random);
  one.speaker.announce([route("10.99.0.2/32"), route("10.99.0.3/32")]);
  for (let waited = 0; !(isEstablished(one) && isEstablished(two)); waited += 1000) {
    assert.ok(
      waited < CALM_MS,
      `${one.status.state} ${one.status.cause} | ${two.status.state} ${two.status.cause}`,
    );
    await stage.clock.advance(1000);
  }
  await stage.clock.advance(slow ? 10_000 : 100);
  assert.deepEqual([one.status.advertised.length, two.status.advertised.length], [2, 1]);
  assert.equal(stage.network.openPipes, 2, "one connection");
  await stage.close();
}

async function trouble(
  stage: Stage,
  one: End,
  below: (limit: number) => number,
  random: () => number,
): Promise<void> {
  const events = below(8);
  for (let event = 0; event < events; event++) {
    await stage.clock.advance(below(random() < 0.5 ? 30 : 10_000));
    switch (below(6)) {
      case 0:
        stage.network.resetAll();
        break;
      case 1:
        stage.network.reset(below(4));
        break;
      case 2:
        stage.network.unreachable.add(below(2) === 0 ? A.text : B.text);
        break;
      case 3:
        one.speaker.reset("b", { type: "administrative", communication: "chaos" });
        break;
      case 4:
        one.speaker.configure(
          one.local,
          one.peers.map((peer) =>
            below(2) === 0
              ? { ...peer, holdTimeSeconds: HOLD_TIMES[below(HOLD_TIMES.length)] ?? 90 }
              : { ...peer, nextHop: address("10.0.0.77") }
          ),
        );
        break;
      default:
        one.speaker.announce([route(`10.97.${below(4)}.0/24`)]);
    }
  }
  stage.network.unreachable.clear();
}

function isEstablished({ status }: End): boolean {
  return status.state === "Established";
}
