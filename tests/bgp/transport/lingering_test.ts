/** Sockets on their way out. */
import assert from "node:assert/strict";
import { Lingering } from "../../../src/bgp/transport/lingering.ts";
import type { TcpSocket } from "../../../src/bgp/transport/transport.ts";
import { address } from "../../support/bgp.ts";
import { settle } from "../../support/virtual_clock.ts";

interface Ending {
  readonly socket: TcpSocket;
  readonly ended: PromiseWithResolvers<void>;
  state: "open" | "lingers" | "closed";
}

function ending(): Ending {
  const at = { address: address("192.0.2.1"), zone: undefined, port: 1 };
  const made: Ending = {
    state: "open",
    ended: Promise.withResolvers(),
    socket: {
      local: at,
      remote: at,
      read: () => Promise.resolve(undefined),
      write: () => Promise.resolve(),
      end() {
        made.state = "lingers";
        return made.ended.promise;
      },
      [Symbol.dispose]: () => void (made.state = "closed"),
    },
  };
  return made;
}

Deno.test("Lingering.end() lets so many linger, for each and for all, and closes the others at once (issue: S6)", async () => {
  const all = new Lingering(3);
  const peers = [new Lingering(2, all), new Lingering(2, all)];
  const endings = [0, 0, 0, 1, 1].map((peer) => {
    const made = ending();
    peers[peer]?.end(made.socket);
    return made;
  });
  const states = () => endings.map(({ state }) => state);
  assert.deepEqual(states(), ["lingers", "lingers", "closed", "lingers", "closed"]);
  assert.deepEqual([all.free, peers[0]?.free, peers[1]?.free], [false, false, false]);
  endings[0]?.ended.resolve();
  // One that fails to end in order is closed, and counts no more.
  endings[1]?.ended.reject(new Error("for the test"));
  await settle();
  assert.deepEqual(states(), ["lingers", "closed", "closed", "lingers", "closed"]);
  const later = [ending(), ending(), ending()];
  for (const { socket } of later) peers[1]?.end(socket);
  assert.deepEqual(later.map(({ state }) => state), ["lingers", "closed", "closed"]);
});
