/** What wakes the reactor and what does not hold it up: SIGIO, its loss, kinds without it, faults, floods, every order of closing. */
import assert from "node:assert/strict";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { EPOLLET, EPOLLIN, Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { withoutLeak } from "../support/descriptors.ts";
import { type Floor, socketPair, withFloor } from "../support/ffi.ts";
import { until } from "../support/until.ts";

const F_GETFL = 3;
const F_SETFL = 4;
const O_ASYNC = 0x2000;
const NETLINK_ROUTE = 0;
const ONE = Uint8Array.of(1);
/** How often one is heard while another rests. */
const ROUNDS = 50;
/** Of the 5 ms that callbacks may take before others have their turn. */
const WORK_MS = 3;

Deno.test("Reactor has the kernel signal for a descriptor exactly while it is registered (fcntl(2))", () =>
  withFloor(({ libc, reactor }) => {
    using pair = socketPair(libc);
    const isAsync = () => (libc.symbols.fcntl(pair[0], F_GETFL, 0) & O_ASYNC) !== 0;
    assert.equal(isAsync(), false);
    const registration = reactor.add(pair[0], EPOLLIN, () => {});
    assert.equal(isAsync(), true);
    registration[Symbol.dispose]();
    assert.equal(isAsync(), false);
  }));

Deno.test("Reactor hears of a descriptor whose signal was lost (design: SIGIO is a hint)", () =>
  withFloor(async ({ libc, reactor }) => {
    using pair = socketPair(libc);
    let calls = 0;
    using _registration = reactor.add(pair[0], EPOLLIN | EPOLLET, () => void calls++);
    await turn();
    libc.symbols.fcntl(pair[0], F_SETFL, libc.symbols.fcntl(pair[0], F_GETFL, 0) & ~O_ASYNC);
    libc.check("write", libc.symbols.write(pair[1], ONE, 1n));
    await until(() => calls === 1);
  }));

Deno.test("Reactor hears what was ready before it was registered or modified (epoll(7))", () =>
  withFloor(async ({ libc, reactor }) => {
    using pair = socketPair(libc);
    libc.check("write", libc.symbols.write(pair[1], ONE, 1n));
    let calls = 0;
    using registration = reactor.add(pair[0], EPOLLIN | EPOLLET, () => void calls++);
    assert.equal(calls, 0, "not out of add()");
    // At once, and not at the slow look.
    await turn();
    assert.equal(calls, 1);
    registration.modify(EPOLLIN | EPOLLET);
    assert.equal(calls, 1, "not out of modify()");
    await turn();
    assert.equal(calls, 2);
  }));

Deno.test("Reactor lets a callback that throws rest, calls the others, and comes back to it (S17)", () =>
  withFloor(async ({ libc, reactor, errors }) => {
    using broken = socketPair(libc);
    using sound = socketPair(libc);
    let healed = false;
    let heard = 0;
    using _broken = reactor.add(broken[0], EPOLLIN, () => {
      if (!healed) throw new RangeError("boom");
      libc.symbols.read(broken[0], new Uint8Array(8), 8n);
      heard++;
    });
    using _sound = reactor.add(sound[0], EPOLLIN, () => {
      libc.symbols.read(sound[0], new Uint8Array(8), 8n);
      heard++;
    });
    libc.symbols.write(broken[1], ONE, 1n);
    await until(() => errors.length === 1);
    for (let turn = 1; turn <= ROUNDS; turn++) {
      libc.symbols.write(sound[1], ONE, 1n);
      await until(() => heard === turn);
    }
    // Without a rest each round would call it; how many a second has is this machine's business.
    assert.ok(errors.length < ROUNDS / 2, `${errors.length} calls in ${ROUNDS} rounds: it does not rest`);
    assert.ok(errors.every((error) => String(error) === "RangeError: boom"), errors.join());
    healed = true;
    await until(() => heard === ROUNDS + 1);
  }));

Deno.test("Reactor.add() that fails half way leaves nothing behind: the next one is taken (S17)", () =>
  withoutLeak(async () => {
    using libc = openLibc();
    let broken = true;
    const fcntl: Libc["symbols"]["fcntl"] = (...args) => {
      if (broken) throw new RangeError("boom");
      return libc.symbols.fcntl(...args);
    };
    const symbols = Object.create(libc.symbols, { fcntl: { value: fcntl } });
    await using reactor = new Reactor(Object.create(libc, { symbols: { value: symbols } }));
    using pair = socketPair(libc);
    assert.throws(() => reactor.add(pair[0], EPOLLIN, () => {}), /boom/);
    assert.equal(reactor.size, 0);
    broken = false;
    let calls = 0;
    using _registration = reactor.add(pair[0], EPOLLIN | EPOLLET, () => void calls++);
    libc.symbols.write(pair[1], ONE, 1n);
    await until(() => calls > 0);
  }));

Deno.test("Reactor outlives an onError that throws itself (S17)", () =>
  withoutLeak(async () => {
    const reported: unknown[] = [];
    const onReport = (event: ErrorEvent) => {
      event.preventDefault();
      reported.push(event.error);
    };
    addEventListener("error", onReport);
    try {
      using libc = openLibc();
      await using reactor = new Reactor(libc, {
        onError() {
          throw new RangeError("worse");
        },
      });
      using pair = socketPair(libc);
      let calls = 0;
      using registration = reactor.add(pair[0], EPOLLIN | EPOLLET, () => {
        if (calls++ === 0) throw new Error("boom");
      });
      libc.symbols.write(pair[1], ONE, 1n);
      await until(() => reported.length === 1);
      assert.equal(String(reported[0]), "RangeError: worse");
      registration.modify(EPOLLIN | EPOLLET);
      await until(() => calls === 2);
    } finally {
      removeEventListener("error", onReport);
    }
  }));

Deno.test("Reactor gives timers their turn while a descriptor is ready for ever (design: one event loop)", () =>
  withFloor(async ({ libc, reactor }) => {
    using pair = socketPair(libc);
    libc.symbols.write(pair[1], ONE, 1n);
    let calls = 0;
    using _endless = reactor.add(pair[0], EPOLLIN, () => void calls++);
    for (let round = 0; round < 5; round++) {
      const before = calls;
      await turn();
      await until(() => calls > before);
    }
  }));

/** What keeps a reactor busy with `work` for ever: a descriptor that stays ready, a reader that reads on out of turn. */
const BUSY: Readonly<Record<string, (floor: Floor, fd: number, work: () => void) => void>> = {
  ready: ({ reactor }, fd, work) => void reactor.add(fd, EPOLLIN, work),
  deferred({ reactor }, _fd, work) {
    const again = async () => {
      work();
      for (let awaits = 0; awaits < 10; awaits++) await undefined;
      reactor.defer(again);
    };
    reactor.defer(again);
  },
};

for (const [name, keepBusy] of Object.entries(BUSY)) {
  Deno.test(`Reactor gives the runtime's own sockets their turn while it is busy: ${name} (issue 6 B)`, () =>
    withFloor(async (floor) => {
      using pair = socketPair(floor.libc);
      floor.libc.symbols.write(pair[1], ONE, 1n);
      let turns = 0;
      keepBusy(floor, pair[0], () => {
        turns++;
        for (const since = performance.now(); performance.now() - since < WORK_MS;);
      });
      await until(() => turns > 0);
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      const [client, server] = await Promise.all([
        Deno.connect({ hostname: "127.0.0.1", port }),
        listener.accept(),
      ]);
      using _client = client;
      using _server = server;
      await client.write(ONE);
      await server.read(new Uint8Array(1));
      // After immediates alone the runtime would have asked for its sockets in every 61st turn.
      assert.ok(turns < 30, `${turns} turns`);
      await floor.reactor.close();
    }));
}

Deno.test("Reactor.defer() calls back later, in order, and gives timers their turn (design: one event loop)", () =>
  withFloor(async ({ reactor }) => {
    const order: string[] = [];
    reactor.defer(() => order.push("first"));
    reactor.defer(() => {
      order.push("second");
      reactor.defer(() => order.push("third"));
    });
    await Promise.resolve();
    assert.deepEqual(order, []);
    await until(() => order.length === 3);
    assert.deepEqual(order, ["first", "second", "third"]);
    let rounds = 0;
    let open = true;
    const again = () => {
      rounds++;
      if (open) reactor.defer(again);
    };
    reactor.defer(again);
    await until(() => rounds > 100);
    open = false;
  }));

Deno.test("Reactor ends what stands on it when it is closed first, once (S22)", () =>
  withoutLeak(async () => {
    using libc = openLibc();
    const reactor = new Reactor(libc);
    using pair = socketPair(libc);
    const told: string[] = [];
    reactor.add(pair[0], EPOLLIN, () => told.push("ready"), () => told.push("closed"));
    const disposed = reactor.add(pair[1], EPOLLIN, () => {}, () => told.push("not this one"));
    disposed[Symbol.dispose]();
    reactor.defer(() => told.push("deferred"));
    libc.symbols.write(pair[1], ONE, 1n);
    await Promise.all([reactor.close(), reactor.close()]);
    await turn();
    assert.deepEqual(told, ["closed"]);
  }));

Deno.test("Reactor.close() from a callback calls no other one (S22)", () =>
  withoutLeak(async () => {
    using libc = openLibc();
    const reactor = new Reactor(libc);
    using pair = socketPair(libc);
    using other = socketPair(libc);
    const told: string[] = [];
    for (const [name, [end]] of [["a", pair], ["b", other]] as const) {
      reactor.add(end, EPOLLIN, () => {
        told.push(name);
        reactor.close();
      });
    }
    for (const [, end] of [pair, other]) libc.symbols.write(end, ONE, 1n);
    await until(() => told.length > 0);
    await reactor.close();
    assert.equal(told.length, 1);
  }));

Deno.test("Libc, libnl and what stands on them throw plain errors once closed, in every order (S22)", async () => {
  await withoutLeak(async () => {
    for (const order of permutations(["libc", "libnl", "reactor", "stream", "netlink"])) {
      const libc = openLibc();
      const libnl = openLibnl(libc);
      const reactor = new Reactor(libc);
      const sockets = new Sockets(libc, reactor);
      const stream = sockets.tcp(4).stream({ local: undefined, remote: undefined });
      const netlink = libnl.open(NETLINK_ROUTE, []);
      reactor.add(netlink.fd, EPOLLIN, () => {});
      const parts: Record<string, () => void | Promise<void>> = {
        libc: () => libc[Symbol.dispose](),
        libnl: () => libnl[Symbol.dispose](),
        reactor: () => reactor.close(),
        stream: () => stream[Symbol.dispose](),
        netlink: () => netlink[Symbol.dispose](),
      };
      const closed = new Set<string>();
      for (const name of order) {
        // What libc cannot close any more is closed by the others before: the test must not leak.
        if (name === "libc") {
          for (const part of ["stream", "netlink", "libnl", "reactor"]) await parts[part]?.();
        }
        await parts[name]?.();
        await parts[name]?.();
        closed.add(name);
        if (name === "libc") ["stream", "netlink", "libnl", "reactor"].forEach((part) => closed.add(part));
        if (closed.has("libc")) {
          assert.throws(() => libc.symbols, /the C library is closed/);
          assert.throws(() => libc.errno(), /the C library is closed/);
          assert.throws(() => sockets.tcp(4), /the C library is closed/);
        }
        if (closed.has("libnl")) {
          assert.throws(() => libnl.open(NETLINK_ROUTE, []), /closed/);
          assert.throws(() => libnl.resolveFamily("nlctrl"), /closed/);
        }
        if (closed.has("reactor")) assert.throws(() => reactor.add(0, EPOLLIN, () => {}), /closed/);
        if (closed.has("netlink") || closed.has("libnl")) assert.equal(netlink.receive(), 9, "EBADF");
        if (closed.has("stream")) {
          assert.equal(await stream.read(), undefined);
          await assert.rejects(stream.write(ONE), /closed/);
          await stream.end(1000);
        }
      }
    }
  });
});

Deno.test("Libc that is closed under a reactor and a stream crashes nothing (S22)", () =>
  withoutLeak(async () => {
    using rescue = openLibc();
    const before = openDescriptors(rescue);
    const libc = openLibc();
    const reactor = new Reactor(libc);
    const stream = new Sockets(libc, reactor).tcp(4).stream({ local: undefined, remote: undefined });
    const pending = stream.read();
    reactor.defer(() => {});
    libc[Symbol.dispose]();
    await assert.rejects(stream.write(ONE), /closed/);
    assert.equal(await stream.end(1000), undefined);
    await turn();
    await reactor.close();
    assert.equal(await pending, undefined);
    stream[Symbol.dispose]();
    // A library that is closed closes nothing more: the test does.
    for (const fd of openDescriptors(rescue)) if (!before.includes(fd)) rescue.close(fd);
  }));

/** A turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function openDescriptors(libc: Libc): readonly number[] {
  const F_GETFD = 1;
  return Array.from({ length: 256 }, (_, fd) => fd).filter((fd) => libc.symbols.fcntl(fd, F_GETFD, 0) >= 0);
}

function* permutations(items: readonly string[]): Iterable<readonly string[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest];
  }
}
