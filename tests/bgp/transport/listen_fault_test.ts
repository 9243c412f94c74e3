/** Why listening failed, with the cure. */
import assert from "node:assert/strict";
import { listenFault } from "../../../src/bgp/transport/listen_fault.ts";
import { Speaker, type SpeakerEvent } from "../../../src/bgp/speaker.ts";
import type { Transport } from "../../../src/bgp/transport/transport.ts";
import { address, localBgp, peerConfig } from "../../support/bgp.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

function failure(code: string): Error {
  // Both adapters wrap the system's error, whose name of the errno is `code`.
  return new Error("cannot listen", { cause: Object.assign(new Error("system error"), { code }) });
}

Deno.test("listenFault() names the cure for each errno (CONTRACT bgp.local.listenPort)", () => {
  const rows = [
    [
      "EACCES",
      "0.0.0.0",
      179,
      /^cannot listen on 0\.0\.0\.0 port 179: .*CAP_NET_BIND_SERVICE/,
      "not-permitted",
    ],
    ["EACCES", "0.0.0.0", 1790, /^cannot listen on 0\.0\.0\.0 port 1790: not permitted/, "not-permitted"],
    ["EADDRINUSE", "192.0.2.1", 179, /in use, so another BGP speaker/, "in-use"],
    ["EADDRNOTAVAIL", "192.0.2.1", 179, /no address of this host/, "address-missing"],
    ["EADDRNOTAVAIL", "::", 179, /this host has no IPv6/, "family-missing"],
    ["EAFNOSUPPORT", "::", 179, /this host has no IPv6/, "family-missing"],
    ["EMFILE", "::", 179, /^cannot listen on :: port 179: cannot listen$/, "other"],
  ] as const;
  for (const [code, text, port, words, kind] of rows) {
    const fault = listenFault(failure(code), address(text), port);
    assert.match(fault.message, words);
    assert.equal(fault.kind, kind, code);
  }
});

interface Attempt {
  readonly open: string[];
  readonly events: SpeakerEvent[];
  start(): void;
}

/** A speaker on a transport whose listeners fail with `codes`, by address. */
function attempt(codes: Readonly<Record<string, string>>, listenPort = 179): Attempt {
  const open: string[] = [];
  const transport: Transport = {
    connect: () => Promise.reject(new Error("refused")),
    listen({ address: { text } }) {
      const code = codes[text];
      if (code !== undefined) throw failure(code);
      open.push(text);
      return {
        local: { address: address(text), zone: undefined, port: listenPort },
        update() {},
        [Symbol.dispose]: () => void open.splice(open.indexOf(text), 1),
      };
    },
  };
  const events: SpeakerEvent[] = [];
  const speaker = new Speaker({
    local: localBgp({ listenPort, listenAddresses: [address("0.0.0.0"), address("::")] }),
    peers: [peerConfig({ passive: true })],
    transport,
    clock: new VirtualClock(),
    random: () => 0.5,
    onEvent: (event) => events.push(event),
  });
  return { open, events, start: () => speaker.start() };
}

Deno.test("Speaker.start() listens on every address, IPv6 first, and on none with port -1 (CONTRACT)", () => {
  const both = attempt({});
  both.start();
  assert.deepEqual(both.open, ["::", "0.0.0.0"]);
  const none = attempt({}, -1);
  none.start();
  assert.deepEqual(none.open, []);
});

Deno.test("Speaker.start() throws with the cause and leaves no listener behind (issue: a clear cause)", () => {
  for (const code of ["EACCES", "EADDRINUSE"]) {
    const failing = attempt({ "0.0.0.0": code });
    assert.throws(() => failing.start(), /cannot listen on 0\.0\.0\.0 port 179/);
    assert.deepEqual(failing.open, []);
  }
});

Deno.test("Speaker.start() does without IPv6 on a host that has none, and says so (CONTRACT listenAddresses)", () => {
  const four = attempt({ "::": "EAFNOSUPPORT" });
  four.start();
  assert.deepEqual(four.open, ["0.0.0.0"]);
  const [event] = four.events.filter(({ type }) => type === "listen-failed");
  assert.ok(event?.type === "listen-failed" && event.cause.includes("no IPv6"));
});
