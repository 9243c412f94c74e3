/** Our AS by reload, where some peers see another one (localAS): who is begun anew, and what they are told. */
import assert from "node:assert/strict";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { openOf } from "../support/sessions.ts";
import { A, B, Stage } from "../support/speakers.ts";

const C = address("10.0.0.3");
const LOCAL = localBgp({ routerID: A, as: 65_001, listenPort: 179, listenAddresses: [A] });
const TO_B = peerConfig({ name: "b", address: B, connectRetryTimeMs: 1000, localAs: 65_010 });
const TO_C = peerConfig({ name: "c", address: C, connectRetryTimeMs: 1000 });

Deno.test("Speaker.configure() with another local.as resets the sessions of peers that see it, and no other one (issue: localAS)", async () => {
  const stage = new Stage();
  const [b, c] = [stage.probe(B), stage.probe(C)];
  const end = stage.end(A, { options: { local: LOCAL, peers: [TO_B, TO_C] } });
  end.speaker.announce([route("10.99.0.1/32")]);
  end.speaker.start();
  await stage.clock.advance(5);
  const establish = async (...probes: readonly typeof b[]) => {
    for (const probe of probes) probe.last.establish();
    await stage.clock.advance(5);
  };
  const seenBy = (probe: typeof b) => {
    const open = probe.last.heard.find((message) => message.type === "OPEN");
    return open?.type === "OPEN" ? open.myAs : undefined;
  };
  await establish(b, c);
  assert.deepEqual([seenBy(b), seenBy(c)], [65_010, 65_001]);

  const heard = b.last.heard.length;
  const changed = { ...LOCAL, as: 65_002 };
  end.speaker.configure(changed, [TO_B, TO_C]);
  await stage.clock.advance(5);
  assert.equal(c.sessions[0]?.words.at(-1), "NOTIFICATION 6/6");
  assert.deepEqual(
    [b.sessions.length, b.last.heard.length],
    [1, heard],
    "no reset, and nothing to be told anew",
  );
  while (c.sessions.length < 2) await stage.clock.advance(100);
  await establish(c);
  assert.equal(seenBy(c), 65_002);

  // The other key says now what the one said: to the peer nothing is different.
  const before = c.last.heard.length;
  end.speaker.configure({ ...LOCAL, as: 65_003 }, [TO_B, { ...TO_C, localAs: 65_002 }]);
  await stage.clock.advance(5);
  assert.deepEqual([b.sessions.length, c.sessions.length, c.last.heard.length], [1, 2, before]);

  // A new session of the one that was spared is as the old one: the OPEN goes by what is configured now.
  b.last.close();
  while (b.sessions.length < 2) await stage.clock.advance(100);
  b.last.say(openOf(), { type: "KEEPALIVE" });
  await stage.clock.advance(5);
  assert.equal(seenBy(b), 65_010);
  assert.deepEqual(end.speaker.status().map(({ localAs, state }) => [localAs, state]), [
    [65_010, "Established"],
    [65_002, "Established"],
  ]);
  await stage.close();
});
