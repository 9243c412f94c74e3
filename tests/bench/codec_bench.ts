/**
 * Codec throughput: prefixes per second for encoding and for checking 100,000 prefixes, best and median of several
 * runs in this process. `deno run tests/bench/codec_bench.ts`
 */
import { addressOf, parseAddress } from "../../src/net/address.ts";
import { type Prefix, prefixOf } from "../../src/net/prefix.ts";
import {
  type AdjRibOut,
  AdjRibOutChange,
  type AdvertiseContext,
  type AdvertisedPath,
  Paths,
} from "../../src/bgp/routes/adj_rib_out.ts";
import type { Route, RouteAttributes } from "../../src/bgp/routes/route.ts";
import type { CodecContext } from "../../src/bgp/wire/codec_context.ts";
import { decodeMessage, encodeMessage, frame } from "../../src/bgp/wire/message.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../src/bgp/wire/nlri.ts";
import { packReach, packUnreach } from "../../src/bgp/wire/pack.ts";

const PREFIXES = 100_000;
const RUNS = 15;

const codec: CodecContext = {
  fourOctetAs: true,
  internal: false,
  maxReceiveLength: 4096,
  maxSendLength: 4096,
  families: [IPV4_UNICAST, IPV6_UNICAST],
  extendedNextHop: [],
};
const own = required(parseAddress("10.88.0.200"));
const context: AdvertiseContext = {
  codec,
  localAs: 65512,
  onlyToCustomer: false,
  peerName: "tor-1",
  address: own,
  address6: required(parseAddress("2001:db8::200")),
  nextHop: undefined,
  nextHop6: undefined,
  localAddress: own,
  zone: undefined,
  remoteAddress: required(parseAddress("10.88.0.253")),
  own: { addresses: undefined, services: new Set() },
  prefersOnLink: false,
  besideGlobal: true,
};
const attributes: RouteAttributes = {
  med: 100,
  localPreference: 100,
  communities: [0xffe80064],
  largeCommunities: [],
  extendedCommunities: [],
  asPathPrepend: 0,
};

for (const family of [4, 6] as const) {
  const prefixes = Array.from({ length: PREFIXES }, (_, i) => prefixNumber(i, family));
  const shared = prefixes.map((prefix) => desired(prefix, attributes));
  const own = prefixes.map((prefix) => desired(prefix, { ...attributes }));
  const shuffled = shuffle(shared);
  const path = required([...firstPass(shared).routes.values()][0]);
  const updates = packReach(path, prefixes, codec.maxSendLength);
  const afiSafi = family === 4 ? IPV4_UNICAST : IPV6_UNICAST;
  const packed = concatenate(updates);
  const single = concatenate(oneEach(updates));
  print(`\nIPv${family}: ${PREFIXES} prefixes in ${updates.length} UPDATEs, ${packed.byteLength} octets`);
  measure("encode, announced", () => packReach(path, prefixes, codec.maxSendLength));
  measure("encode, withdrawn", () => packUnreach(afiSafi, family === 4, prefixes, codec.maxSendLength));
  measure("first pass of a session, sorted", () => firstPass(shared));
  measure("first pass of a session, shuffled", () => firstPass(shuffled));
  measure("first pass, attributes of their own", () => firstPass(own));
  measure("decode (check), packed", () => decodeAll(packed));
  measure("decode (check), one prefix per UPDATE", () => decodeAll(single));
}

function desired(prefix: Prefix, attributes: RouteAttributes): Route {
  return { prefix, attributes, peers: undefined };
}

/** From routes to UPDATEs for a peer that has nothing yet, with the record of what it has then. */
function firstPass(desired: readonly Route[]): { readonly routes: AdjRibOut } {
  const live = { routes: new Map<string, AdvertisedPath>(), held: new Map<string, string>() };
  const change = new AdjRibOutChange(live, new Paths(context));
  for (const route of desired) change.bring(route.prefix, route);
  change.updates();
  return live;
}

function decodeAll(stream: Uint8Array): number {
  let count = 0;
  let at = 0;
  while (at < stream.byteLength) {
    const next = frame(stream.subarray(at, at + 65535), codec.maxReceiveLength);
    if (next.type === "incomplete") throw new Error("the stream ends inside a message");
    const message = decodeMessage(stream.subarray(at, at + next.length), codec);
    if (message.type === "UPDATE") { for (const { nlri } of message.reach) count += nlri.count; }
    at += next.length;
  }
  if (count !== PREFIXES) throw new Error(`${count} prefixes, not ${PREFIXES}`);
  return count;
}

/** The same routes with an UPDATE for each. */
function oneEach(updates: readonly Uint8Array[]): Uint8Array[] {
  return updates.flatMap((update) => {
    const message = decodeMessage(update, codec);
    if (message.type !== "UPDATE") return [];
    return message.reach.flatMap(({ family, nextHops, nlri }) =>
      [...nlri.prefixes()].map((prefix) => {
        const bytes = Uint8Array.of(
          prefix.length,
          ...prefix.address.bytes.subarray(0, (prefix.length + 7) >>> 3),
        );
        const one = { count: 1, bytes, prefixes: () => [prefix] };
        return encodeMessage({
          ...message,
          attributes: message.attributes,
          reach: [{ family, nextHops, nlri: one }],
        }, codec);
      })
    );
  });
}

function measure(name: string, work: () => unknown): void {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    work();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const [best, median] = [required(times[0]), required(times[RUNS >> 1])];
  const rate = (ms: number) => `${(PREFIXES / ms / 1000).toFixed(2).padStart(7)} M/s`;
  print(
    `  ${name.padEnd(38)} best ${rate(best)}  median ${rate(median)}  ${median.toFixed(1).padStart(6)} ms`,
  );
}

function prefixNumber(i: number, family: 4 | 6): Prefix {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  bytes.set(family === 4 ? [100 + (i >>> 16), i >>> 8, i] : [0x20, 1, 0xd, 0xb8, i >>> 16, i >>> 8, i]);
  return prefixOf(addressOf(bytes), family === 4 ? 24 : 56);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/** The same order at every run. */
function shuffle<T>(values: readonly T[]): T[] {
  return values
    .map((value, i) => ({ value, rank: Math.imul(i + 1, 0x9e3779b1) >>> 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("missing");
  return value;
}

function print(line: string): void {
  console.log(line);
}
