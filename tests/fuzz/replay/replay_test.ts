// Captures and MRT files through the codec: every form that is read, and what is lost, late or twice in it.
import assert from "node:assert/strict";
import {
  attribute,
  keepalive,
  notification,
  type Octets,
  open,
  routeRefresh,
  u16,
  u32,
  update,
} from "../../support/raw_peer.ts";
import { bgp4mp, FORMS, ipPacket, mrtRecord, pcap, pcapng, rib, type SegmentForm } from "./captures.ts";
import { ReplayError } from "./octet_stream.ts";
import { replay, type ReplayReport } from "./replay.ts";

const ATTRIBUTES = [
  ...attribute(0x40, 1, [0]),
  ...attribute(0x40, 2, [2, 1, ...u32(65_002)]),
];
const NEXT_HOP = attribute(0x40, 3, [10, 0, 0, 2]);
const PREFIX = [24, 10, 1, 2];
const GOOD = update({ attributes: [...ATTRIBUTES, ...NEXT_HOP], nlri: PREFIX });
const TWO_OCTETS = update({
  attributes: [...attribute(0x40, 1, [0]), ...attribute(0x40, 2, [2, 1, ...u16(65_002)]), ...NEXT_HOP],
  nlri: PREFIX,
});
const INTERNAL = update({
  attributes: [...ATTRIBUTES, ...NEXT_HOP, ...attribute(0x40, 5, u32(100))],
  nlri: PREFIX,
});
const ORIGIN_3 = update({
  attributes: [...attribute(0x40, 1, [3]), ...ATTRIBUTES.slice(4), ...NEXT_HOP],
  nlri: PREFIX,
});
const MESSAGES: Octets = [...open(), ...keepalive(), ...GOOD, ...routeRefresh(), ...notification(6, 2)];
const ONE_OF_EACH = { OPEN: 1, KEEPALIVE: 1, UPDATE: 1, "ROUTE-REFRESH": 1, NOTIFICATION: 1 };

/** In pieces of odd sizes, as a file is read. */
async function* pieces(bytes: Uint8Array, size = 61): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) {
    await Promise.resolve();
    yield bytes.slice(at, at + size);
  }
}

async function replayed(bytes: Uint8Array): Promise<ReplayReport> {
  const report = await replay(pieces(bytes));
  assert.deepEqual(report.failures, []);
  return report;
}

const entries = (counts: ReadonlyMap<string, number>) => Object.fromEntries(counts);

/** A stream in segments of `size` octets, the first one a SYN; numbers go round on the way. */
function segments(octets: Octets, size: number, version: 4 | 6 = 4): readonly SegmentForm[] {
  const start = 0xffff_ffc0;
  const list: SegmentForm[] = [{ version, sequence: start, syn: true }];
  for (let at = 0; at < octets.length; at += size) {
    list.push({ version, sequence: (start + 1 + at) >>> 0, payload: octets.slice(at, at + size) });
  }
  return list;
}

function ethernet(list: readonly SegmentForm[]): readonly Octets[] {
  return list.map((each) => [...FORMS[0]?.link(each.version ?? 4) ?? [], ...ipPacket(each)]);
}

for (const { name, linkType, link } of FORMS) {
  Deno.test(`replay() reads captures of ${name}, pcap and pcapng of either order, IPv4 and IPv6`, async () => {
    for (const version of [4, 6] as const) {
      const packets = segments(MESSAGES, 50, version).map((each) => [...link(version), ...ipPacket(each)]);
      const files = [
        pcap(packets, { linkType }),
        pcap(packets, { linkType, little: false }),
        pcap(packets, { linkType, nanoseconds: true }),
        pcapng(packets, linkType),
        pcapng(packets, linkType, false),
      ];
      for (const file of files) {
        const { outcomes, skipped, oddities } = await replayed(file);
        assert.deepEqual([entries(outcomes), entries(skipped), oddities], [ONE_OF_EACH, {}, []]);
      }
    }
  });
}

Deno.test("replay() puts a stream together from segments that come late, twice, longer and overlapping", async () => {
  const [syn, ...data] = segments(MESSAGES, 40);
  assert.ok(syn !== undefined && data.length > 4);
  const overlap = (each: SegmentForm, index: number): SegmentForm => ({
    ...each,
    payload: [...each.payload ?? [], ...data[index + 1]?.payload?.slice(0, 7) ?? []],
  });
  const orders = [
    [syn, ...data.toReversed()],
    [syn, ...data.flatMap((each) => [each, each])],
    [syn, ...data.map(overlap)],
    [syn, ...data, ...data],
    [syn, syn, ...data],
  ];
  for (const order of orders) {
    const { outcomes, skipped } = await replayed(pcap(ethernet(order)));
    assert.deepEqual([entries(outcomes), entries(skipped)], [ONE_OF_EACH, {}]);
  }
});

Deno.test("replay() goes on behind a gap with the next message, and where a capture begins in the middle", async () => {
  const list = segments([...GOOD, ...GOOD, ...keepalive()], 20);
  const holed = await replayed(pcap(ethernet(list.filter((_, index) => index !== 4))));
  assert.deepEqual(entries(holed.outcomes), { UPDATE: 1, KEEPALIVE: 1 });
  assert.equal(holed.skipped.get("gaps"), 1);
  const late = await replayed(pcap(ethernet(list.slice(2))));
  assert.deepEqual(entries(late.outcomes), { UPDATE: 1, KEEPALIVE: 1 });
  assert.ok((late.skipped.get("octets that are no message") ?? 0) > 0);
});

Deno.test("replay() gives up what is missing once much waits for it, and what is no BGP", async () => {
  const many = segments(new Array<Octets>(400).fill(keepalive()).flat(), 19);
  const { outcomes, skipped } = await replayed(pcap(ethernet(many.filter((_, index) => index !== 2))));
  assert.equal(outcomes.get("KEEPALIVE"), 399);
  assert.equal(skipped.get("gaps"), 1);
  const other = await replayed(pcap(ethernet(segments(new Array<number>(5000).fill(0x41), 500))));
  assert.deepEqual([entries(other.outcomes), entries(other.skipped)], [{}, {
    "octets that are no message": 5000,
  }]);
});

Deno.test("replay() reads UPDATEs as both OPENs have it, and skips those of ADD-PATH", async () => {
  const both = (parameters: Octets | undefined, message: Octets) => {
    const said = open(parameters === undefined ? {} : { parameters });
    const to = { toClient: true, sequence: 1000 };
    return pcap(ethernet([...segments(said, 500), { ...to, sequence: 999, syn: true }, {
      ...to,
      payload: [...said, ...message],
    }]));
  };
  assert.deepEqual(entries((await replayed(both([0], TWO_OCTETS))).outcomes), {
    OPEN: 2,
    "UPDATE, treat-as-withdraw": 1,
  });
  assert.deepEqual(entries((await replayed(both(undefined, INTERNAL))).outcomes), { OPEN: 2, UPDATE: 1 });
  const addPath = await replayed(both([8, 2, 6, 69, 4, 0, 1, 1, 3], GOOD));
  assert.deepEqual(entries(addPath.skipped), { "UPDATE with ADD-PATH (RFC 7911)": 1 });
});

Deno.test("replay() names what is odd with its place, and what it does not read", async () => {
  const { outcomes, oddities } = await replayed(pcap(ethernet(segments([...GOOD, ...ORIGIN_3], 2000))));
  assert.deepEqual(entries(outcomes), { UPDATE: 1, "UPDATE, treat-as-withdraw": 1 });
  assert.match(oddities.join(), /^packet 2, 0a000001 40000 > 0a000002 179: UPDATE, treat-as-withdraw: ff/);
  const udp = ipPacket({ sequence: 0 }).with(9, 17);
  const fragment = ipPacket({ sequence: 0 }).with(6, 0x20);
  const rest = await replayed(pcap([udp, fragment, [0x45], [], [0x90]], { linkType: 101 }));
  assert.deepEqual(entries(rest.skipped), { "no TCP": 1, fragment: 1, "cut short": 1, "no IP": 2 });
  assert.deepEqual(entries((await replayed(pcap([[1, 2]], { linkType: 147 }))).skipped), {
    "link type 147": 1,
  });
});

Deno.test("replay() reads MRT: messages of both widths, tables as UPDATEs, and says what it skips (RFC 6396)", async () => {
  const nextHop6 = [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 2];
  const table6 = [64, 0x20, 1, 0xd, 0xb8, 0, 2, 0, 0];
  const shortReach = [...ATTRIBUTES, ...attribute(0x80, 14, [16, ...nextHop6])];
  const wholeReach = [...ATTRIBUTES, ...attribute(0x80, 14, [0, 2, 1, 16, ...nextHop6, 0, ...table6])];
  const records = [
    mrtRecord(16, 1, bgp4mp(TWO_OCTETS, false, 65_002, 65_001)),
    mrtRecord(16, 4, bgp4mp(GOOD, true, 65_002, 65_001)),
    mrtRecord(16, 7, bgp4mp(INTERNAL, true, 65_001, 65_001)),
    mrtRecord(17, 4, [0, 0, 0, 9, ...bgp4mp(GOOD, true, 65_002, 65_001)]),
    mrtRecord(16, 4, bgp4mp(ORIGIN_3, true, 65_002, 65_001)),
    mrtRecord(13, 1, [1, 2, 3]),
    mrtRecord(13, 2, rib(PREFIX, [[...ATTRIBUTES, ...NEXT_HOP], [...ATTRIBUTES, ...NEXT_HOP]])),
    mrtRecord(13, 4, rib(table6, [shortReach, wholeReach])),
    // As BIRD 2.0.12 writes it.
    mrtRecord(13, 2, rib(PREFIX, [[...ATTRIBUTES, ...NEXT_HOP.with(0, 0), 0, 5, 4, ...u32(100)]])),
    mrtRecord(13, 8, []),
    mrtRecord(16, 9, []),
    mrtRecord(16, 5, []),
    mrtRecord(12, 1, []),
    mrtRecord(13, 2, rib(PREFIX, [NEXT_HOP]).slice(0, -2)),
    mrtRecord(16, 4, [1, 2]),
  ];
  const file = Uint8Array.from(records.flat());
  const { outcomes, skipped, oddities } = await replayed(file);
  assert.deepEqual(entries(outcomes), { UPDATE: 9, "UPDATE, treat-as-withdraw": 1 });
  assert.match(oddities.join(), /^record 5: UPDATE, treat-as-withdraw/);
  assert.deepEqual(entries(skipped), {
    "TABLE_DUMP_V2 peer index": 1,
    "TABLE_DUMP_V2 with ADD-PATH (RFC 8050)": 1,
    "BGP4MP with ADD-PATH (RFC 8050)": 1,
    "BGP4MP state change": 1,
    TABLE_DUMP: 1,
    "cut short": 2,
  });
  const gzip = ReadableStream.from([file]).pipeThrough(new CompressionStream("gzip"));
  const unzipped = await replay(pieces(new Uint8Array(await new Response(gzip).arrayBuffer())));
  assert.deepEqual(entries(unzipped.outcomes), entries(outcomes));
  const cut = await replayed(file.slice(0, -1));
  assert.equal(cut.skipped.get("octets of what the file ends in"), 1);
});

Deno.test("replay() refuses with words what it cannot read", async () => {
  const refused = async (octets: Octets, words: RegExp) =>
    await assert.rejects(replay(pieces(Uint8Array.from(octets))), (error) => {
      assert.ok(error instanceof ReplayError);
      assert.match(error.message, words);
      return true;
    });
  await refused([0x42, 0x5a, 0x68, 0x39, 0, 0], /bzip2.*bunzip2/);
  await refused([], /neither pcap, pcapng nor MRT/);
  await refused([1, 2, 3, 4, 5, 6, 7, 8], /neither pcap, pcapng nor MRT/);
  await refused(mrtRecord(16, 4, []).with(8, 0xff), /says 4278190080 octets at 12/);
  await refused([...pcap([[1]])].with(24 + 11, 0xff), /says 4278190081 octets at 40/);
});

Deno.test("replay() survives any damage of a file", async () => {
  const files = [pcap(ethernet(segments(MESSAGES, 50))), pcapng(ethernet(segments(MESSAGES, 50)))];
  for (const file of files) {
    for (let at = 24; at < file.byteLength; at += 7) {
      try {
        await replayed(file.with(at, (file[at] ?? 0) ^ 0x55));
      } catch (error) {
        assert.ok(error instanceof ReplayError, `${at}: ${error}`);
      }
    }
  }
});
