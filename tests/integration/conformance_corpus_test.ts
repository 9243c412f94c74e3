/**
 * The whole corpus of UPDATEs over real TCP: what RFC 7606 lets a session survive comes in one session of each sort, whose
 * routes and counts are right afterwards; what it does not, in a session each.
 */
import assert from "node:assert/strict";
import { Speaker } from "../../src/bgp/speaker.ts";
import { systemClock } from "../../src/time/clock.ts";
import { corpus, type CorpusMessage } from "../bgp/wire/corpus.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { denoTransport } from "../support/deno_transport.ts";
import { withoutLeak } from "../support/descriptors.ts";
import {
  capability,
  connectRaw,
  fourOctetAs,
  freePort,
  keepalive,
  multiprotocol,
  NOTIFICATION,
  type Octets,
  OPEN,
  open,
  type RawPeer,
  routeRefresh,
  UPDATE,
  withCapabilities,
} from "../support/raw_peer.ts";

const SPEAKER = "127.0.0.1";
const LOCAL_AS = 65_001;
const PEER_AS = 65_002;

/** One session, and what comes in it. */
interface Scene {
  readonly host: string;
  readonly internal: boolean;
  readonly fourOctetAs: boolean;
  readonly messages: readonly CorpusMessage[];
}

function isReset({ outcome }: CorpusMessage): boolean {
  return outcome.startsWith("reset");
}

/** One scene for all that is survived, and one for each message that is not. */
function scenes(): readonly Scene[] {
  let hosts = 0;
  const host = () => `127.43.${hosts >>> 7}.${1 + hosts++ % 128}`;
  return [false, true].flatMap((internal) =>
    [false, true].flatMap((fourOctetAs) => {
      const session = { internal, fourOctetAs };
      const all = [...corpus("NLRI", session), ...corpus("MP_REACH_NLRI", session)];
      const survived = all.filter((message) => !isReset(message));
      const fatal = fourOctetAs ? all.filter(isReset) : [];
      return [survived, ...fatal.map((message) => [message])].map((messages) => ({
        ...session,
        host: host(),
        messages,
      }));
    })
  );
}

function openOf({ internal, fourOctetAs: four }: Scene): Octets {
  const as = internal ? LOCAL_AS : PEER_AS;
  const capabilities = [...multiprotocol(1), ...multiprotocol(2), ...capability(2)];
  return open({ as, parameters: withCapabilities([...capabilities, ...four ? fourOctetAs(as) : []]) });
}

async function play(
  scene: Scene,
  peer: RawPeer,
  status: () => ReturnType<Speaker["status"]>[number],
): Promise<void> {
  await peer.hear(OPEN);
  await peer.confirm(openOf(scene));
  peer.send(keepalive());
  await peer.hear(UPDATE);
  for (const { octets } of scene.messages) peer.send(octets);
  const [first] = scene.messages;
  if (first !== undefined && isReset(first)) {
    await peer.end();
    const [code, subcode] = peer.heard.findLast(({ type }) => type === NOTIFICATION)?.body ?? [];
    assert.equal(`reset ${code}/${subcode}`, first.outcome, peer.words);
    return;
  }
  const updates = peer.count(UPDATE);
  peer.send(routeRefresh());
  await peer.hear(UPDATE, updates + 1);
  assert.equal(peer.count(NOTIFICATION), 0, peer.words);
  assert.equal(status().state, "Established");
  const malformed = scene.messages.filter(({ outcome }) => outcome !== "accepted").length;
  assert.equal(status().prefixes.malformedUpdates, malformed);
}

Deno.test("Speaker stays Established through the whole corpus of attributes, and ends the sessions that it must (RFC 7606)", () =>
  withoutLeak(async () => {
    const all = scenes();
    assert.ok(all.length > 60, `${all.length}`);
    const port = await freePort();
    const speaker = new Speaker({
      local: localBgp({ as: LOCAL_AS, listenPort: port, listenAddresses: [address(SPEAKER)] }),
      peers: all.map(({ host, internal }) =>
        peerConfig({
          name: host,
          address: address(host),
          as: internal ? LOCAL_AS : PEER_AS,
          port,
          passive: true,
          families: ["ipv4-unicast", "ipv6-unicast"],
        })
      ),
      transport: denoTransport(),
      clock: systemClock,
      random: Math.random,
      onEvent: () => {},
    });
    const failures: string[] = [];
    try {
      speaker.announce([route("10.99.0.1/32")]);
      speaker.start();
      await Promise.all(all.map(async (scene, index) => {
        const status = () => {
          const found = speaker.status()[index];
          assert.ok(found !== undefined);
          return found;
        };
        try {
          using peer = await connectRaw(scene.host, SPEAKER, port);
          await play(scene, peer, status);
        } catch (error) {
          const [first] = scene.messages;
          failures.push(
            `${first?.name} and ${scene.messages.length - 1} more: ${
              error instanceof Error ? error.message : error
            }`,
          );
        }
      }));
    } finally {
      speaker.abort();
    }
    assert.deepEqual(failures, []);
  }));
