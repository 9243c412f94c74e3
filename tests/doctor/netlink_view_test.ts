// What netlink_view asks the kernel, octet by octet, and what it makes of the answers.
import assert from "node:assert/strict";
import { Writer } from "../../src/bytes/writer.ts";
import { NotSeenError } from "../../src/doctor/host.ts";
import { probeForScheduler, readRoute } from "../../src/doctor/netlink_view.ts";
import { HOST_ORDER, writeNested, writeU32 } from "../../src/netlink/attribute.ts";
import { NLMSG } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { encodeMessages } from "../../src/netlink/message.ts";
import type { NetlinkTransport } from "../../src/netlink/transport.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Slices } from "../../src/time/slices.ts";
import { address } from "../support/bgp.ts";

const FAMILY = 0x22;
const SLICES = new Slices(systemClock);

/** A kernel that gives each request the next of these answers. */
function kernel(answers: readonly { readonly type: number; readonly payload: Uint8Array }[]) {
  const sent: string[] = [];
  const waiting: Uint8Array[] = [];
  const transport: NetlinkTransport = {
    open: () => ({
      fd: 0,
      send(datagram) {
        const answer = answers[sent.length];
        sent.push(datagram.toHex());
        const sequence = new DataView(datagram.buffer, datagram.byteOffset).getUint32(8, true);
        if (answer !== undefined) waiting.push(encodeMessages([{ ...answer, flags: 0, sequence, port: 0 }]));
        return 0;
      },
      receive: () => waiting.shift() ?? ERRNO.EAGAIN,
      describe: (errno) => `errno ${errno}`,
      [Symbol.dispose]() {},
    }),
    resolveFamily: () => FAMILY,
  };
  return { transport, sent };
}

/** NLMSG_ERROR, or with 0 the acknowledgement. */
function failure(errno: number) {
  const payload = new Writer(HOST_ORDER).u32(errno === 0 ? 0 : 0x1_0000_0000 - errno).zeros(16).finish();
  return { type: NLMSG.ERROR, payload };
}

/** RTM_NEWROUTE of a type, with what a test writes behind. */
function route(type: number, fill: (writer: Writer) => void) {
  const writer = new Writer(HOST_ORDER).u8(2).u8(32).zeros(5).u8(type).u32(0);
  fill(writer);
  return { type: 24, payload: writer.finish() };
}

Deno.test("readRoute() asks for one address, and reads interface, kind and MTU of the answer", () => {
  const { transport, sent } = kernel([
    route(1, (writer) => {
      writeU32(writer, 4, 7);
      writeNested(writer, 8, () => writeU32(writer, 2, 1400));
    }),
  ]);
  assert.deepEqual(readRoute(transport, SLICES, address("10.0.0.7")), { link: 7, local: false, mtu: 1400 });
  // nlmsghdr (RTM_GETROUTE, REQUEST), rtmsg (AF_INET, /32), RTA_DST.
  assert.deepEqual(sent, [
    "24000000" + "1a000100" + "01000000" + "00000000" + "0220000000000000" + "00000000" + "080001000a000007",
  ]);
});

Deno.test("readRoute() knows a local address, and that there is no route", () => {
  const own = kernel([route(2, (writer) => writeU32(writer, 4, 1))]);
  assert.deepEqual(readRoute(own.transport, SLICES, address("10.0.0.1")), {
    link: 1,
    local: true,
    mtu: undefined,
  });
  for (const errno of [ERRNO.ESRCH, 101, 113]) {
    assert.equal(readRoute(kernel([failure(errno)]).transport, SLICES, address("2001:db8::1")), undefined);
  }
  assert.throws(
    () => readRoute(kernel([failure(ERRNO.ENOBUFS)]).transport, SLICES, address("10.0.0.7")),
    /find the route/,
  );
});

Deno.test("probeForScheduler() asks for a service that cannot be, and takes it back where the kernel takes it", () => {
  const has = kernel([failure(ERRNO.EINVAL)]);
  assert.equal(probeForScheduler(has.transport, SLICES, "mh"), true);
  assert.match(has.sent[0] ?? "", /^[0-9a-f]{8}2200[0-9a-f]{4}/);
  // IPVS_SVC_ATTR_SCHED_NAME "mh", and a netmask of 0.
  assert.match(has.sent[0] ?? "", /070006006d680000/);
  assert.match(has.sent[0] ?? "", /0800090000000000$/);
  assert.equal(probeForScheduler(kernel([failure(ERRNO.ENOENT)]).transport, SLICES, "mh"), false);
  for (const errno of [ERRNO.EPERM, ERRNO.EEXIST]) {
    assert.throws(() => probeForScheduler(kernel([failure(errno)]).transport, SLICES, "mh"), NotSeenError);
  }
  const odd = kernel([failure(0), failure(0)]);
  assert.equal(probeForScheduler(odd.transport, SLICES, "mh"), true);
  const commands = odd.sent.map((hex) => hex.slice(32, 34));
  assert.deepEqual(commands, ["01", "03"], "IPVS_CMD_NEW_SERVICE, IPVS_CMD_DEL_SERVICE");
});
