/** The speaker against BIRD 2 on loopback addresses, over Deno's own sockets. */
import assert from "node:assert/strict";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { denoTransport } from "../support/deno_transport.ts";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { until } from "../support/until.ts";

const BIRD_PORT = 17_901;
const OUR_PORT = 17_902;

interface Session extends AsyncDisposable {
  readonly bird: Bird;
  readonly speaker: Speaker;
  readonly events: SpeakerEvent[];
  established(): Promise<void>;
}

/** BIRD at 127.0.0.2 as AS 65002; `options` is for its side of the session. */
function birdConfig(ourAs: number, options: readonly string[], channel = "import all; export none;"): string {
  return `
    log stderr all;
    router id 10.0.0.2;
    protocol static { ipv4; route 192.0.2.0/24 blackhole; route 198.51.100.0/24 blackhole; }
    protocol bgp lb {
      local 127.0.0.2 port ${BIRD_PORT} as 65002;
      neighbor 127.0.0.1 port ${OUR_PORT} as ${ourAs};
      strict bind yes; multihop; connect delay time 1; connect retry time 1; error wait time 1, 1;
      ${options.join(" ")}
      ipv4 { ${channel} };
    }`;
}

async function session(options: {
  readonly bird: string;
  readonly local?: Partial<LocalBgp>;
  readonly peer?: Partial<PeerConfig>;
}): Promise<Session> {
  const bird = await Bird.start(options.bird);
  const events: SpeakerEvent[] = [];
  const speaker = new Speaker({
    local: localBgp(options.local),
    peers: [
      peerConfig({
        address: address("127.0.0.2"),
        port: BIRD_PORT,
        connectRetryTimeMs: 1000,
        ...options.peer,
      }),
    ],
    transport: denoTransport(),
    clock: systemClock,
    random: Math.random,
    onEvent: (event) => events.push(event),
  });
  return {
    bird,
    speaker,
    events,
    established: () =>
      until(
        () => speaker.status()[0]?.state === "Established",
        () => JSON.stringify(speaker.status()[0]),
      ),
    async [Symbol.asyncDispose]() {
      speaker.abort();
      await bird[Symbol.asyncDispose]();
    },
  };
}

const listening = { listenPort: OUR_PORT, listenAddresses: [address("127.0.0.1")] };

Deno.test("Speaker announces to and withdraws from BIRD over eBGP as the active side (RFC 4271)", async () => {
  await using both = await session({ bird: birdConfig(65001, ["passive on;"]) });
  const { bird, speaker } = both;
  speaker.announce([
    route("10.99.0.1/32", {
      med: 7,
      communities: [(65001 << 16 >>> 0) + 100, 0xffffff01],
      largeCommunities: [[65001, 1, 2]],
      asPathPrepend: 2,
    }),
  ]);
  speaker.start();
  await both.established();
  const shown = await bird.awaits("show route all 10.99.0.1/32", "10.99.0.1/32");
  assert.match(shown, /BGP\.origin: IGP/);
  assert.match(shown, /BGP\.as_path: 65001 65001 65001\n/);
  assert.match(shown, /BGP\.next_hop: 127\.0\.0\.1\n/);
  assert.match(shown, /BGP\.med: 7\n/);
  assert.match(shown, /BGP\.community: \(65001,100\) \(65535,65281\)\n/);
  assert.match(shown, /BGP\.large_community: \(65001, 1, 2\)\n/);

  speaker.announce([route("10.99.0.2/32")]);
  await bird.awaits("show route", "10.99.0.2/32");
  assert.ok(!(await bird.ask("show route")).includes("10.99.0.1/32"));
  speaker.announce([]);
  await bird.awaits("show route count", "2 of 2 routes for 2 networks in table master4");
});

Deno.test("Speaker sends LOCAL_PREF and an empty AS_PATH to BIRD over iBGP as the passive side (RFC 4271)", async () => {
  await using both = await session({
    bird: birdConfig(65002, []),
    local: { as: 65002, ...listening },
    peer: { passive: true },
  });
  const { bird, speaker } = both;
  speaker.announce([route("10.99.0.1/32", { localPreference: 250, asPathPrepend: 2 })]);
  speaker.start();
  await both.established();
  const shown = await bird.awaits("show route all 10.99.0.1/32", "10.99.0.1/32");
  assert.match(shown, /BGP\.local_pref: 250\n/);
  assert.match(shown, /BGP\.as_path: *\n/);
});

Deno.test("Speaker tells BIRD why it stops, after withdrawing every route (RFC 9003)", async () => {
  await using both = await session({ bird: birdConfig(65001, ["passive on;"]) });
  const { bird, speaker } = both;
  speaker.announce([route("10.99.0.1/32")]);
  speaker.start();
  await bird.awaits("show route", "10.99.0.1/32");
  await speaker.stop({ mode: "shutdown", communication: "Wartung bis 6 Uhr: ÄÖÜ" });
  const shown = await bird.awaits("show protocols all lb", "Administrative shutdown");
  assert.match(shown, /Message: +Wartung bis 6 Uhr: ÄÖÜ/);
  const sent = both.events.flatMap((event) => event.type === "updates-sent" ? [event.withdrawn] : []);
  assert.deepEqual(sent, [0, 1]);
});

Deno.test("Speaker shows BIRD's shutdown message and comes back when BIRD does (RFC 9003)", async () => {
  await using both = await session({ bird: birdConfig(65001, ["passive on;"]) });
  const { bird, speaker } = both;
  speaker.announce([route("10.99.0.1/32")]);
  speaker.start();
  await bird.awaits("show route", "10.99.0.1/32");
  await bird.ask('disable lb "maintenance until 6"');
  await until(() => speaker.status()[0]?.state !== "Established");
  const [status] = speaker.status();
  assert.equal(status?.lastNotificationReceived?.communication, "maintenance until 6");
  assert.match(
    status?.lastError?.text ?? "",
    /peer sent Cease\/Administrative Shutdown: maintenance until 6/,
  );
  assert.equal(status?.flaps, 1);
  await bird.ask("enable lb");
  await bird.awaits("show route", "10.99.0.1/32");
});

Deno.test("Speaker finds BIRD again after it was killed and started anew (RFC 4271 8.1)", async () => {
  await using both = await session({ bird: birdConfig(65001, []), local: listening });
  const { bird, speaker } = both;
  speaker.announce([route("10.99.0.1/32")]);
  speaker.start();
  await bird.awaits("show route", "10.99.0.1/32");
  await bird.end("SIGKILL");
  await until(() => speaker.status()[0]?.state !== "Established");
  await bird.run();
  await bird.awaits("show route", "10.99.0.1/32");
  await both.established();
});

Deno.test("Speaker counts and drops what BIRD announces, and refreshes its routes on request (RFC 2918)", async () => {
  await using both = await session({ bird: birdConfig(65001, ["passive on;"], "import all; export all;") });
  const { bird, speaker } = both;
  speaker.announce([route("10.99.0.1/32")]);
  speaker.releaseEndOfRib();
  speaker.start();
  await bird.awaits("show route", "10.99.0.1/32");
  await until(() => speaker.status()[0]?.prefixes.received === 2);
  const before = speaker.status()[0]?.messages.sent.UPDATE ?? 0;
  await bird.ask("reload in lb");
  await until(() => (speaker.status()[0]?.messages.sent.UPDATE ?? 0) > before);
  // Its beginning and its end are marked (RFC 7313).
  await until(() => speaker.status()[0]?.messages.sent["ROUTE-REFRESH"] === 2);
  assert.equal(speaker.status()[0]?.state, "Established");
  assert.ok((await bird.ask("show route")).includes("10.99.0.1/32"));
});

Deno.test("Speaker says which AS it expected and tells BIRD that its own is bad (RFC 4271 6.2)", async () => {
  await using both = await session({ bird: birdConfig(65001, ["passive on;"]), peer: { as: 65099 } });
  const { bird, speaker } = both;
  speaker.start();
  const lastError = () => speaker.status()[0]?.lastError?.text;
  await until(() => lastError() === "AS 65099 expected, 65002 received", () => String(lastError()));
  await bird.awaits("show protocols all lb", /Last error: +Received: Bad peer AS/);
});

Deno.test("Speaker reaches BIRD that speaks no capabilities at all (RFC 5492 3)", async () => {
  await using both = await session({ bird: birdConfig(65001, ["passive on; capabilities off;"]) });
  const { bird, speaker } = both;
  speaker.announce([route("10.99.0.1/32")]);
  speaker.start();
  await both.established();
  assert.equal(speaker.status()[0]?.negotiated?.routeRefresh, false);
  await bird.awaits("show route", "10.99.0.1/32");
});
