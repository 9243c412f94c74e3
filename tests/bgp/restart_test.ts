/** What a speaker's OPENs say of a restart to peers that are new or changed while it runs. */
import assert from "node:assert/strict";
import { address, localBgp, peerConfig, restarted } from "../support/bgp.ts";
import type { Probe } from "../support/probe.ts";
import { A, B, Stage } from "../support/speakers.ts";

const C = address("10.0.0.3");
const LOCAL = localBgp({ routerID: A, as: 65_001, listenPort: 179, listenAddresses: [A] });
const TO_B = peerConfig({ name: "b", address: B, connectRetryTimeMs: 1000 });
const TO_C = peerConfig({ name: "c", address: C, connectRetryTimeMs: 1000 });

Deno.test("Speaker.configure(): no R to a peer that is new, R for one that is only changed until it was met, and F by what is known (RFC 4724 4.1)", async () => {
  const stage = new Stage();
  const [b, c] = [stage.probe(B), stage.probe(C)];
  const gracefulRestart = { restartTimeSeconds: 60 };
  const [toB, toC] = [{ ...TO_B, gracefulRestart }, { ...TO_C, gracefulRestart }];
  const options = { local: LOCAL, peers: [toB], restart: restarted(stage.clock) };
  const { speaker } = stage.end(A, { options });
  const said = ({ last }: Probe) => {
    const [open] = last.heard;
    const found = open?.type === "OPEN" &&
      open.capabilities.find(({ type }) => type === "graceful-restart");
    assert.ok(found && found.type === "graceful-restart");
    return [found.restarting, found.families.map(({ forwarding }) => forwarding)];
  };
  speaker.start();
  await stage.clock.advance(5);
  assert.deepEqual(said(b), [true, [true]]);
  // Another hold time is another session; there was none with it before.
  speaker.configure(LOCAL, [{ ...toB, holdTimeSeconds: 30 }, toC]);
  await stage.clock.advance(5);
  assert.deepEqual([said(b), said(c)], [[true, [true]], [false, [true]]]);
  b.last.establish();
  await stage.clock.advance(5);
  speaker.configure(LOCAL, [{ ...toB, holdTimeSeconds: 60 }, toC]);
  await stage.clock.advance(5);
  assert.deepEqual(said(b), [false, [true]]);
  await stage.close();
});

Deno.test("Speaker says no F to a new peer where nothing is known to be preserved (RFC 4724 4.1)", async () => {
  const stage = new Stage();
  const probe = stage.probe(B);
  const { speaker } = stage.end(A, { options: { local: LOCAL, peers: [] } });
  speaker.start();
  speaker.configure(LOCAL, [{ ...TO_B, gracefulRestart: { restartTimeSeconds: 60 } }]);
  await stage.clock.advance(5);
  const [said] = speaker.status().map(({ saidRestart }) => saidRestart);
  assert.deepEqual([said?.restarting, said?.forwarding], [false, []]);
  assert.equal(probe.sessions.length, 1);
  await stage.close();
});

Deno.test("Speaker.sessions() goes with what is told of states, in the very turn (found by simulation)", async () => {
  const stage = new Stage();
  const probe = stage.probe(B);
  const seen: (readonly [string, number])[] = [];
  const { speaker } = stage.end(A, {
    options: {
      local: LOCAL,
      peers: [TO_B],
      onEvent: (event) => {
        if (event.type === "peer-state") seen.push([event.to, speaker.sessions().length]);
      },
    },
  });
  speaker.start();
  await stage.clock.advance(5);
  probe.last.establish();
  await stage.clock.advance(5);
  probe.last.close();
  await stage.clock.advance(5);
  const expected = [["Connect", 0], ["OpenSent", 0], ["OpenConfirm", 0], ["Established", 1], ["Idle", 0]];
  assert.deepEqual(seen, expected);
  await stage.close();
});
