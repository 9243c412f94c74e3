/** What becomes of routes and sessions as addresses of this host, and of services, come and go (RFC 4271 5.1.3, RFC 2545). */
import assert from "node:assert/strict";
import { address, route } from "../support/bgp.ts";
import { FakeAddresses } from "../support/fake_addresses.ts";
import type { Probe, ProbeSession } from "../support/probe.ts";
import { CAPABILITIES } from "../support/sessions.ts";
import { seeded } from "../support/random.ts";
import { A, B, type End, type EndOptions, Stage } from "../support/speakers.ts";

const [OWN6, PEER6] = [address("2001:db8::1"), address("2001:db8::2")];
const IPV6 = { afi: 2, safi: 1 } as const;
const BOTH = [...CAPABILITIES, { type: "multiprotocol", family: IPV6 } as const];

/** What a probe was told: `+prefix by next hops`, `-prefix`, in order. */
function told(session: ProbeSession): string[] {
  return session.heard.flatMap((message) => {
    if (message.type !== "UPDATE") return [];
    const { nextHop } = message.attributes;
    return [
      ...message.unreach.flatMap(({ nlri }) => [...nlri.prefixes()].map(({ text }) => `-${text}`)),
      ...message.reach.flatMap(({ nlri, nextHops }) => {
        const hops = nextHops.length > 0 ? nextHops : nextHop === undefined ? [] : [nextHop];
        return [...nlri.prefixes()].map(({ text }) =>
          `+${text} by ${hops.map(({ text }) => text).join(" ")}`
        );
      }),
    ];
  });
}

interface Scene {
  readonly stage: Stage;
  readonly end: End;
  readonly probe: Probe;
  readonly addresses: FakeAddresses;
  /** What the probe was told since this was asked last. */
  news(): Promise<string[]>;
}

/** A session over IPv4 or IPv6 with a probe that is told of one route of the family. */
async function scene(
  over: 4 | 6,
  addresses: FakeAddresses,
  options: EndOptions,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  const [own, other] = over === 4 ? [A, B] : [OWN6, PEER6];
  const stage = new Stage();
  const probe = stage.probe(other);
  const end = stage.end(own, {
    local: { routerID: A, as: 65_001, ...options.local },
    peer: {
      name: "b",
      as: 65_002,
      address: other,
      families: ["ipv4-unicast", "ipv6-unicast"],
      ...options.peer,
    },
    options: { addresses, ...options.options },
  });
  end.speaker.announce([route(over === 4 ? "10.99.0.1/32" : "2001:db8:99::1/128")]);
  end.speaker.start();
  await stage.clock.advance(5);
  let [from, count] = [probe.sessions[0], 0];
  await body({
    stage,
    end,
    probe,
    addresses,
    async news() {
      await stage.clock.advance(5);
      if (from !== probe.last) [from, count] = [probe.last, 0];
      const all = told(probe.last);
      const fresh = all.slice(count);
      count = all.length;
      return fresh;
    },
  });
  await stage.close();
}

const FAMILIES = [
  { over: 4, own: "eth0 10.0.0.1/24", other: "lo 10.0.0.9/32", prefix: "10.99.0.1/32" },
  { over: 6, own: "eth0 2001:db8::1/64", other: "lo 2001:db8::9/128", prefix: "2001:db8:99::1/128" },
] as const;

for (const { over, own, other, prefix } of FAMILIES) {
  const [ownText, otherText] = [own, other].map((text) => text.split(/[ /]/)[1] ?? "");
  const local = { address: address("10.0.0.9"), address6: address("2001:db8::9") };

  Deno.test(`Speaker goes over to another next hop as IPv${over} addresses go, holds the routes where none is left, and sends them again (issue: B1)`, async () => {
    await scene(over, new FakeAddresses(own, other), { local }, async ({ end, probe, addresses, news }) => {
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), [`+${prefix} by ${ownText}`]);
      addresses.set(other);
      assert.deepEqual(await news(), [`+${prefix} by ${otherText}`]);
      addresses.set();
      assert.deepEqual(await news(), [`-${prefix}`]);
      assert.match(
        end.status.held[0]?.reason ?? "",
        new RegExp(`^next hop ${ownText} is no address of this host`),
      );
      addresses.set(`${own} tentative`);
      assert.deepEqual(await news(), []);
      assert.match(end.status.held[0]?.reason ?? "", /is tentative/);
      addresses.set(own);
      assert.deepEqual(await news(), [`+${prefix} by ${ownText}`]);
      assert.deepEqual(end.status.held, []);
      assert.deepEqual(end.of("routes-held").map(({ count }) => count), [1, 1, 0]);
      assert.equal(end.status.flaps, 0);
    });
  });

  Deno.test(`Speaker holds IPv${over} routes until their next hop is there, and sends nothing for addresses that do not matter`, async () => {
    const addresses = new FakeAddresses();
    addresses.known = "unread";
    await scene(over, addresses, {}, async ({ end, probe, news }) => {
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), []);
      assert.match(end.status.held[0]?.reason ?? "", /until this host's addresses are read/);
      addresses.set(own);
      assert.deepEqual(await news(), [`+${prefix} by ${ownText}`]);
      addresses.set(own, other, "eth1 fe80::7/64");
      assert.deepEqual(await news(), []);
    });
  });

  Deno.test(`Speaker.configure() takes an IPv${over} next hop back that is a service's now, and gives it again (issue: B2)`, async () => {
    const peer = over === 4 ? { nextHop: address(otherText ?? "") } : { nextHop6: address(otherText ?? "") };
    await scene(over, new FakeAddresses(own, other), { peer }, async ({ end, probe, news }) => {
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), [`+${prefix} by ${otherText}`]);
      end.speaker.configure(end.local, end.peers, new Set([otherText ?? ""]));
      assert.deepEqual(await news(), [`-${prefix}`]);
      assert.match(end.status.held[0]?.reason ?? "", /is a service address/);
      end.speaker.configure(end.local, end.peers, new Set());
      assert.deepEqual(await news(), [`+${prefix} by ${otherText}`]);
      assert.equal(end.status.flaps, 0);
    });
  });

  Deno.test(`Speaker has no session over IPv${over} that comes from a service address, and one at once when another is there (issue: B3)`, async () => {
    const options = { services: new Set([ownText ?? ""]) };
    await scene(over, new FakeAddresses(own), { options }, async ({ stage, end, probe, addresses }) => {
      assert.deepEqual(probe.sessions.map(({ words }) => words), [[]], "not even an OPEN");
      assert.match(
        end.status.lastError?.text ?? "",
        new RegExp(
          `choice of a source is the service address ${ownText}: no other address .* leads to b yet`,
        ),
      );
      const before = probe.sessions.length;
      addresses.set(own, other);
      await stage.clock.advance(5);
      assert.equal(probe.sessions.length, before + 1, "it is tried at once");
      end.speaker.configure(end.local, end.peers, new Set());
      await stage.clock.advance(5);
      assert.equal(probe.sessions.length, before + 2);
      probe.last.establish({ capabilities: BOTH });
      await stage.clock.advance(5);
      assert.equal(end.status.state, "Established");
    });
  });

  Deno.test(`Speaker.configure() begins a session over IPv${over} anew whose source is a service's now (issue: B3)`, async () => {
    await scene(over, new FakeAddresses(own), {}, async ({ stage, end, probe }) => {
      probe.last.establish({ capabilities: BOTH });
      await stage.clock.advance(5);
      const session = probe.last;
      end.speaker.configure(end.local, end.peers, new Set([ownText ?? ""]));
      await stage.clock.advance(5);
      assert.equal(session.words.at(-1), "NOTIFICATION 6/6");
      assert.match(end.status.lastError?.text ?? "", /is a service address/);
      assert.equal(end.status.flaps, 0);
    });
  });

  Deno.test(`Speaker keeps a session over IPv${over} that a router has dialled at a service address, by another next hop (CONTRACT Meanings)`, async () => {
    const options = { services: new Set([ownText ?? ""]) };
    const peer = { passive: true };
    await scene(
      over,
      new FakeAddresses(own, other),
      { options, peer, local },
      async ({ stage, end, probe, news }) => {
        const dialled = await stageConnect(stage, probe, over === 4 ? A : OWN6);
        dialled.establish({ capabilities: BOTH });
        assert.deepEqual(await news(), [`+${prefix} by ${otherText}`]);
        end.speaker.configure(end.local, end.peers, new Set([ownText ?? "", otherText ?? ""]));
        assert.deepEqual(await news(), [`-${prefix}`]);
        assert.equal(end.status.state, "Established");
      },
    );
  });
}

async function stageConnect(stage: Stage, probe: Probe, to: typeof A): Promise<ProbeSession> {
  const connecting = probe.connect(to);
  await stage.clock.advance(5);
  return await connecting;
}

Deno.test("Speaker tries at once when the source that is configured is there", async () => {
  const addresses = new FakeAddresses();
  await scene(
    4,
    addresses,
    { peer: { localAddress: A, address: address("10.0.0.77") } },
    async ({ stage, end }) => {
      const failed = end.of("session-ended").length;
      assert.ok(failed > 0);
      addresses.set("eth1 192.0.2.1/24");
      await stage.clock.advance(5);
      const waiting = end.of("session-ended").length;
      addresses.set("eth0 10.0.0.1/24");
      await stage.clock.advance(5);
      assert.ok(end.of("session-ended").length > waiting);
    },
  );
});

const SHARED = ["eth0 2001:db8::1/64", "eth0 fe80::5/64"] as const;
const PAIR = "+2001:db8:99::1/128 by 2001:db8::1 fe80::5";
const ALONE = "+2001:db8:99::1/128 by 2001:db8::1";
const MP_REACH = Uint8Array.of(0x80, 14, 5, 0, 2, 1, 32, 0);
/** Its value alone, cut short. */
const ITS_VALUE = Uint8Array.of(0, 2, 1, 32, 0x20, 1, 0x0d, 0xb8);
const EXTENDED_MP_REACH = Uint8Array.of(0x90, 14, 0, 40, 0, 2, 1, 32);

Deno.test("Speaker sends no link-local next hop any more to a peer that ends the session over it (RFC 2545 3, issue: B4)", async () => {
  for (
    const [subcode, data] of [
      [9, MP_REACH],
      [9, EXTENDED_MP_REACH],
      [9, ITS_VALUE],
      [8, ITS_VALUE],
      [9, new Uint8Array()],
      [1, new Uint8Array()],
      [5, MP_REACH],
    ] as const
  ) {
    await scene(6, new FakeAddresses(...SHARED), {}, async ({ stage, end, probe, news }) => {
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), [PAIR]);
      probe.last.say({ type: "NOTIFICATION", code: 3, subcode, data });
      probe.last.close();
      await stage.clock.advance(60_000);
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), [ALONE]);
      assert.match(
        end.of("next-hop-shortened").map(({ cause }) => cause).join(),
        /^NOTIFICATION 3\/\d.* 32 octets/,
      );
      assert.match(end.status.linkLocalRefused?.text ?? "", /no link-local address goes beside a global one/);
      // It stays so over another configuration that begins the session anew.
      end.speaker.configure(end.local, end.peers.map((peer) => ({ ...peer, holdTimeSeconds: 30 })));
      await stage.clock.advance(60_000);
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), [ALONE]);
    });
  }
});

Deno.test("Speaker does the same for IPv4 routes with an IPv6 next hop, which Junos refuses with 32 octets (RFC 8950, issue: B4)", async () => {
  const capabilities = [...BOTH, {
    type: "extended-next-hop",
    tuples: [{ family: { afi: 1, safi: 1 }, nextHopAfi: 2 }],
  }] as const;
  await scene(6, new FakeAddresses(...SHARED), {}, async ({ stage, end, probe, news }) => {
    end.speaker.announce([route("10.99.0.1/32")]);
    probe.last.establish({ capabilities });
    assert.deepEqual(await news(), ["+10.99.0.1/32 by 2001:db8::1 fe80::5"]);
    probe.last.say({ type: "NOTIFICATION", code: 3, subcode: 9, data: MP_REACH });
    probe.last.close();
    await stage.clock.advance(60_000);
    probe.last.establish({ capabilities });
    assert.deepEqual(await news(), ["+10.99.0.1/32 by 2001:db8::1"]);
    assert.equal(end.status.flaps, 1);
  });
});

Deno.test("Speaker blames the next hop for no NOTIFICATION that is about something else (RFC 4271 6.3)", async () => {
  const other = Uint8Array.of(0xc0, 8, 4, 0, 0, 0, 0);
  for (
    const [code, subcode, data] of [[3, 9, other], [6, 4, new Uint8Array()], [
      3,
      11,
      new Uint8Array(),
    ]] as const
  ) {
    await scene(6, new FakeAddresses(...SHARED), {}, async ({ stage, end, probe, news }) => {
      probe.last.establish({ capabilities: BOTH });
      await news();
      probe.last.say({ type: "NOTIFICATION", code, subcode, data });
      probe.last.close();
      await stage.clock.advance(60_000);
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), [PAIR]);
      assert.deepEqual(end.of("next-hop-shortened"), []);
    });
  }
});

Deno.test("Speaker blames no link-local next hop that it has not sent", async () => {
  await scene(
    6,
    new FakeAddresses("eth0 2001:db8::1/64"),
    {},
    async ({ stage, end, probe, addresses, news }) => {
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), [ALONE]);
      probe.last.say({ type: "NOTIFICATION", code: 3, subcode: 9, data: MP_REACH });
      probe.last.close();
      await stage.clock.advance(60_000);
      addresses.set(...SHARED);
      probe.last.establish({ capabilities: BOTH });
      assert.deepEqual(await news(), [PAIR]);
      assert.equal(end.status.linkLocalRefused, undefined);
    },
  );
});

Deno.test("Speaker.configure() leaves the link-local next hop out and puts it back, in the session that there is (CONTRACT linkLocalNextHop)", async () => {
  await scene(6, new FakeAddresses(...SHARED), {}, async ({ end, probe, news }) => {
    probe.last.establish({ capabilities: BOTH });
    assert.deepEqual(await news(), [PAIR]);
    end.speaker.configure(end.local, end.peers.map((peer) => ({ ...peer, linkLocalNextHop: "never" })));
    assert.deepEqual(await news(), [ALONE]);
    end.speaker.configure(end.local, end.peers);
    assert.deepEqual(await news(), [PAIR]);
    assert.equal(end.status.flaps, 0);
  });
});

const POOL = [
  "eth0 10.0.0.1/24",
  "eth0 2001:db8::1/64",
  "eth0 fe80::5/64",
  "lo 10.0.0.9/32",
  "lo 2001:db8::9/128",
  "eth1 10.0.0.8/24 tentative",
  "eth1 2001:db8::8/64 duplicate",
] as const;

Deno.test("Speaker has told a peer at every moment what is true then, whatever comes and goes (issue: next hops are true)", async () => {
  const random = seeded(10);
  const chosen = <T>(all: readonly T[]) => all.filter(() => random() < 0.7);
  const [four, six] = [["10.0.0.9", "10.0.0.8", "10.0.0.2"], ["2001:db8::9", "2001:db8::8", "2001:db8::2"]];
  const one = (texts: readonly string[]) => {
    const text = texts[Math.floor(random() * texts.length * 2)];
    return text === undefined ? undefined : address(text);
  };
  for (const over of [4, 6] as const) {
    let [announced, held] = [0, 0];
    await scene(over, new FakeAddresses(...POOL), {}, async ({ stage, end, probe, addresses }) => {
      probe.last.establish({ capabilities: BOTH });
      const routes = ["10.99.0.1/32", "2001:db8:99::1/128"];
      end.speaker.announce(routes.map((prefix) => route(prefix)));
      let services = new Set<string>();
      for (let step = 0; step < 150; step++) {
        if (random() < 0.5) addresses.set(...chosen(POOL));
        else {
          const own = over === 4 ? "10.0.0.1" : "2001:db8::1";
          services = new Set(chosen(["10.0.0.9", "2001:db8::9", "10.0.0.8"]).filter((text) => text !== own));
          const [nextHop, nextHop6] = [one(four), one(six)];
          const linkLocalNextHop = random() < 0.5 ? "auto" as const : "never" as const;
          const local = { ...end.local, address: one(four) ?? A, address6: one(six) };
          const peers = end.peers.map((peer) => ({ ...peer, nextHop, nextHop6, linkLocalNextHop }));
          end.speaker.configure(local, peers, services);
        }
        await stage.clock.advance(5);
        const has = new Map<string, readonly string[]>();
        for (const words of told(probe.last)) {
          const [prefix = "", , ...hops] = words.slice(1).split(" ");
          if (words.startsWith("-")) has.delete(prefix);
          else has.set(prefix, hops);
        }
        assert.equal(has.size + end.status.held.length, routes.length);
        const { known } = addresses;
        assert.ok(typeof known === "object");
        for (const hop of [...has.values()].flat()) {
          assert.ok(known.some((each) => each.address.text === hop && each.state === "usable"), hop);
          assert.ok(!services.has(hop) && hop !== "10.0.0.2" && hop !== "2001:db8::2", hop);
        }
        announced += has.size;
        held += end.status.held.length;
      }
      assert.equal(end.status.flaps, 0);
      assert.equal(probe.sessions.length, 1);
    });
    assert.ok(announced > 30 && held > 30, `${announced} ${held}`);
  }
});
