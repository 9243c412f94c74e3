/** The netlink codec against its golden messages, both ways, and against input that is no message. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ReadError } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import {
  attributeString,
  attributeU32,
  decodeAttributes,
  HOST_ORDER,
  nested,
  writeAttribute,
  writeNested,
  writeString,
  writeU16,
  writeU32,
} from "../../src/netlink/attribute.ts";
import { AF, IFA_F, NLM_F, NLMSG, RT_SCOPE, RT_TABLE, RTM, RTN } from "../../src/netlink/constants.ts";
import { decodeGeneric } from "../../src/netlink/genetlink.ts";
import { AddressPool } from "../../src/netlink/address_pool.ts";
import { type IpvsService, newService } from "../../src/netlink/ipvs.ts";
import { decodeDest, decodeService } from "../../src/netlink/ipvs_decode.ts";
import { decodeTraffic } from "../../src/netlink/ipvs_traffic.ts";
import {
  decodeFailure,
  decodeMessages,
  encodeMessages,
  type NetlinkMessage,
} from "../../src/netlink/message.ts";
import { decodeRoute, decodeRouteType } from "../../src/netlink/route.ts";
import { decodeAddress, decodeLink } from "../../src/netlink/rtnetlink.ts";
import { fromHex, toHex } from "../bgp/wire/support.ts";
import * as golden from "../golden/netlink_messages.ts";
import { address } from "../support/bgp.ts";

const plain = ({ type, flags, sequence, port, payload }: NetlinkMessage) => {
  return { type, flags, sequence, port, payload: toHex(payload) };
};

for (const { name, hex, request } of golden.REQUESTS) {
  const message = { ...request, flags: request.flags | NLM_F.REQUEST, sequence: 1, port: 0 };
  Deno.test(`${name} (golden, written)`, () => {
    assert.equal(toHex(encodeMessages([message])), toHex(aligned(fromHex(hex))));
  });
  Deno.test(`${name} (golden, read)`, () => {
    const [read] = decodeMessages(fromHex(hex));
    assert.deepEqual(read && plain(read), plain(message));
  });
}

Deno.test("decodeService() reads what newService() and setService() wrote", () => {
  assert.deepEqual(decodeService(request("newService() of IPv4")), golden.SERVICE4);
  assert.deepEqual(decodeService(request("setService() of IPv6")), golden.SERVICE6);
  assert.deepEqual(decodeService(request("newService() of a mark")), golden.MARK4);
  assert.deepEqual(decodeService(request("setService() of a mark")), golden.MARK6);
});

Deno.test("decodeDest() reads what newDest(), setDest() and delDest() wrote", () => {
  assert.deepEqual(decodeDest(request("newDest() of IPv4"), AF.INET), { ...golden.DEST4, ...IDLE });
  assert.deepEqual(decodeDest(request("setDest() of IPv6"), AF.INET6), { ...golden.DEST6, ...IDLE });
  assert.deepEqual(decodeDest(request("newDest() of the other"), AF.INET6), { ...golden.DEST_GUE, ...IDLE });
  const { address, port } = golden.DEST4_QUIESCED;
  const deleted = decodeDest(request("delDest()"), AF.INET);
  assert.deepEqual([deleted?.address, deleted?.port], [address, port]);
});

Deno.test("decodeDest() tells what an older kernel does not say of a tunnel, and takes it for what that kernel does", () => {
  const without = (hidden: readonly number[]) => {
    const message = request("newDest() of the other");
    // An attribute that nobody knows stands where the hidden one was.
    const view = new DataView(message.payload.buffer, message.payload.byteOffset, message.payload.byteLength);
    for (let at = 0; at < message.payload.byteLength - 3; at += 4) {
      const type = view.getUint16(at + 2, true);
      if (view.getUint16(at, true) <= 6 && hidden.includes(type)) view.setUint16(at + 2, 99, true);
    }
    const { tunnelType, tunnelFlags, lacks } = decodeDest(message, AF.INET6) ?? {};
    return { tunnelType, tunnelFlags, lacks };
  };
  assert.deepEqual(without([]), { tunnelType: 1, tunnelFlags: 1, lacks: undefined });
  assert.deepEqual(without([15]), { tunnelType: 1, tunnelFlags: 0, lacks: "TUN_FLAGS" });
  assert.deepEqual(without([13, 14, 15]), { tunnelType: 0, tunnelFlags: 0, lacks: "TUN_TYPE" });
});

Deno.test("decodeLink() reads what createDummy() and setLink() wrote", () => {
  const link = {
    index: 0,
    name: "web",
    kind: undefined,
    alias: undefined,
    group: 0,
    up: false,
    carrier: true,
    master: 0,
    mtu: 0,
    ipv6: false,
  };
  const dummy = { ...link, kind: "dummy", group: 0x6267_706c };
  assert.deepEqual(decodeLink(request("createDummy()")), dummy);
  assert.deepEqual(decodeLink(request("setLink() sets alias")), { ...link, alias: "bgp-lb:web", up: true });
  assert.deepEqual(decodeLink(request("setLink() sets MTU")), { ...link, index: 7, name: "", mtu: 1500 });
});

Deno.test("decodeAddress() reads what replaceAddress() and deleteAddress() wrote", () => {
  const fresh = { index: 7, peer: undefined, broadcast: false, flags: 0 };
  assert.deepEqual(decodeAddress(request("replaceAddress() of IPv4")), {
    ...fresh,
    address: golden.V4,
    prefixLength: 32,
    scope: RT_SCOPE.HOST,
  });
  assert.deepEqual(decodeAddress(request("deleteAddress() of IPv4 with its other end")), {
    ...fresh,
    address: golden.V4,
    prefixLength: 32,
    peer: address("10.99.0.2"),
    scope: RT_SCOPE.HOST,
  });
  assert.deepEqual(decodeAddress(request("deleteAddress() of IPv6")), {
    ...fresh,
    address: golden.V6,
    prefixLength: 64,
    scope: RT_SCOPE.UNIVERSE,
  });
});

Deno.test("decodeLink() reads the kernel's answer (Linux 6.1)", () => {
  const [message] = decodeMessages(fromHex(golden.LINK));
  assert.equal(message?.type, RTM.NEWLINK);
  assert.deepEqual(message && decodeLink(message), {
    index: 2,
    name: "web",
    kind: "dummy",
    alias: "bgp-lb:web",
    group: 0,
    up: true,
    carrier: true,
    master: 0,
    mtu: 1500,
    ipv6: true,
  });
});

Deno.test("decodeRoute() reads what getRoute() and restoreLocalRoute() wrote", () => {
  assert.deepEqual(decodeRoute(request("getRoute() of IPv6")), {
    family: AF.INET6,
    destination: golden.V6,
    prefixLength: 128,
    type: 0,
    table: 0,
    index: 0,
    mtu: undefined,
  });
  assert.equal(decodeRouteType(request("restoreLocalRoute() makes it")), RTN.LOCAL);
  assert.deepEqual(decodeRoute(request("restoreLocalRoute() makes it")), {
    family: AF.INET,
    destination: golden.V4,
    prefixLength: 32,
    type: RTN.LOCAL,
    table: RT_TABLE.LOCAL,
    index: 7,
    mtu: undefined,
  });
});

Deno.test("decodeAddress() reads the kernel's dumps: IPv4 never preferred is only told by its flag (Linux 6.1)", () => {
  const common = { peer: undefined, broadcast: false };
  const ours = { ...common, index: 2, flags: IFA_F.DEPRECATED | IFA_F.PERMANENT };
  const plain = { ...common, index: 1, scope: RT_SCOPE.HOST, flags: IFA_F.PERMANENT };
  assert.deepEqual(decodeMessages(fromHex(golden.ADDRESSES4)).map(decodeAddress), [
    { ...plain, address: address("127.0.0.1"), prefixLength: 8 },
    { ...ours, address: golden.V4, prefixLength: 32, scope: RT_SCOPE.HOST },
  ]);
  assert.deepEqual(decodeMessages(fromHex(golden.ADDRESSES6)).map(decodeAddress), [
    { ...plain, address: address("::1"), prefixLength: 128 },
    {
      ...ours,
      flags: ours.flags | IFA_F.NODAD,
      address: golden.V6,
      prefixLength: 128,
      scope: RT_SCOPE.UNIVERSE,
    },
    {
      ...plain,
      index: 2,
      address: address("fe80::6c45:4ff:fee0:ab6f"),
      prefixLength: 64,
      scope: RT_SCOPE.LINK,
    },
  ]);
});

Deno.test("decodeAddress() has no answer for families that are neither IPv4 nor IPv6", () => {
  const [message] = decodeMessages(fromHex(golden.ADDRESS_GONE));
  const payload = Uint8Array.from(message?.payload ?? []);
  payload[0] = 28;
  assert.equal(decodeAddress({ type: RTM.NEWADDR, flags: 0, sequence: 0, port: 0, payload }), undefined);
});

Deno.test("decodeService() reads the kernel's dump, the service by firewall mark, too (Linux 6.1)", () => {
  assert.deepEqual(decodeMessages(fromHex(golden.SERVICES)).map((message) => decodeService(message)), [
    { ...golden.SERVICE4, flags: 0x2 },
    { ...golden.SERVICE6, flags: 0x1b },
    { ...golden.MARK4, flags: 0x2 },
  ]);
});

Deno.test("decodeTraffic() reads what went through each virtual service and the kernel's estimate, and knows where there is none (Linux 6.1)", () => {
  const quiet = { connections: 0, packetsIn: 0, packetsOut: 0, octetsIn: 0, octetsOut: 0 };
  const messages = decodeMessages(fromHex(golden.SERVICES));
  assert.deepEqual(messages.map(decodeTraffic), Array(3).fill({ rates: quiet, totals: quiet }));
  // The attributes 1 to 10 of a u64 each, as the kernel would have them with something going through.
  const [busy] = messages;
  assert.ok(busy);
  const { payload } = busy;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  for (let at = 0; at + 12 <= payload.byteLength; at += 4) {
    const type = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 12 && type >= 1 && type <= 10) {
      view.setBigUint64(at + 4, 2n ** BigInt(5 * type), true);
    }
  }
  const figures = (first: number) => ({
    connections: 2 ** first,
    packetsIn: 2 ** (first + 5),
    packetsOut: 2 ** (first + 10),
    octetsIn: 2 ** (first + 15),
    octetsOut: 2 ** (first + 20),
  });
  assert.deepEqual(decodeTraffic(busy), { totals: figures(5), rates: figures(30) });
  assert.equal(decodeTraffic(request("newService() of IPv4")), undefined);
});

Deno.test("decodeDest() reads the kernel's dumps (Linux 6.1)", () => {
  assert.deepEqual(decodeMessages(fromHex(golden.DESTS4)).map((message) => decodeDest(message, AF.INET)), [
    { ...golden.DEST4_QUIESCED, ...IDLE },
    { ...golden.DEST4, ...IDLE },
  ]);
  assert.deepEqual(decodeMessages(fromHex(golden.DESTS6)).map((message) => decodeDest(message, AF.INET6)), [
    { ...golden.DEST6, ...IDLE },
  ]);
});

Deno.test("decodeService() and decodeDest() read marks, an engine, thresholds and tunnels as the kernel says them (Linux 6.1)", () => {
  const marks = decodeMessages(fromHex(golden.MARKS)).map((message) => decodeService(message));
  assert.deepEqual(marks, [{ ...golden.MARK4, flags: 0x2 }, { ...golden.MARK6, flags: 0x3 }]);
  const mixed = decodeMessages(fromHex(golden.DESTS_MIXED)).map((message) => decodeDest(message, AF.INET6));
  assert.deepEqual(mixed, [{ ...golden.DEST6, port: 0, ...IDLE }, { ...golden.DEST_GUE, ...IDLE }]);
});

Deno.test("AddressPool gives the same address for the same octets, in this read and the next, and forgets after that", () => {
  const pool = new AddressPool();
  const [first, second] = decodeMessages(fromHex(golden.DESTS4));
  const read = () => [first, second].map((each) => each && decodeDest(each, AF.INET, pool)?.address);
  const before = read();
  assert.deepEqual(before.map((each) => each?.text), ["10.0.0.2", "10.0.0.1"]);
  pool.beginRead();
  assert.ok(read().every((each, index) => each === before[index]));
  pool.beginRead();
  pool.beginRead();
  assert.ok(read().every((each, index) => each !== before[index]));
});

Deno.test("AddressPool tells addresses of every family apart, whatever their hash", () => {
  const pool = new AddressPool();
  const octets = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.tuple(fc.constantFrom(4, 12), fc.nat(3)).map(([at, low]) => {
      const bytes = new Uint8Array(16);
      bytes.fill(low, at - 4, at);
      return bytes;
    }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(octets, (bytes) => {
      const family = bytes.byteLength === 4 ? 4 : 6;
      const address = pool.address(new DataView(bytes.buffer), 0, family);
      assert.deepEqual([address.family, toHex(address.bytes)], [family, toHex(bytes)]);
    }),
    { seed: 20260105 },
  );
});

Deno.test("decodeFailure() tells success, a number, and the kernel's sentence (Linux 6.1)", () => {
  const failure = (hex: string) => decodeMessages(fromHex(hex)).map(decodeFailure)[0];
  assert.equal(failure(golden.ACK), undefined);
  assert.equal(failure(golden.DONE), undefined);
  assert.deepEqual(failure(golden.EXISTS), { errno: 17, extendedAck: undefined });
  assert.deepEqual(failure(golden.UNKNOWN_KIND), { errno: 95, extendedAck: "Unknown device type" });
});

Deno.test("decodeFailure() finds the sentence behind a request that is repeated whole", () => {
  const repeated = encodeMessages([{
    type: 16,
    flags: 1,
    sequence: 5,
    port: 0,
    payload: Uint8Array.of(1, 2, 3),
  }]);
  const writer = new Writer(HOST_ORDER).u32(-22 >>> 0).bytes(repeated);
  writeString(writer, 1, "no such thing");
  const message = error(writer.finish(), NLM_F.ACK_TLVS);
  assert.deepEqual(decodeFailure(message), { errno: 22, extendedAck: "no such thing" });
});

Deno.test("decodeFailure() takes an NLMSG_DONE without payload for success", () => {
  assert.equal(decodeFailure({ ...error(new Uint8Array(0), 0), type: NLMSG.DONE }), undefined);
});

Deno.test("netmask of an IPv4 service is written as a mask and read as a length, 0 to 32", () => {
  for (const netmask of [0, 1, 8, 24, 31, 32]) {
    const payload = newService(golden.FAMILY, { ...golden.SERVICE4, netmask }).payload;
    const mask = nested(decodeGeneric(payload).attributes, 1).get(9);
    const ones = [...mask ?? []].map((octet) => octet.toString(2).padStart(8, "0")).join("");
    assert.equal(ones, "1".repeat(netmask) + "0".repeat(32 - netmask));
    const message = { type: golden.FAMILY, flags: 0, sequence: 0, port: 0, payload };
    assert.equal(decodeService(message)?.netmask, netmask);
  }
});

Deno.test("attributes of every kind survive writing and reading, aligned to four octets", () => {
  const values = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
  fc.assert(
    fc.property(values, (payloads) => {
      const writer = new Writer(HOST_ORDER);
      payloads.forEach((payload, type) => writeAttribute(writer, type, payload));
      const bytes = writer.finish();
      assert.equal(bytes.byteLength % 4, 0);
      const read = decodeAttributes(bytes);
      assert.deepEqual([...read.values()].map(toHex), payloads.map(toHex));
    }),
    { seed: 20260101 },
  );
});

Deno.test("nested attributes, numbers and text are read as they were written", () => {
  const writer = new Writer(HOST_ORDER);
  writeNested(writer, 18, () => {
    writeU16(writer, 1, 0xbeef);
    writeU32(writer, 2, 0xdeadbeef);
    writeString(writer, 3, "rr");
  });
  const inner = nested(decodeAttributes(writer.finish()), 18);
  assert.deepEqual([inner.get(1), attributeU32(inner, 2), attributeString(inner, 3)], [
    Uint8Array.of(0xef, 0xbe),
    0xdeadbeef,
    "rr",
  ]);
  assert.deepEqual([attributeU32(inner, 9), attributeString(inner, 9)], [undefined, undefined]);
  assert.equal(nested(inner, 9).size, 0);
});

Deno.test("decodeAttributes() refuses lengths that cannot be", () => {
  const rows = [
    ["0300 0100", "shorter than its header"],
    ["0000 0100", "no length"],
    ["0900 0100 01020304", "longer than what is left"],
  ] as const;
  for (const [hex, why] of rows) assert.throws(() => decodeAttributes(fromHex(hex)), ReadError, why);
  assert.equal(decodeAttributes(fromHex("0500 0100 01")).size, 1, "the last one may lack its padding");
  assert.equal(decodeAttributes(fromHex("0400 0100 000000")).size, 1, "three octets are padding");
});

Deno.test("decodeMessages() refuses lengths that cannot be", () => {
  const rows = [
    ["0f000000 0300 0000 00000000 00000000", "shorter than its header"],
    ["11000000 0300 0000 00000000 00000000", "longer than what is left"],
  ] as const;
  for (const [hex, why] of rows) assert.throws(() => decodeMessages(fromHex(hex)), ReadError, why);
  assert.deepEqual(decodeMessages(new Uint8Array(0)), []);
});

Deno.test("messages survive writing and reading, in order", () => {
  const messages = fc.array(
    fc.record({
      type: fc.nat(0xffff),
      flags: fc.nat(0xffff),
      sequence: fc.nat(0xffff_ffff),
      port: fc.nat(0xffff_ffff),
      payload: fc.uint8Array({ maxLength: 70 }),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(messages, (written) => {
      assert.deepEqual(decodeMessages(encodeMessages(written)).map(plain), written.map(plain));
    }),
    { seed: 20260102 },
  );
});

Deno.test("no decoder answers a broken message with anything but ReadError", () => {
  const sources = [golden.LINK, golden.ADDRESSES6, golden.SERVICES, golden.DESTS4, golden.UNKNOWN_KIND].map(
    fromHex,
  );
  const decoders = [
    decodeLink,
    decodeAddress,
    (m: NetlinkMessage) => decodeService(m),
    decodeFailure,
    (m: NetlinkMessage) => decodeDest(m, 2),
  ];
  const edits = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...sources), edits, fc.nat(2000), (source, changes, cut) => {
      const bytes = source.slice(0, Math.max(1, source.byteLength - cut % source.byteLength));
      for (const [at, value] of changes) bytes[at % bytes.byteLength] = value;
      try {
        for (const message of decodeMessages(bytes)) for (const decode of decoders) decode(message);
      } catch (error) {
        assert.ok(error instanceof ReadError, String(error));
      }
    }),
    { seed: 20260103, numRuns: 2000 },
  );
});

Deno.test("virtual services survive writing and reading", () => {
  const octets = fc.constantFrom(4, 16).chain((length) =>
    fc.uint8Array({ minLength: length, maxLength: length })
  );
  const services = fc.record({
    protocol: fc.constantFrom(6, 17, 132),
    octets,
    port: fc.nat(65535),
    scheduler: fc.stringMatching(/^[a-z]{1,14}$/),
    flags: fc.nat(0xffff_ffff),
    timeoutSeconds: fc.nat(0xffff_ffff),
    netmask: fc.nat(32),
    fwmark: fc.constant(0),
    persistenceEngine: fc.constantFrom("", "sip"),
  });
  fc.assert(
    fc.property(services, ({ octets, ...rest }) => {
      const text = octets.byteLength === 4 ? octets.join(".") : toHex(octets).match(/.{4}/g)?.join(":") ?? "";
      const service: IpvsService = { ...rest, address: address(text) };
      const { payload, type } = newService(golden.FAMILY, service);
      const bytes = encodeMessages([{ type, flags: 0, sequence: 1, port: 0, payload }]);
      assert.deepEqual(decodeMessages(bytes).map((message) => decodeService(message)), [service]);
    }),
    { seed: 20260104 },
  );
});

/** What runs over a destination that nobody uses. */
const IDLE = {
  activeConnections: 0,
  inactiveConnections: 0,
  persistentConnections: 0,
  lacks: undefined,
} as const;

/** The message of the golden request whose name begins so. */
function request(name: string): NetlinkMessage {
  const found = golden.REQUESTS.find((each) => each.name.startsWith(name));
  if (found === undefined) throw new Error(`no golden request ${name}`);
  const [message] = decodeMessages(fromHex(found.hex));
  if (message === undefined) throw new Error(`no message in ${name}`);
  return message;
}

/** A datagram ends aligned; the message's own length does not. */
function aligned(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array((bytes.byteLength + 3) & ~3);
  padded.set(bytes);
  return padded;
}

function error(payload: Uint8Array, flags: number): NetlinkMessage {
  return { type: NLMSG.ERROR, flags, sequence: 1, port: 0, payload };
}
