/** The status of peers with many routes: it is made in steps, and is as of one moment all the same. */
import assert from "node:assert/strict";
import { manyRoutes } from "../support/bgp.ts";
import { A, B, Stage } from "../support/speakers.ts";

const ROUTES = 2000;

Deno.test("Speaker.statusInSteps() lists many routes in steps, as they were when it was asked (faults K13)", async () => {
  const stage = new Stage();
  const one = stage.end(A, { peer: { passive: true } });
  const two = stage.end(B);
  one.speaker.announce(manyRoutes(ROUTES));
  one.speaker.start();
  two.speaker.start();
  await stage.clock.advance(100);
  const steps = one.speaker.statusInSteps();
  let count = 0;
  one.speaker.announce([]);
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) count++;
  assert.ok(count >= Math.floor(ROUTES / 256), `${count} steps`);
  const advertised = step.value.map(({ state, advertised }) => [state, advertised.length]);
  assert.deepEqual(advertised, [["Established", ROUTES]]);
  assert.deepEqual(one.speaker.status().map((peer) => peer.advertised.length), [0]);
  assert.deepEqual(one.speaker.sessions().map(({ peer }) => peer.name), [one.status.name]);
  await stage.close();
});

Deno.test("Speaker.sessions() has a session in the turn that tells it Established, and no more in the one that tells it lost", async () => {
  const stage = new Stage();
  const seen: unknown[] = [];
  const one = stage.end(A, {
    peer: { passive: true },
    options: {
      onEvent: (event) => {
        if (event.type !== "peer-state" || ![event.from, event.to].includes("Established")) return;
        seen.push([event.to, one.speaker.sessions().map(({ peer }) => peer.name)]);
      },
    },
  });
  const two = stage.end(B);
  one.speaker.start();
  two.speaker.start();
  await stage.clock.advance(100);
  const { name } = one.status;
  one.speaker.reset(name, { type: "administrative", communication: "" });
  assert.deepEqual(seen, [["Established", [name]], ["Idle", []]]);
  await stage.close();
});
