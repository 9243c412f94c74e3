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
import { Slices } from "../../src/time/slices.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const request: Request = { type: RTM.GETLINK, flags: 0, payload: new Uint8Array(4) };

type Answer = Partial<NetlinkMessage>;

/** A channel whose socket puts what `answer` makes of each datagram, one datagram a row, where it can be received. */
function channel(answer: (requests: readonly NetlinkMessage[]) => readonly (readonly Answer[] | number)[]) {
  const queue: (Uint8Array | number)[] = [];
  const sent: (readonly NetlinkMessage[])[] = [];
  let errno = 0;
  let receipts = 0;
  const clock = new VirtualClock();
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
    receive: () => {
      receipts++;
      return queue.shift() ?? ERRNO.EAGAIN;
    },
    describe: errnoText,
    [Symbol.dispose]() {},
  };
  return {
    channel: new NetlinkChannel(socket, new Slices(clock)),
    clock,
    /** How often the socket was asked. */
    receipts: () => receipts,
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

Deno.test("a missing answer is ENOBUFS with the operation's name; so is a receive buffer that overflowed", async () => {
  const expected = (error: unknown) => {
    assert.ok(error instanceof KernelError);
    assert.deepEqual([error.operation, error.errno], ["list", ERRNO.ENOBUFS]);
    return true;
  };
  for (const rows of [[], [ERRNO.ENOBUFS], [[object(1, 1)]], [[object(1, 1)], ERRNO.ENOBUFS]]) {
    await assert.rejects(channel(() => rows).channel.dump("list", request, value), expected);
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

Deno.test("dump() gives every object up to the end, without those that are not wanted", async () => {
  const { channel: it } = channel(
    () => [[object(1, 1), object(1, 2)], [object(2, 9), object(1, 3)], [done(1)]],
  );
  const odd = (message: NetlinkMessage) => (value(message) ?? 0) % 2 === 1 ? value(message) : undefined;
  assert.deepEqual(await it.dump("list", request, odd), [1, 3]);
});

Deno.test("dump() throws an error in place of the objects, and one at their end", async () => {
  await assert.rejects(
    channel(() => [[result(1, ERRNO.ENOENT)]]).channel.dump("list", request, value),
    /list: no such file or directory \(ENOENT\)/,
  );
  await assert.rejects(
    channel(() => [[object(1, 1)], [done(1, 0, ERRNO.EPERM)]]).channel.dump("list", request, value),
    /list: operation not permitted \(EPERM\) \(needs CAP_NET_ADMIN\)/,
  );
});

/** Answers dumps; so many of the next ones are interrupted, and lack an object. */
function interrupted(times: number) {
  return channel(([first]) => {
    const sequence = first?.sequence ?? 0;
    if (times-- <= 0) return [[object(sequence, 1), object(sequence, 2), done(sequence)]];
    return [[object(sequence, 1, NLM_F.DUMP_INTR), done(sequence)]];
  });
}

Deno.test("dump() is taken again at once where a change interrupted it", async () => {
  const at = interrupted(3);
  assert.deepEqual(await at.channel.dump("list", request, value), [1, 2]);
  assert.equal(at.sent.length, 4);
});

Deno.test("dump() that changes keep interrupting is tried again with pauses in which others run, for two seconds (faults K2)", async () => {
  const patient = interrupted(50);
  let objects: unknown;
  void patient.channel.dump("list", request, value).then((result) => objects = result);
  await patient.clock.advance(0);
  assert.equal(patient.sent.length, 4, "then it waits");
  await patient.clock.advance(1900);
  assert.deepEqual(objects, [1, 2]);
  const hopeless = interrupted(Infinity);
  const refused = assert.rejects(
    hopeless.channel.dump("list", request, value),
    /list: interrupted by a signal.*: changes interrupted \d+ attempts/,
  );
  await hopeless.clock.advance(1900);
  assert.ok(hopeless.clock.pending > 0, "it goes on");
  await hopeless.clock.advance(200);
  await refused;
  assert.equal(hopeless.clock.pending, 0);
  assert.ok(hopeless.sent.length < 100, "and does not spin");
});

Deno.test("dump() lets the event loop run between slices of a long answer, and loses nothing (faults K13)", async () => {
  const at = channel(([first]) => {
    const sequence = first?.sequence ?? 0;
    const datagrams = Array.from({ length: 10 }, (_, index) => {
      const payload = new Uint8Array(16 << 10);
      payload[0] = index;
      return [{ ...object(sequence, index), payload }];
    });
    return [...datagrams, [done(sequence)]];
  });
  let objects: readonly unknown[] | undefined;
  // Each datagram, as large as the kernel makes them, takes 3 ms: a slice is over after two.
  const slow = (message: NetlinkMessage) => {
    at.clock.stall(3);
    return value(message);
  };
  void at.channel.dump("list", request, slow).then((result) => objects = result);
  await Promise.resolve();
  assert.equal(at.clock.pending, 1, "it waits for its next slice");
  await at.clock.advance(100);
  assert.deepEqual(objects, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("dump() lets the event loop run between many short answers, too (faults K13)", async () => {
  const at = channel(([first]) => {
    const sequence = first?.sequence ?? 0;
    return [[{ ...object(sequence, 7), payload: new Uint8Array(4 << 10) }, done(sequence)]];
  });
  let dumps = 0;
  const all = (async () => {
    for (; dumps < 100; dumps++) {
      await at.channel.dump("list", request, (message) => {
        at.clock.stall(1);
        return value(message);
      });
    }
  })();
  for (let turn = 0; turn < 500; turn++) await Promise.resolve();
  assert.ok(dumps < 20, `${dumps} dumps without a pause`);
  await at.clock.advance(1000);
  await all;
  assert.equal(dumps, 100);
});

Deno.test("an exchange asks the socket for leftovers only where there can be some", async () => {
  const at = channel(([first]) => [[done(first?.sequence ?? 0)]]);
  await at.channel.dump("list", request, value);
  assert.equal(at.receipts(), 2, "before the first one, and its answer");
  await at.channel.dump("list", request, value);
  assert.equal(at.receipts(), 3);
  const lossy = channel(([first]) => first?.sequence === 1 ? [] : [[done(first?.sequence ?? 0)]]);
  await assert.rejects(lossy.channel.dump("list", request, value));
  lossy.queue.push(encodeMessages([whole(object(1, 1))]));
  await lossy.channel.dump("list", request, value);
  assert.equal(lossy.queue.length, 0);
  assert.equal(lossy.receipts(), 5, "after a failure it is looked again");
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
