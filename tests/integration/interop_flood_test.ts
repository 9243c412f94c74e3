/** A router that floods: 100,000 routes of both families, five times over, on a session with a hold time of 3 s. */
import assert from "node:assert/strict";
import { route } from "../support/bgp.ts";
import { startBird } from "../support/bird_router.ts";
import { interopNamespaces, OurSpeaker } from "../support/interop.ts";
import { gone, peerFor, seen } from "../support/interop_scene.ts";
import { ensurePackages } from "../support/setup.ts";
import { until } from "../support/until.ts";

const EACH = 50_000;
const TIMES = 5;

Deno.test("Speaker outlives BIRD's 100,000 routes five times over, and withdraws meanwhile (issue 3)", async () => {
  const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
  assert.equal(advice, undefined);
  const index = Array.from({ length: EACH }, (_, i) => i);
  const statics = {
    4: index.map((i) => `route 20.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}/32 blackhole;`),
    6: index.map((i) => `route 2001:db8:20::${(i + 1).toString(16)}/128 blackhole;`),
  };
  const session = {
    neighbor: "10.9.0.1",
    peerAs: 65001,
    families: [4, 6],
    passive: true,
    holdTime: 3,
    extendedMessages: true,
    floods: true,
  } as const;
  await using namespaces = await interopNamespaces(0);
  await using router = await startBird([session], ["ip", "netns", "exec", namespaces.b.name], { statics });
  await using us = new OurSpeaker(namespaces, { peers: [peerFor(session)] });
  const received = (times: number) =>
    until(
      () => us.status().prefixes.received >= times * 2 * EACH,
      () => JSON.stringify(us.status().prefixes),
    );
  us.speaker.announce([route("10.99.12.1/32")]);
  us.speaker.start();
  await received(1);
  await seen({ router }, session, "10.99.12.1/32");
  for (let time = 2; time <= TIMES; time++) {
    us.speaker.announce(time % 2 === 0 ? [] : [route("10.99.12.1/32")]);
    await router.resend(session.neighbor);
    await received(time);
  }
  us.speaker.announce([]);
  await gone({ router }, session, "10.99.12.1/32");
  // All of it takes longer than the hold time: had a KEEPALIVE been late, the router would have hung up.
  const heard = us.status().messages.received.KEEPALIVE;
  await until(() => us.status().messages.received.KEEPALIVE >= heard + 2);
  const { state, flaps, prefixes } = us.status();
  assert.deepEqual([state, flaps, prefixes.malformedUpdates], ["Established", 0, 0]);
});
