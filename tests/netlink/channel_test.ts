/** Exchanges over a netlink socket that answers as it is told to. */
import assert from "node:assert/strict";
import { Writer } from "../../src/bytes/writer.ts";
import { HOST_ORDER } from "../../src/netlink/attribute.ts";
import { NetlinkChannel } from "../../src/netlink/channel.ts";
import { NLM_F, NLMSG, RTM } from "../../src/netlink/constants.ts";
import { errnoText } from "../../ffi/errno.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import {
  decodeMessages,
  encodeMessages,
  type NetlinkMessage,
  type Request,
} from "../../src/netlink/message.ts";
import { KernelError } from "../../src/netlink/transport.ts";

const request: Request = { type: RTM.GETLINK, flags: 0, payload: new Uint8Array(4) };

type Answer = Partial<NetlinkMessage>;

/** A channel whose socket puts what `answer` makes of each datagram, one datagram a row, where it can be received. */
function channel(answer: (requests: readonly NetlinkMessage[]) => readonly (readonly Answer[] | number)[]) {
  const queue: (Uint8Array | number)[] = [];
  const sent: (readonly NetlinkMessage[])[] = [];
  let errno = 0;
  const socket = {
    fd: 3,
    send(datagram: Uint8Array) {
      const requests = decodeMessages(datagram.slice());
      sent.push(requests);
      for (const row of answer(requests)) {
        queue.push(typeof row === "number" ? row : encodeMessages(row.map(whole)));
      }
      return errno;
    },
    receive: () => queue.shift() ?? ERRNO.EAGAIN,
    describe: errnoText,
    [Symbol.dispose]() {},
  };
  return {
    channel: new NetlinkChannel(socket),
    queue,
    sent,
    fail: (number: number) => void (errno = number),
  };
}

function whole(message: Answer): NetlinkMessage {
  return { type: RTM.NEWLINK, flags: 0, sequence: 1, port: 0, payload: new Uint8Array(0), ...message };
}

function result(sequence: number, errno = 0): Answer {
  return {
    type: NLMSG.ERROR,
    sequence,
    payload: new Writer(HOST_ORDER).u32(-errno >>> 0).zeros(16).finish(),
  };
}

function done(sequence: number, flags = 0, errno = 0): Answer {
  return { type: NLMSG.DONE, flags, sequence, payload: new Writer(HOST_ORDER).u32(-errno >>> 0).finish() };
}

function object(sequence: number, value: number, flags = 0): Answer {
  return { sequence, flags, payload: Uint8Array.of(value) };
}

const value = ({ payload }: NetlinkMessage) => payload[0];

Deno.test("transact() asks for the last one's acknowledgement only, and gives each request its sequence number", () => {
  const at = channel(([first]) => [[result((first?.sequence ?? 0) + 2)]]);
  const { channel: it } = at;
  assert.deepEqual(it.transact("change", [request, request, request]), [undefined, undefined, undefined]);
  assert.deepEqual(at.sent[0]?.map(({ flags }) => flags), [
    NLM_F.REQUEST,
    NLM_F.REQUEST,
    NLM_F.REQUEST | NLM_F.ACK,
  ]);
  assert.deepEqual(at.sent[0]?.map(({ sequence }) => sequence), [1, 2, 3]);
  it.transact("change", [request, request, request]);
  assert.deepEqual(at.sent[1]?.map(({ sequence }) => sequence), [4, 5, 6]);
});

Deno.test("transact() gives each request what the kernel has against it, in any number of datagrams", () => {
  const { channel: it } = channel(() => [[result(1, ERRNO.EEXIST)], [result(3, ERRNO.ESRCH), result(4)]]);
  const failures = it.transact("change", [request, request, request, request]);
  assert.deepEqual(failures.map((failure) => failure?.errno), [
    ERRNO.EEXIST,
    undefined,
    ERRNO.ESRCH,
    undefined,
  ]);
});

Deno.test("transact() ends with an error of the last request as with its acknowledgement", () => {
  const { channel: it } = channel(() => [[result(2, ERRNO.EINVAL)]]);
  assert.deepEqual(it.transact("change", [request, request]).map((failure) => failure?.errno), [
    undefined,
    ERRNO.EINVAL,
  ]);
});

Deno.test("transact() passes over answers to earlier requests, and over messages that are no answer", () => {
  const { channel: it } = channel(
    () => [[result(0, ERRNO.EBUSY), result(77, ERRNO.EBUSY)], [object(1, 5), result(1)]],
  );
  assert.deepEqual(it.transact("change", [request]), [undefined]);
});

Deno.test("transact() of nothing sends nothing", () => {
  const at = channel(() => []);
  assert.deepEqual(at.channel.transact("change", []), []);
  assert.equal(at.sent.length, 0);
});

Deno.test("an exchange forgets what an earlier one left unread", () => {
  const at = channel(([first]) => [[result(first?.sequence ?? 0)]]);
  at.queue.push(encodeMessages([whole(result(1, ERRNO.EEXIST))]), encodeMessages([whole(done(1))]));
  assert.deepEqual(at.channel.transact("change", [request]), [undefined]);
  assert.equal(at.queue.length, 0);
});

Deno.test("a missing answer is ENOBUFS with the operation's name; so is a receive buffer that overflowed", () => {
  const expected = (error: unknown) => {
    assert.ok(error instanceof KernelError);
    assert.deepEqual([error.operation, error.errno], ["list", ERRNO.ENOBUFS]);
    return true;
  };
  for (const rows of [[], [ERRNO.ENOBUFS], [[object(1, 1)]], [[object(1, 1)], ERRNO.ENOBUFS]]) {
    assert.throws(() => channel(() => rows).channel.dump("list", request, value), expected);
  }
  assert.throws(() => channel(() => []).channel.transact("list", [request]), expected);
  assert.throws(() => channel(() => []).channel.get("list", request, value), expected);
});

Deno.test("a datagram that cannot be sent is an error with its number", () => {
  const at = channel(() => []);
  at.fail(90);
  assert.throws(
    () => at.channel.transact("change IPVS", [request]),
    /change IPVS: message too long \(EMSGSIZE\)/,
  );
});

Deno.test("get() gives the one object, or throws what the kernel has against it", () => {
  assert.equal(channel(() => [[object(9, 1), object(1, 7)]]).channel.get("get", request, value), 7);
  const { channel: it } = channel(() => [[result(1, ERRNO.ENODEV)]]);
  assert.throws(() => it.get("get web", request, value), /get web: no such device \(ENODEV\)/);
});

Deno.test("dump() gives every object up to the end, without those that are not wanted", () => {
  const { channel: it } = channel(
    () => [[object(1, 1), object(1, 2)], [object(2, 9), object(1, 3)], [done(1)]],
  );
  const odd = (message: NetlinkMessage) => (value(message) ?? 0) % 2 === 1 ? value(message) : undefined;
  assert.deepEqual(it.dump("list", request, odd), [1, 3]);
});

Deno.test("dump() throws an error in place of the objects, and one at their end", () => {
  assert.throws(
    () => channel(() => [[result(1, ERRNO.ENOENT)]]).channel.dump("list", request, value),
    /list: no such file or directory \(ENOENT\)/,
  );
  assert.throws(
    () => channel(() => [[object(1, 1)], [done(1, 0, ERRNO.EPERM)]]).channel.dump("list", request, value),
    /list: operation not permitted \(EPERM\) \(needs CAP_NET_ADMIN\)/,
  );
});

Deno.test("dump() is taken again where a change interrupted it, four times at most, and half of one is no answer", () => {
  let interrupted = 2;
  const at = channel(([first]) => {
    const sequence = first?.sequence ?? 0;
    if (interrupted-- <= 0) return [[object(sequence, 1), object(sequence, 2), done(sequence)]];
    return [[object(sequence, 1, NLM_F.DUMP_INTR), done(sequence)]];
  });
  assert.deepEqual(at.channel.dump("list", request, value), [1, 2]);
  assert.equal(at.sent.length, 3);
  interrupted = Infinity;
  assert.throws(() => at.channel.dump("list", request, value), /list: interrupted by a signal.*4 attempts/);
  assert.equal(at.sent.length, 7);
});

Deno.test("KernelError says what was tried, the kernel's words, and the cure", () => {
  const rows = [
    [
      { errno: 1, words: "not permitted (EPERM)", extendedAck: undefined },
      undefined,
      "do it: not permitted (EPERM) (needs CAP_NET_ADMIN)",
    ],
    [
      { errno: 95, words: "not supported (EOPNOTSUPP)", extendedAck: "Unknown device type" },
      "modprobe dummy",
      "do it: not supported (EOPNOTSUPP): Unknown device type (modprobe dummy)",
    ],
    [{ errno: 17, words: "exists (EEXIST)", extendedAck: undefined }, undefined, "do it: exists (EEXIST)"],
    [{ errno: 250, extendedAck: undefined }, undefined, "do it: errno 250"],
    [{ errno: 0, extendedAck: "not ours" }, undefined, "do it: not ours"],
  ] as const;
  for (const [failure, hint, message] of rows) {
    assert.equal(new KernelError("do it", failure, hint).message, message);
  }
});
