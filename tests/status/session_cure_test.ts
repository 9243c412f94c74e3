/**
 * What helps after each NOTIFICATION that has a cure: two speakers, or a speaker and a scripted peer, really end a session by
 * it, and both sides' cures are looked at. The words of our own NOTIFICATIONs are not the registry's.
 */
import assert from "node:assert/strict";
import { encodeMessage } from "../../src/bgp/wire/message.ts";
import { cease, hardReset } from "../../src/bgp/wire/notification.ts";
import type { PeerEntry } from "../../src/status/status.ts";
import { curedNotifications, sessionCure } from "../../src/status/session_cure.ts";
import { VIEWS } from "../../src/status/views.ts";
import { route } from "../support/bgp.ts";
import { type Probe, PROBE_CONTEXT } from "../support/probe.ts";
import { CAPABILITIES, notificationOf, openOf } from "../support/sessions.ts";
import { A, B, type End, type EndOptions, Stage } from "../support/speakers.ts";
import { status } from "../support/status.ts";

/** The last NOTIFICATION of one side, the words that the session ended with, and the cure. */
interface Expected {
  readonly code: string;
  readonly why: RegExp;
  readonly cure: RegExp;
}

/** The cure as `peers` shows it and as `explain` does. */
function cureOf(peer: PeerEntry): string {
  const document = { ...status(["r1"]), routerID: "10.0.0.1", as: 65_001, peers: [peer] };
  const cure = sessionCure(peer, document);
  assert.ok(VIEWS.peers.text(document, new Date(0)).includes(`  cure           ${cure}\n`), cure);
  return cure;
}

function expectEnded(way: "received" | "sent", end: End, { code, why, cure }: Expected): void {
  const { lastError, lastNotificationReceived, lastNotificationSent } = end.status;
  const record = way === "received" ? lastNotificationReceived : lastNotificationSent;
  assert.equal(lastError?.noted, way);
  const { code: number, subcode } = record?.reason ?? record ?? {};
  assert.ok([`${number}/${subcode}`, `${number}`].includes(code), `${code}: ${number}/${subcode}`);
  assert.match(lastError.text, why);
  assert.match(cureOf(end.status), cure);
}

/** Two speakers that do not agree: who refuses sends, the other one receives. */
const PAIRS: readonly {
  readonly what: string;
  readonly a?: EndOptions;
  readonly b?: EndOptions;
  readonly sent: Expected;
  /** Undefined: B refuses A as well, before it hears of it. */
  readonly received?: Expected;
}[] = [
  {
    what: "another AS than A has for it",
    a: { peer: { as: 65_099 } },
    sent: {
      code: "2/2",
      why: /^AS 65099 expected, 65002 received$/,
      cure: /^b has another AS than 65099: set peers\[\]\.as to it$/,
    },
    received: {
      code: "2/2",
      why: /^peer sent OPEN Message Error\/Bad Peer AS/,
      cure: /^a expects another AS than 65002: set its remote-as for us to 65002/,
    },
  },
  {
    what: "the BGP Identifier that A has, in the same AS",
    a: { peer: { as: 65_001 } },
    b: { local: { as: 65_001, routerID: A } },
    sent: {
      code: "2/3",
      why: /^BGP Identifier 10\.0\.0\.1 is ours, too$/,
      cure: /^b has a BGP Identifier that is none, or ours \(10\.0\.0\.1\): set another one on one side$/,
    },
  },
  {
    what: "a hold time of 2 s",
    b: { peer: { holdTimeSeconds: 2 } },
    sent: {
      code: "2/6",
      why: /^OPEN: hold time 2 s, must be 0 or at least 3 s$/,
      cure: /^b asks for a hold time of 1 or 2 s: set one of 3 s or more, or 0, there$/,
    },
    received: {
      code: "2/6",
      why: /Unacceptable Hold Time$/,
      cure: /^set holdTime of a to what the router takes$/,
    },
  },
  {
    what: "no family in common",
    a: { peer: { families: ["ipv6-unicast"] } },
    b: { peer: { families: ["ipv4-unicast"] } },
    sent: {
      code: "2/7",
      why: /^no common address family: ipv6-unicast expected, others offered$/,
      cure: /^no family is common: turn on ipv4-unicast or ipv6-unicast for us at b$/,
    },
  },
  {
    what: "a role that does not fit",
    a: { peer: { localRole: "customer" } },
    b: { peer: { localRole: "customer" } },
    sent: {
      code: "2/11",
      why: /^role mismatch/,
      cure: /^this host is customer to b: set its role for us to provider/,
    },
  },
];

for (const { what, a, b, sent, received } of PAIRS) {
  Deno.test(`sessionCure() of a session that A ended as B has ${what}, at both ends (RFC 4271 6.2)`, async () => {
    const stage = new Stage();
    const ours = stage.end(A, a);
    // It waits: its own attempts would put words of their own in view.
    const theirs = stage.end(B, { ...b, peer: { passive: true, ...b?.peer } });
    theirs.speaker.start();
    ours.speaker.start();
    await stage.clock.advance(10);
    expectEnded("sent", ours, sent);
    if (received !== undefined) expectEnded("received", theirs, received);
    else assert.equal(theirs.status.lastError?.noted, "sent");
    await stage.close();
  });
}

type Act = (probe: Probe, stage: Stage, end: End) => Promise<void> | void;

const says = (bytes: Uint8Array): Act => (probe) => probe.last.say(bytes);
const sendsOpen = (open: Parameters<typeof openOf>[0]): Act =>
  says(encodeMessage(openOf(open), PROBE_CONTEXT));
const notifies = (code: number, subcode: number): Act =>
  says(encodeMessage(notificationOf(code, subcode), PROBE_CONTEXT));
const UP: Act = async (probe, stage) => {
  probe.last.establish();
  await stage.clock.advance(5);
};
const inTurn = (...acts: readonly Act[]): Act => async (...scene) => {
  for (const act of acts) await act(...scene);
};
const cut = (type: number): Uint8Array =>
  Uint8Array.from([...new Array(16).fill(255), 0, 23, type, 0, 0, 0, 9]);

/** What a scripted peer does, by which our session ends. */
const SCRIPTS: readonly (Expected & {
  readonly what: string;
  readonly way: "received" | "sent";
  readonly act: Act;
  readonly options?: EndOptions;
})[] = [
  {
    what: "says what is no BGP",
    way: "sent",
    act: says(new Uint8Array(19)),
    code: "1",
    why: /marker/i,
    cure: /^what comes from b is no BGP of ours/,
  },
  {
    what: "sends an OPEN of version 3",
    way: "sent",
    act: sendsOpen({ version: 3 }),
    code: "2",
    why: /version/i,
    cure: /^compare peers\[\] of b with the router's configuration$/,
  },
  {
    what: "sends BGP Identifier 0.0.0.0",
    way: "sent",
    act: sendsOpen({ bgpIdentifier: 0 }),
    code: "2/3",
    why: /^OPEN: BGP Identifier 0\.0\.0\.0$/,
    cure: /^b has a BGP Identifier that is none/,
  },
  {
    what: "has two different AS in its OPEN",
    way: "sent",
    act: sendsOpen({ myAs: 65_003 }),
    code: "2/2",
    why: /^OPEN says AS 65003, its four-octet AS capability 65002$/,
    cure: /^b has another AS than 65002/,
  },
  {
    what: "sends a malformed UPDATE",
    way: "sent",
    act: inTurn(UP, says(cut(2))),
    code: "3",
    why: /^UPDATE/,
    cure: /^b sends UPDATEs that are malformed/,
  },
  {
    what: "falls silent",
    way: "sent",
    act: inTurn(UP, (_probe, stage) => stage.clock.advance(91_000)),
    code: "4",
    why: /^hold timer expired/,
    cure: /^nothing came from b within the hold time/,
  },
  {
    what: "does not read",
    way: "sent",
    act: inTurn(UP, async (probe, stage, end) => {
      probe.last.reading = false;
      for (let second = 0; second < 500 && end.status.state === "Established"; second++) {
        end.speaker.announce([route(`10.${second % 200}.0.0/16`, { med: second })]);
        probe.last.say({ type: "KEEPALIVE" });
        await stage.clock.advance(1000);
      }
    }),
    code: "8",
    why: /^send hold timer expired/,
    cure: /^b took nothing of what was sent \(RFC 9687\)/,
  },
  {
    what: "sends NOTIFICATION 1/1",
    way: "received",
    act: notifies(1, 1),
    code: "1",
    why: /^peer sent Message Header Error/,
    cure: /^what reaches b is no BGP of ours/,
  },
  {
    what: "sends NOTIFICATION 2/1",
    way: "received",
    act: notifies(2, 1),
    code: "2",
    why: /Unsupported Version Number/,
    cure: /^b refuses our OPEN: compare/,
  },
  {
    what: "knows no optional parameters",
    way: "received",
    options: { peer: { families: ["ipv4-unicast"] } },
    act: notifies(2, 4),
    code: "2/4",
    why: /Unsupported Optional Parameter/,
    cure: /^nothing has to be done: the next OPEN leaves out what was refused$/,
  },
  {
    what: "sends NOTIFICATION 2/5",
    way: "received",
    act: notifies(2, 5),
    code: "2/5",
    why: /Authentication Failure/,
    cure: /^give b and this host the same password, or the same keys$/,
  },
  {
    what: "sends NOTIFICATION 2/0",
    way: "received",
    act: notifies(2, 0),
    code: "2/0",
    why: /OPEN Message Error/,
    cure: /^nothing has to be done: the next OPEN leaves out what was refused$/,
  },
  {
    what: "wants another authentication",
    way: "received",
    act: notifies(2, 5),
    code: "2/5",
    why: /OPEN Message Error/,
    cure: /^give b and this host the same password, or the same keys$/,
  },
  {
    what: "has our BGP Identifier",
    way: "received",
    act: notifies(2, 3),
    code: "2/3",
    why: /Bad BGP Identifier$/,
    cure: /^BGP Identifier 10\.0\.0\.1 must differ from the router's: set bgp\.local\.routerID$/,
  },
  {
    what: "takes no family of ours",
    way: "received",
    options: { peer: { families: ["ipv6-unicast"] } },
    act: says(
      encodeMessage({ ...notificationOf(2, 7), data: Uint8Array.of(1, 4, 0, 2, 0, 1) }, PROBE_CONTEXT),
    ),
    code: "2/7",
    why: /Unsupported Capability/,
    cure: /^turn on at b what it refuses, or set families of b to those that it knows$/,
  },
  {
    what: "has a role that does not fit ours",
    way: "received",
    options: { peer: { localRole: "customer" } },
    act: notifies(2, 11),
    code: "2/11",
    why: /Role Mismatch$/,
    cure: /^this host is customer to b: set its role for us to provider/,
  },
  {
    what: "sends NOTIFICATION 2/7 over what we can leave out",
    way: "received",
    act: says(encodeMessage({ ...notificationOf(2, 7), data: Uint8Array.of(2, 0) }, PROBE_CONTEXT)),
    code: "2/7",
    why: /Unsupported Capability/,
    cure: /^nothing has to be done: the next OPEN leaves out what was refused$/,
  },
  {
    what: "wants a role",
    way: "received",
    act: notifies(2, 11),
    code: "2/11",
    why: /Role Mismatch/,
    cure: /^b wants a role \(RFC 9234\)/,
  },
  {
    what: "refuses an UPDATE",
    way: "received",
    act: inTurn(UP, notifies(3, 5)),
    code: "3",
    why: /UPDATE Message Error/,
    cure: /^b refuses our UPDATE/,
  },
  ...([
    ["3/8", 8, /^b refuses our next hop/],
    ["3/9", 9, /^b refuses our next hop/],
    ["3/10", 10, /^b refuses one of the prefixes/],
    ["3/11", 11, /^b refuses our AS_PATH/],
  ] as const).map(([code, subcode, cure]) => ({
    what: `refuses an UPDATE by ${code}`,
    way: "received" as const,
    act: inTurn(UP, notifies(3, subcode)),
    code,
    why: /UPDATE Message Error/,
    cure,
  })),
  {
    what: "sends a Finite State Machine Error",
    way: "received",
    act: inTurn(UP, notifies(5, 3)),
    code: "5",
    why: /Finite State Machine Error/,
    cure: /another BGP behind the same address$/,
  },
  {
    what: "has not heard us",
    way: "received",
    act: inTurn(UP, notifies(4, 0)),
    code: "4",
    why: /Hold Timer Expired/,
    cure: /^b heard no KEEPALIVE in time/,
  },
  {
    what: "sends a Cease that says nothing",
    way: "received",
    act: inTurn(UP, notifies(6, 0)),
    code: "6",
    why: /Cease/,
    cure: /^nothing has to be done/,
  },
  ...([
    [1, /^raise the prefix limit that b has/],
    [2, /^b was shut down by its operator/],
    [3, /^b has no neighbour with our address any more/],
    [5, /^b refuses us: configure/],
    [8, /^b is out of resources/],
    [10, /^BFD to b is down/],
  ] as const).map(([subcode, cure]) => ({
    what: `sends Cease/${subcode}`,
    way: "received" as const,
    act: inTurn(UP, notifies(6, subcode)),
    code: `6/${subcode}`,
    why: /^peer sent Cease\//,
    cure,
  })),
  {
    what: "sends a Hard Reset over a shutdown",
    way: "received",
    act: inTurn(UP, says(encodeMessage(hardReset(cease(2)), PROBE_CONTEXT))),
    code: "6/2",
    why: /Hard Reset/,
    cure: /^b was shut down by its operator/,
  },
  {
    what: "could send us nothing",
    way: "received",
    act: inTurn(UP, notifies(8, 0)),
    code: "8",
    why: /Send Hold Timer Expired/,
    cure: /^b could send nothing to this host \(RFC 9687\)/,
  },
];

for (const { what, way, act, options, ...expected } of SCRIPTS) {
  Deno.test(`sessionCure() of a session that ends as the peer ${what} (${way} ${expected.code})`, async () => {
    const stage = new Stage({ bufferLength: 200 });
    const probe = stage.probe();
    const end = stage.end(A, options);
    end.speaker.start();
    await stage.clock.advance(5);
    await act(probe, stage, end);
    await stage.clock.advance(5);
    expectEnded(way, end, expected);
    await stage.close();
  });
}

Deno.test("sessionCure() keeps the cure of what we refused in view while the peer closes further connections (issue: B7)", async () => {
  const stage = new Stage();
  const probe = stage.probe();
  const end = stage.end(A);
  end.speaker.start();
  await stage.clock.advance(5);
  probe.last.say(openOf({ myAs: 65_099, capabilities: CAPABILITIES.slice(0, 2) }));
  await stage.clock.advance(5);
  while (probe.sessions.length < 2) await stage.clock.advance(100);
  probe.last.close();
  await stage.clock.advance(5);
  assert.equal(
    end.status.lastError?.text,
    "the peer closed the connection; before that, AS 65002 expected, 65099 received",
  );
  assert.match(cureOf(end.status), /^b has another AS than 65002/);
  await stage.close();
});

Deno.test("curedNotifications() has none that is not produced here", () => {
  const seen = (way: "received" | "sent") =>
    new Set([
      ...PAIRS.map((pair) => pair[way]?.code),
      ...SCRIPTS.filter((script) => script.way === way).map(({ code }) => code),
    ]);
  const { received, sent } = curedNotifications();
  assert.deepEqual(received.filter((code) => !seen("received").has(code)), []);
  assert.deepEqual(sent.filter((code) => !seen("sent").has(code)), []);
});
