/** What we offer, and what both sides agree on. */
import assert from "node:assert/strict";
import {
  negotiate,
  type Negotiated,
  openMessage,
  type OpenOffer,
  type SessionConfig,
  sessionConfig,
} from "../../../src/bgp/session/negotiate.ts";
import type { Capability } from "../../../src/bgp/wire/capability.ts";
import { INITIAL_CONTEXT } from "../../../src/bgp/wire/codec_context.ts";
import { decodeMessage, encodeMessage } from "../../../src/bgp/wire/message.ts";
import { NotificationError } from "../../../src/bgp/wire/notification.ts";
import type { OpenMessage } from "../../../src/bgp/wire/open.ts";
import { address, localBgp, peerConfig } from "../../support/bgp.ts";
import { configOf, openOf } from "../../support/sessions.ts";

const OFFER: OpenOffer = { omission: [], restarting: false, forwarding: [] };
const IPV4 = { afi: 1, safi: 1 } as const;
const IPV6 = { afi: 2, safi: 1 } as const;

function agreed(config: SessionConfig, open: OpenMessage, offer: OpenOffer = OFFER): Negotiated {
  const result = negotiate(config, offer, open);
  if (result instanceof NotificationError) throw result;
  return result;
}

function refused(config: SessionConfig, open: OpenMessage): NotificationError {
  const result = negotiate(config, OFFER, open);
  assert.ok(result instanceof NotificationError, "it was accepted");
  return result;
}

Deno.test("openMessage() offers what is configured, in an OPEN that can be read back (RFC 5492)", () => {
  const peer = peerConfig({
    families: ["ipv4-unicast", "ipv6-unicast"],
    address: address("fe80::2"),
    gracefulRestart: { restartTimeSeconds: 120 },
  });
  const open = openMessage(sessionConfig(localBgp({ as: 4_200_000_000 }), peer), {
    omission: [],
    restarting: true,
    forwarding: [IPV6],
  });
  assert.equal(open.myAs, 23_456);
  assert.equal(open.bgpIdentifier, 0x0a000001);
  const expected: readonly Capability[] = [
    { type: "multiprotocol", family: IPV4 },
    { type: "multiprotocol", family: IPV6 },
    { type: "route-refresh" },
    { type: "extended-next-hop", tuples: [{ family: IPV4, nextHopAfi: 2 }] },
    { type: "extended-message" },
    {
      type: "graceful-restart",
      restarting: true,
      notification: true,
      restartTimeSeconds: 120,
      families: [{ family: IPV4, forwarding: false }, { family: IPV6, forwarding: true }],
    },
    { type: "four-octet-as", as: 4_200_000_000 },
    { type: "enhanced-route-refresh" },
  ];
  assert.deepEqual(open.capabilities, expected);
  assert.deepEqual(decodeMessage(encodeMessage(open, INITIAL_CONTEXT), INITIAL_CONTEXT), open);
});

Deno.test("openMessage() without capabilities has no optional parameters (RFC 5492 3)", () => {
  assert.deepEqual(openMessage(configOf(), { ...OFFER, omission: "all" }).capabilities, []);
});

Deno.test("negotiate() takes the smaller hold time and its keepalive (RFC 4271 4.2)", () => {
  const rows: readonly (readonly [number, number | undefined, number, number, number])[] = [
    // ours, our keepalive, theirs, hold, keepalive
    [90, undefined, 90, 90, 30],
    [90, undefined, 9, 9, 3],
    [9, undefined, 90, 9, 3],
    [90, undefined, 3, 3, 1],
    [90, undefined, 0, 0, 0],
    [0, undefined, 90, 0, 0],
    [90, 10, 90, 90, 10],
    [90, 45, 90, 90, 45],
    [90, 45, 60, 60, 20],
    [90, 10, 9, 9, 3],
    [65_535, undefined, 65_535, 65_535, 21_845],
  ];
  for (const [ours, keepaliveTimeSeconds, theirs, hold, keepalive] of rows) {
    const config = configOf({ holdTimeSeconds: ours, keepaliveTimeSeconds });
    const { holdTimeSeconds, keepaliveTimeSeconds: result } = agreed(
      config,
      openOf({ holdTimeSeconds: theirs }),
    );
    assert.deepEqual([holdTimeSeconds, result], [hold, keepalive]);
  }
});

Deno.test("negotiate() refuses an OPEN that does not fit, with the right subcode (RFC 4271 6.2)", () => {
  const four = (as: number): readonly Capability[] => [{ type: "four-octet-as", as }];
  const rows: readonly (readonly [Partial<OpenMessage>, Partial<SessionConfig>, number, RegExp])[] = [
    [{ myAs: 65_003, capabilities: [] }, {}, 2, /AS 65002 expected, 65003 received/],
    [
      { myAs: 65_002, capabilities: four(65_003) },
      {},
      2,
      /OPEN says AS 65002, its four-octet AS capability 65003/,
    ],
    [{ myAs: 23_456, capabilities: four(65_003) }, {}, 2, /AS 65002 expected, 65003 received/],
    [{ myAs: 0, capabilities: [] }, {}, 2, /AS 0/],
    [{ myAs: 23_456, capabilities: four(0) }, {}, 2, /AS 0/],
    [{ bgpIdentifier: 0 }, {}, 3, /0\.0\.0\.0/],
    [{ bgpIdentifier: 0x0a000001 }, { localAs: 65_002 }, 3, /10\.0\.0\.1 is ours/],
    [{ holdTimeSeconds: 1 }, {}, 6, /hold time 1 s/],
    [{ holdTimeSeconds: 2 }, {}, 6, /hold time 2 s/],
  ];
  for (const [open, config, subcode, words] of rows) {
    const error = refused(configOf(config), openOf(open));
    assert.deepEqual([error.code, error.subcode], [2, subcode]);
    assert.match(error.message, words);
  }
});

Deno.test("negotiate() accepts an external peer with our identifier, and AS_TRANS for a large AS (RFC 6286, RFC 6793)", () => {
  assert.equal(agreed(configOf(), openOf({ bgpIdentifier: 0x0a000001 })).internal, false);
  const large = openOf({ myAs: 23_456, capabilities: [{ type: "four-octet-as", as: 4_200_000_001 }] });
  assert.equal(agreed(configOf({ peerAs: 4_200_000_001 }), large).peerAs, 4_200_000_001);
});

Deno.test("negotiate() with a peer without capabilities is IPv4 unicast and nothing else (RFC 4760 8)", () => {
  const result = agreed(
    configOf({ families: [IPV4, IPV6], gracefulRestart: { restartTimeSeconds: 60 } }),
    openOf({ capabilities: [] }),
  );
  assert.deepEqual(result.families, [IPV4]);
  assert.equal(result.fourOctetAs, false);
  assert.equal(result.routeRefresh, false);
  assert.equal(result.maxSendLength, 4096);
  assert.equal(result.gracefulRestart, undefined);
});

Deno.test("negotiate() refuses a peer without a common family and says which capability it misses (RFC 5492 5)", () => {
  const error = refused(configOf({ families: [IPV6] }), openOf({ capabilities: [] }));
  assert.deepEqual([error.code, error.subcode, [...error.data]], [2, 7, [1, 4, 0, 2, 0, 1]]);
  const other = refused(configOf(), openOf({ capabilities: [{ type: "multiprotocol", family: IPV6 }] }));
  assert.deepEqual([other.subcode, [...other.data]], [7, [1, 4, 0, 1, 0, 1]]);
});

Deno.test("negotiate() keeps only what both sides have (RFC 2918, 6793, 7313, 8654, 8950)", () => {
  const everything: readonly Capability[] = [
    { type: "multiprotocol", family: IPV4 },
    { type: "multiprotocol", family: IPV6 },
    { type: "multiprotocol", family: { afi: 25, safi: 70 } },
    { type: "route-refresh" },
    { type: "enhanced-route-refresh" },
    { type: "extended-message" },
    { type: "four-octet-as", as: 65_002 },
    { type: "extended-next-hop", tuples: [{ family: IPV4, nextHopAfi: 2 }, { family: IPV6, nextHopAfi: 1 }] },
    { type: "unknown", code: 239, value: Uint8Array.of(1, 2, 3) },
  ];
  const config = configOf({ families: [IPV4, IPV6], extendedNextHop: [IPV4] });
  const result = agreed(config, openOf({ capabilities: everything }));
  assert.deepEqual(result.families, [IPV4, IPV6]);
  assert.deepEqual(result.extendedNextHop, [IPV4]);
  assert.ok(result.fourOctetAs && result.routeRefresh && result.enhancedRouteRefresh);
  assert.equal(result.maxSendLength, 65_535);
  assert.equal(result.maxReceiveLength, 65_535);
  const plain = agreed(config, openOf({ capabilities: everything }), { ...OFFER, omission: "all" });
  assert.deepEqual([plain.fourOctetAs, plain.routeRefresh, plain.maxSendLength, plain.maxReceiveLength], [
    false,
    false,
    4096,
    4096,
  ]);
  const withoutTuple = agreed(config, openOf());
  assert.deepEqual(withoutTuple.extendedNextHop, []);
});

Deno.test("openMessage() leaves out what is not to be offered, and negotiate() goes by that (CONTRACT capabilities)", () => {
  const capabilities = {
    routeRefresh: false,
    enhancedRouteRefresh: false,
    extendedMessages: false,
    extendedNextHop: false,
  };
  const peer = peerConfig({ address: address("fe80::2"), zone: "eth0", capabilities });
  const config = sessionConfig(localBgp(), peer);
  const offered = openMessage(config, OFFER).capabilities.map(({ type }) => type);
  assert.deepEqual(offered, ["multiprotocol", "four-octet-as"]);
  const everything: readonly Capability[] = [
    { type: "multiprotocol", family: IPV4 },
    { type: "route-refresh" },
    { type: "enhanced-route-refresh" },
    { type: "extended-message" },
    { type: "four-octet-as", as: 65_002 },
    { type: "extended-next-hop", tuples: [{ family: IPV4, nextHopAfi: 2 }] },
  ];
  const result = agreed(config, openOf({ capabilities: everything }));
  assert.deepEqual(
    [result.routeRefresh, result.enhancedRouteRefresh, result.extendedNextHop, result.fourOctetAs],
    [false, false, [], true],
  );
  assert.deepEqual([result.maxSendLength, result.maxReceiveLength], [4096, 4096]);
});

Deno.test("sessionConfig() shows a peer the AS that is meant for it (CONTRACT localAS)", () => {
  const config = sessionConfig(localBgp({ as: 65_001 }), peerConfig({ as: 65_010, localAs: 65_010 }));
  const open = openMessage(config, OFFER);
  assert.equal(open.myAs, 65_010);
  assert.deepEqual(open.capabilities.find(({ type }) => type === "four-octet-as"), {
    type: "four-octet-as",
    as: 65_010,
  });
  assert.equal(agreed(config, openOf({ myAs: 65_010, capabilities: [] })).internal, true);
});

Deno.test("negotiate() says what of graceful restart both sides have (RFC 4724, RFC 8538)", () => {
  const open = (notification: boolean) =>
    openOf({
      capabilities: [
        {
          type: "graceful-restart",
          restarting: true,
          notification,
          restartTimeSeconds: 77,
          families: [{ family: IPV4, forwarding: true }],
        },
      ],
    });
  const ours = configOf({ gracefulRestart: { restartTimeSeconds: 120 } });
  assert.deepEqual(agreed(ours, open(true)).gracefulRestart, {
    offered: true,
    notification: true,
    restarting: true,
    restartTimeSeconds: 77,
    families: [IPV4],
  });
  assert.equal(agreed(ours, open(false)).gracefulRestart?.notification, false);
  const theirsOnly = agreed(configOf(), open(true)).gracefulRestart;
  assert.deepEqual([theirsOnly?.offered, theirsOnly?.notification], [false, false]);
  assert.equal(agreed(ours, openOf()).gracefulRestart, undefined);
});
