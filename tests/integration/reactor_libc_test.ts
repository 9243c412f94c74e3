/** The reactor on real descriptors: eventfds and pipes through the C library. */
import assert from "node:assert/strict";
import { ERRNO, ErrnoError, errnoText } from "../../ffi/errno.ts";
import { cString, type Libc, openLibc } from "../../ffi/libc.ts";
import { LibraryError, openLibrary } from "../../ffi/library.ts";
import { EPOLLIN, EPOLLONESHOT, EPOLLOUT, Reactor } from "../../ffi/reactor.ts";
import { withoutLeak } from "../support/descriptors.ts";
import { until } from "../support/until.ts";

const EFD_NONBLOCK = 0x800;

Deno.test("openLibrary() names the library and the Debian package of a missing one (dlopen(3))", () => {
  const missing = { soname: "libdoes-not-exist.so.7", debianPackage: "libdoes-not-exist-7" };
  assert.throws(() => openLibrary(missing, {}), (error: unknown) => {
    assert.ok(error instanceof LibraryError);
    assert.match(error.message, /cannot open libdoes-not-exist\.so\.7: .*apt install libdoes-not-exist-7/);
    return true;
  });
});

Deno.test("openLibrary() names the library of a missing symbol (dlsym(3))", () => {
  const libc = { soname: "libc.so.6", debianPackage: "libc6" };
  const symbols = { no_such_symbol: { parameters: [], result: "i32" } } as const;
  assert.throws(
    () => openLibrary(libc, symbols),
    /cannot open libc\.so\.6: .*no_such_symbol.*apt install libc6/,
  );
});

Deno.test("the errno of the first call that fails is read without opening anything, which could overwrite it", () => {
  using libc = openLibc();
  const { close } = libc.symbols;
  const dlopen = Deno.dlopen;
  Deno.dlopen = () => {
    throw new Error("opened between the call and its errno");
  };
  try {
    assert.throws(() => libc.check("close", close(987654)), { code: "EBADF" });
  } finally {
    Deno.dlopen = dlopen;
  }
});

Deno.test("Libc.check() throws the errno of the call with its name and words (errno(3))", () => {
  using libc = openLibc();
  assert.throws(() => libc.check("close 987654", libc.symbols.close(987654)), (error: unknown) => {
    assert.ok(error instanceof ErrnoError);
    assert.equal(error.errno, ERRNO.EBADF);
    assert.equal(error.code, "EBADF");
    assert.equal(error.operation, "close 987654");
    assert.equal(error.message, "close 987654: bad file descriptor (EBADF)");
    return true;
  });
  assert.equal(errnoText(4095), "errno 4095");
  assert.equal(new ErrnoError("x", 4095).message, "x: errno 4095");
  assert.throws(() => cString("a\0b"), TypeError);
});

Deno.test("Reactor calls back when a descriptor is readable and again until it is read (epoll(7))", async () => {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  using event = eventfd(libc);
  const calls: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  using _registration = reactor.add(event.fd, EPOLLIN, (events) => {
    calls.push(events);
    if (calls.length < 3) return;
    assert.equal(event.take(), 5n);
    resolve();
  });
  event.put(5n);
  await promise;
  assert.ok(reactor.running);
  assert.deepEqual(calls, [EPOLLIN, EPOLLIN, EPOLLIN]);
});

Deno.test("Reactor calls a one-shot registration once until it is modified (epoll_ctl(2))", async () => {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  using shot = eventfd(libc);
  using pulse = eventfd(libc);
  let shots = 0;
  using registration = reactor.add(shot.fd, EPOLLOUT | EPOLLONESHOT, () => void shots++);
  await rounds(reactor, pulse, 5);
  assert.equal(shots, 1);
  registration.modify(EPOLLOUT | EPOLLONESHOT);
  await rounds(reactor, pulse, 5);
  assert.equal(shots, 2);
});

Deno.test("Reactor goes idle without registrations and starts again with the next one (design: reactor)", async () => {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  using event = eventfd(libc);
  for (let turn = 0; turn < 20; turn++) {
    await rounds(reactor, event, 2);
    assert.equal(reactor.size, 0);
    if (turn % 2 === 0) await until(() => !reactor.running, () => "the thread stays");
  }
});

Deno.test("Reactor does not give an event to the successor of a closed descriptor number (epoll(7) Q6)", async () => {
  using libc = openLibc();
  await using reactor = new Reactor(libc);
  const { promise, resolve } = Promise.withResolvers<void>();
  using trigger = eventfd(libc);
  const events = [eventfd(libc), eventfd(libc)];
  const seen: string[] = [];
  const left: Disposable[] = [];
  const registrations = events.map((event, index) =>
    reactor.add(event.fd, EPOLLIN, () => {
      seen.push(`event ${index}`);
      // Both are ready in this batch. Whichever is called first replaces the other one's descriptor.
      const other = events[1 - index];
      registrations.forEach((registration) => registration[Symbol.dispose]());
      other?.[Symbol.dispose]();
      const successor = eventfd(libc);
      assert.equal(successor.fd, other?.fd);
      left.push(successor, reactor.add(successor.fd, EPOLLIN, () => void seen.push("successor")));
      resolve();
    })
  );
  using _trigger = reactor.add(trigger.fd, EPOLLIN, () => {
    trigger.take();
    events.forEach((event) => event.put(1n));
  });
  trigger.put(1n);
  await promise;
  using pulse = eventfd(libc);
  await rounds(reactor, pulse, 3);
  assert.equal(seen.length, 1);
  assert.match(seen.join(), /^event [01]$/);
  left.reverse().concat(events).forEach((item) => item[Symbol.dispose]());
});

Deno.test("Reactor hands an exception of a callback over and goes on (design: failure is state)", async () => {
  using libc = openLibc();
  const errors: unknown[] = [];
  await using reactor = new Reactor(libc, { onError: (error) => errors.push(error) });
  using broken = eventfd(libc);
  using pulse = eventfd(libc);
  broken.put(1n);
  using _registration = reactor.add(broken.fd, EPOLLIN | EPOLLONESHOT, () => {
    throw new RangeError("boom");
  });
  await rounds(reactor, pulse, 3);
  assert.deepEqual(errors.map(String), ["RangeError: boom"]);
});

Deno.test("Reactor.add() refuses a descriptor twice, a closed one, and anything after close (epoll_ctl(2))", async () => {
  using libc = openLibc();
  const reactor = new Reactor(libc);
  using event = eventfd(libc);
  const registration = reactor.add(event.fd, EPOLLIN, () => {});
  assert.throws(() => reactor.add(event.fd, EPOLLIN, () => {}), { code: "EEXIST" });
  assert.throws(() => reactor.add(987654, EPOLLIN, () => {}), { code: "EBADF" });
  registration[Symbol.dispose]();
  registration[Symbol.dispose]();
  assert.throws(() => registration.modify(EPOLLIN), /disposed/);
  await reactor.close();
  await reactor.close();
  assert.throws(() => reactor.add(event.fd, EPOLLIN, () => {}), /closed/);
});

Deno.test("Reactor.close() with registrations resolves and leaves no descriptor behind (design: reactor)", async () => {
  using libc = openLibc();
  await withoutLeak(async () => {
    for (let turn = 0; turn < 50; turn++) {
      const reactor = new Reactor(libc);
      using event = eventfd(libc);
      reactor.add(event.fd, EPOLLIN, () => {});
      await reactor.close();
    }
  });
});

/** An eventfd that is closed once. */
function eventfd(libc: Libc) {
  const fd = libc.check("eventfd", libc.symbols.eventfd(0, EFD_NONBLOCK));
  let open = true;
  return {
    fd,
    put(value: bigint) {
      libc.check("write", libc.symbols.write(fd, new Uint8Array(new BigUint64Array([value]).buffer), 8n));
    },
    take(): bigint {
      const value = new BigUint64Array(1);
      libc.check("read", libc.symbols.read(fd, new Uint8Array(value.buffer), 8n));
      return value[0] ?? 0n;
    },
    [Symbol.dispose]() {
      if (open) libc.check("close", libc.symbols.close(fd));
      open = false;
    },
  };
}

/** Waits until the reactor has been round `count` times. */
async function rounds(reactor: Reactor, pulse: ReturnType<typeof eventfd>, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  pulse.put(1n);
  using _registration = reactor.add(pulse.fd, EPOLLIN, () => {
    if (--left > 0) return;
    pulse.take();
    resolve();
  });
  await promise;
}
