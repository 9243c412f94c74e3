// What is told of an attempt to connect that has failed.
import assert from "node:assert/strict";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { NO_DROPS } from "../../src/bgp/transport/segment_drops.ts";
import { localBgp, peerConfig } from "../support/bgp.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("the end of an attempt is told with the settings of its sockets, which go by the AS that the peer sees (CONTRACT localAS)", async () => {
  for (const [change, external] of [[{}, true], [{ localAs: 65_002 }, false]] as const) {
    const clock = new VirtualClock();
    const told: SpeakerEvent[] = [];
    const speaker = new Speaker({
      local: localBgp(),
      peers: [peerConfig(change)],
      transport: {
        connect(_peer, _localAs, _signal, _refuseSource, onFailed) {
          onFailed?.({
            operation: "connect",
            code: "EHOSTUNREACH",
            unanswered: false,
            icmp: undefined,
            drops: NO_DROPS,
          });
          return Promise.reject(new Error("no route to host"));
        },
        listen: () => assert.fail("nobody listens"),
      },
      clock,
      random: () => 0.5,
      onEvent: (event) => void told.push(event),
    });
    speaker.start();
    await clock.advance(1);
    const ended = told.find((event) => event.type === "session-ended");
    assert.equal(ended?.attempt?.settings.external, external);
    assert.deepEqual(ended?.attempt?.settings, speaker.status()[0]?.settings);
    speaker.abort();
  }
});
