/** BGP roles against BIRD and FRR (RFC 9234): pairs that fit and that do not, strict on either side, and ONLY_TO_CUSTOMER. */
import assert from "node:assert/strict";
import type { BgpRole } from "../../src/config/config.ts";
import { address, route } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { startFrr } from "../support/frr_router.ts";
import { interopNamespaces, OurSpeaker, ROUTER, ROUTER_AS, type RouterSession } from "../support/interop.ts";
import type { NamespacePair } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually, until } from "../support/until.ts";

const OUR_AS = 65_001;

/** A session, and what comes of it: a pair that fits, or 2/11 that one of the two sends. */
interface Row {
  readonly ours: BgpRole | undefined;
  readonly strict?: boolean;
  readonly theirs: BgpRole | undefined;
  readonly theyAreStrict?: boolean;
  readonly fits: boolean;
}

const ROWS: readonly Row[] = [
  { ours: "customer", theirs: "provider", fits: true, strict: true, theyAreStrict: true },
  { ours: "provider", theirs: "customer", fits: true, strict: true, theyAreStrict: true },
  { ours: "peer", theirs: "peer", fits: true, strict: true, theyAreStrict: true },
  { ours: "rs", theirs: "rs-client", fits: true, strict: true, theyAreStrict: true },
  { ours: "rs-client", theirs: "rs", fits: true, strict: true, theyAreStrict: true },
  { ours: "customer", theirs: undefined, fits: true },
  { ours: undefined, theirs: "provider", fits: true },
  { ours: "customer", theirs: "peer", fits: false },
  { ours: "peer", theirs: "provider", fits: false },
  { ours: "customer", theirs: undefined, strict: true, fits: false },
  { ours: undefined, theirs: "provider", theyAreStrict: true, fits: false },
];

const hostOf = (index: number) => `10.9.0.${11 + index}`;
const prefixOf = (index: number) => `10.99.${index}.1/32`;

/** Routes whose receiver is below us, or beside us (RFC 9234 section 5). */
const isMarked = ({ ours }: Row) => ours === "provider" || ours === "peer" || ours === "rs";

/** Each row with a speaker of its own. `routeText` waits until the router has the route, and may show it. */
async function eachRow(
  namespaces: NamespacePair,
  routeText: (index: number) => Promise<string | undefined>,
): Promise<void> {
  await Promise.all(ROWS.map(async (row, index) => {
    await using ours = ourSpeaker(namespaces, row, index);
    const status = () => ours.status();
    const shown = () => `${JSON.stringify(row)}: ${status().state}, ${status().lastError?.text}`;
    if (!row.fits) {
      const isTold = () =>
        [status().lastNotificationSent, status().lastNotificationReceived]
          .some((record) => record?.code === 2 && record.subcode === 11);
      await until(isTold, shown);
      assert.notEqual(status().state, "Established");
      return;
    }
    await ours.established();
    assert.deepEqual(status().negotiated?.role, row.ours && { local: row.ours, peer: row.theirs });
    const text = await routeText(index);
    if (text !== undefined) {
      assert.equal(text.includes(`BGP.otc: ${OUR_AS}`), isMarked(row), `${shown()}: ${text}`);
    }
  }));
}

function ourSpeaker(namespaces: NamespacePair, { ours, strict }: Row, index: number): OurSpeaker {
  const speaker = new OurSpeaker(namespaces, {
    local: { as: OUR_AS },
    peers: [{ localAddress: address(hostOf(index)), localRole: ours, strictRole: strict ?? false }],
  });
  speaker.speaker.announce([route(prefixOf(index))]);
  speaker.speaker.start();
  return speaker;
}

function birdProtocol({ theirs, theyAreStrict }: Row, index: number): string {
  const names = { "rs": "rs_server", "rs-client": "rs_client" } as const;
  const name = theirs === "rs" || theirs === "rs-client" ? names[theirs] : theirs;
  return `protocol bgp s${index} {
    local ${ROUTER[4]} as ${ROUTER_AS}; neighbor ${hostOf(index)} as ${OUR_AS}; passive on;
    error wait time 1, 2;
    ${name === undefined ? "" : `local role ${name};`} ${theyAreStrict === true ? "require roles yes;" : ""}
    ipv4 { import all; export none; import keep filtered; };
  }`;
}

Deno.test("Speaker and BIRD have sessions of roles that fit and no others, and routes are marked as the role says (RFC 9234)", async () => {
  const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
  assert.equal(advice, undefined);
  await using namespaces = await interopNamespaces(ROWS.length);
  const config = [`router id ${ROUTER[4]};`, "protocol device {}", ...ROWS.map(birdProtocol)].join("\n");
  await using bird = await Bird.start(config, ["ip", "netns", "exec", namespaces.b.name]);
  await eachRow(namespaces, (index) => bird.awaits(`show route all protocol s${index}`, prefixOf(index)));
});

Deno.test("Speaker and FRR have sessions of roles that fit and no others (RFC 9234)", async () => {
  const { advice } = await ensurePackages(["iproute2", "frr"], console.log);
  assert.equal(advice, undefined);
  await using namespaces = await interopNamespaces(ROWS.length);
  const sessions = ROWS.map((_, index): RouterSession => ({
    neighbor: hostOf(index),
    peerAs: OUR_AS,
    families: [4],
    passive: true,
  }));
  const lines = ROWS.flatMap(({ theirs, theyAreStrict }, index) => {
    if (theirs === undefined) return [];
    const role = theirs === "rs" ? "rs-server" : theirs;
    return [`neighbor ${hostOf(index)} local-role ${role}${theyAreStrict === true ? " strict-mode" : ""}`];
  });
  await using frr = await startFrr(sessions, ["ip", "netns", "exec", namespaces.b.name], lines);
  await eachRow(namespaces, async (index) => {
    await eventually(() => frr.routes(prefixOf(index)), (all) => all.length > 0, `${prefixOf(index)} at FRR`);
    return undefined;
  });
});
