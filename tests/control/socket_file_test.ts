// Who may have the control socket, on files and streams in memory.
import assert from "node:assert/strict";
import { ControlSocketInUseError, openControlSocket } from "../../src/control/socket_file.ts";
import type { FileFacts } from "../../src/control/socket_files.ts";
import type { ListenerEvents } from "../../src/net/sockets.ts";
import { kernelError } from "../support/memory_streams.ts";
import { sidePorts } from "../support/side_ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const PATH = "/run/bgp-lb/control.sock";
const events: ListenerEvents = { connection() {}, fault() {} };

class World {
  readonly clock = new VirtualClock();
  readonly side = sidePorts();
  readonly files = this.side.socketFiles;
  readonly streams = this.side.streams;

  async open(path = PATH, group?: string) {
    const opening = openControlSocket({ path, group }, events, {
      clock: this.clock,
      files: this.files,
      streams: this.streams,
    });
    // Who fails while time passes is heard of below.
    opening.catch(() => {});
    await this.clock.advance(10_000);
    return await opening;
  }

  /** Somebody listens at PATH and answers every connection with `answer`; undefined: with nothing at all. */
  foreigner(answer: string | undefined): void {
    this.files.put(PATH, { kind: "socket" });
    this.streams.listeners.set(PATH, {
      fault() {},
      async connection(socket) {
        await socket.read();
        if (answer === undefined) return;
        await socket.write(new TextEncoder().encode(answer));
        await socket.end(0);
      },
    });
  }
}

const json = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

Deno.test("openControlSocket() makes the folder, listens, sees what happens to its file, and removes it at the end", async () => {
  const world = new World();
  const socket = await world.open();
  assert.equal(world.files.look("/run/bgp-lb")?.mode, 0o700);
  assert.equal(world.files.look(PATH)?.kind, "socket");
  assert.equal(world.files.locked.size, 0, "the lock is for the start alone");
  assert.equal(socket.problem(), undefined);
  socket[Symbol.dispose]();
  assert.equal(world.files.look(PATH), undefined);
  assert.equal(world.streams.listeners.size, 0);
});

Deno.test("openControlSocket(): a file that was removed or replaced is a problem, and what replaced it stays (faults.md S10)", async () => {
  const world = new World();
  const socket = await world.open();
  world.files.remove(PATH);
  assert.equal(socket.problem(), "the socket was removed");
  world.files.put(PATH, { kind: "socket" });
  assert.equal(socket.problem(), "something else is in the socket's place");
  socket[Symbol.dispose]();
  assert.ok(world.files.look(PATH), "it is not ours to remove");
});

Deno.test("openControlSocket() takes over a socket that nobody listens on, and only a live agent keeps it from that (faults.md S9)", async () => {
  const stale = new World();
  stale.files.put(PATH, { kind: "socket" });
  const left = stale.files.look(PATH)?.identity;
  const socket = await stale.open();
  assert.notEqual(stale.files.look(PATH)?.identity, left);
  socket[Symbol.dispose]();

  const rows = [
    [
      json('{"agent":"bgp-lb","version":"1.2.3","pid":7}'),
      /another agent \(version 1\.2\.3, process 7\) answers at/,
    ],
    [json('{"agent":"bgp-lb","version":"\\u001b[2J","pid":"x"}'), /another agent answers at/],
    [
      "HTTP/1.1 404 Not Found\r\nContent-Length: 27\r\n\r\nthis agent has no view agent",
      /another agent answers at/,
    ],
  ] as const;
  for (const [answer, words] of rows) {
    const world = new World();
    world.foreigner(answer);
    await assert.rejects(
      world.open(),
      (error) => error instanceof ControlSocketInUseError && words.test(error.message),
    );
  }
  const others = [
    [json('{"agent":"nginx"}'), /no agent listens there/],
    [json("<html>"), /no agent listens there/],
    [json("null"), /no agent listens there/],
    ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", /no agent listens there/],
    ["SSH-2.0-OpenSSH_9\r\n", /no agent listens there/],
    ["", /no agent listens there/],
    [undefined, /does not answer, and stays/],
  ] as const;
  for (const [answer, words] of others) {
    const world = new World();
    world.foreigner(answer);
    const before = world.files.look(PATH);
    await assert.rejects(
      world.open(),
      (error) =>
        error instanceof Error && !(error instanceof ControlSocketInUseError) && words.test(error.message),
    );
    assert.deepEqual(world.files.look(PATH), before);
    assert.equal(world.clock.pending, 0);
  }
});

Deno.test("openControlSocket() does not remove what came in the place of a stale socket while it asked", async () => {
  const world = new World();
  world.files.put(PATH, { kind: "socket" });
  world.streams.connect = () => {
    world.files.put(PATH, { kind: "socket" });
    world.streams.faults.set(PATH, kernelError("EEXIST"));
    return Promise.reject(kernelError("ECONNREFUSED"));
  };
  await assert.rejects(world.open(), /in this very moment/);
  assert.ok(world.files.look(PATH));
});

Deno.test("openControlSocket() leaves what is no socket, and what others own or could change, and says what it is (faults.md S11)", async () => {
  const rows: [string, Partial<FileFacts>, RegExp][] = [
    [PATH, { kind: "other" }, /not a socket, and stays/],
    [PATH, { kind: "folder" }, /not a socket, and stays/],
    [PATH, { kind: "link" }, /symbolic link, which is not followed/],
    [PATH, { kind: "socket", owner: 1000 }, /belongs to another user \(1000\), and stays/],
    [
      "/run/bgp-lb",
      { kind: "folder", owner: 1000, mode: 0o755 },
      /\/run\/bgp-lb belongs to another user \(1000\)/,
    ],
    ["/run/bgp-lb", { kind: "folder", mode: 0o777 }, /everybody may write to \/run\/bgp-lb/],
    ["/run", { kind: "folder", owner: 1000, mode: 0o755 }, /\/run belongs to another user/],
  ];
  for (const [path, facts, words] of rows) {
    const world = new World();
    if (path === PATH) world.files.makeFolder("/run/bgp-lb");
    world.files.put(path, facts);
    await assert.rejects(world.open(), words);
    assert.deepEqual({ ...world.files.look(path), ...facts }, world.files.look(path));
  }
  const shared = new World();
  shared.files.put("/run/bgp-lb", { kind: "folder", mode: 0o1777 });
  (await shared.open())[Symbol.dispose]();
  const own = new World();
  own.files.user = 1000;
  own.files.put("/run/bgp-lb", { kind: "folder", owner: 1000, mode: 0o700 });
  own.files.put(PATH, { kind: "socket", owner: 1000 });
  (await own.open())[Symbol.dispose]();
});

Deno.test("openControlSocket() is not stopped by a lock that somebody else holds for ever (faults.md S9)", async () => {
  const world = new World();
  world.files.makeFolder("/run/bgp-lb");
  using _held = world.files.lock("/run/bgp-lb");
  const socket = await world.open();
  assert.equal(socket.problem(), undefined);
  socket[Symbol.dispose]();
});

Deno.test("openControlSocket() gives the kernel's errors in words", async () => {
  const rows = [
    ["EACCES", /may not write to \/run\/bgp-lb/],
    ["EROFS", /read only/],
    ["ENOSPC", /is full/],
    ["EEXIST", /in this very moment/],
    ["EIO", /EIO/],
  ] as const;
  for (const [code, words] of rows) {
    const world = new World();
    world.streams.faults.set(PATH, kernelError(code));
    await assert.rejects(world.open(), words);
  }
});

Deno.test("openControlSocket() gives socket and folder to control.group, in a folder that it alone has until then", async () => {
  const rows: [string, number][] = [["ops", 42], ["42", 42], ["root", 0], ["4294967295", 4_294_967_295]];
  for (const [group, number] of rows) {
    const world = new World();
    const modes: unknown[] = [];
    world.streams.bind = (path) => {
      world.files.put(path, { kind: "socket" });
      modes.push([path, world.files.look("/run/bgp-lb/.0")?.mode]);
    };
    const socket = await world.open(PATH, group);
    assert.deepEqual(modes, [["/run/bgp-lb/.0/s", 0o700]]);
    const { mode, group: owner } = world.files.look(PATH) ?? {};
    assert.deepEqual([mode, owner], [0o660, number]);
    const folder = world.files.look("/run/bgp-lb");
    assert.deepEqual([folder?.mode, folder?.group], [0o750, number]);
    assert.deepEqual(world.files.list("/run/bgp-lb"), ["control.sock"]);
    assert.equal(socket.problem(), undefined);
    socket[Symbol.dispose]();
    assert.deepEqual([world.files.look(PATH), world.streams.listeners.size], [undefined, 0]);
  }
});

Deno.test("openControlSocket() is for its owner alone where control.group cannot be had, says why with the cure, and is opened anew when it can", async () => {
  const rows: [string, (world: World) => void, RegExp][] = [
    ["wheel", () => {}, /control\.group: there is no group wheel in \/etc\/group; make it \(groupadd/],
    ["op", () => {}, /there is no group op in/],
    ["ops", ({ files }) => void (files.groupFile = "ops:x:\n:::\nops\n"), /there is no group ops/],
    ["ops", ({ files }) => {
      files.groups = () => {
        throw new Error("/etc/group may not be read by this user: give the group by its number");
      };
    }, /\/etc\/group may not be read/],
    [
      "ops",
      ({ files }) => {
        files.put("/run/bgp-lb", { kind: "folder", mode: 0o700 });
        files.put("/run/bgp-lb/other", {});
      },
      /members of group 42 cannot reach the socket, as \/run\/bgp-lb \(mode 0700\).*chmod o\+x \/run\/bgp-lb/,
    ],
    ["ops", ({ files }) => {
      files.put("/run", { kind: "folder", mode: 0o750 });
    }, /as \/run \(mode 0750\) does not let them through/],
    ["ops", ({ files }) => {
      files.put("/run/bgp-lb", { kind: "folder", mode: 0o770, group: 42 });
    }, /a group may write to \/run\/bgp-lb \(mode 0770\), and could put .*chmod g-w/],
    ["ops", ({ files }) => {
      files.user = 1000;
      files.put("/run/bgp-lb", { kind: "folder", mode: 0o755, owner: 1000 });
    }, /may not give \/run\/bgp-lb\/\.0\/s to group 42: it needs CAP_CHOWN, or .*SupplementaryGroups=42/],
  ];
  for (const [group, prepare, words] of rows) {
    const world = new World();
    prepare(world);
    const socket = await world.open(PATH, group);
    assert.match(socket.shortfall ?? "", words);
    assert.match(socket.shortfall ?? "", /; until then its owner alone can use the socket$/);
    const { mode, group: owner } = world.files.look(PATH) ?? {};
    assert.deepEqual([mode, owner], [0o600, 0]);
    assert.equal(world.files.look("/run/bgp-lb/.0"), undefined);
    assert.equal(socket.problem(), undefined);
    socket[Symbol.dispose]();
    assert.deepEqual([world.files.look(PATH), world.streams.listeners.size, world.clock.pending], [
      undefined,
      0,
      0,
    ]);
  }
  // Others may pass, or the group may: then the folder stays as it is, whatever else is in it.
  for (const facts of [{ mode: 0o711 }, { mode: 0o710, group: 42 }]) {
    const world = new World();
    world.files.put("/run/bgp-lb", { kind: "folder", ...facts });
    world.files.put("/run/bgp-lb/other", {});
    (await world.open(PATH, "ops"))[Symbol.dispose]();
    assert.equal(world.files.look("/run/bgp-lb")?.mode, facts.mode);
  }
});

Deno.test("openControlSocket() sees that a group is there now, but not what only another process may do; a path that is taken stays an error", async () => {
  const world = new World();
  const socket = await world.open(PATH, "wheel");
  assert.equal(socket.problem(), undefined);
  world.files.groupFile += "wheel:x:10:\n";
  assert.match(socket.problem() ?? "", /opened anew, as control\.group can be had now/);
  socket[Symbol.dispose]();
  const again = await world.open(PATH, "wheel");
  assert.deepEqual([again.shortfall, again.problem(), world.files.look(PATH)?.mode], [
    undefined,
    undefined,
    0o660,
  ]);
  again[Symbol.dispose]();

  const taken = new World();
  taken.files.makeFolder("/run/bgp-lb");
  taken.streams.bind = (path) => {
    taken.files.put(path, { kind: "socket" });
    taken.files.put(PATH, { kind: "socket" });
  };
  await assert.rejects(taken.open(PATH, "ops"), /in this very moment/);
  assert.equal(taken.files.look("/run/bgp-lb/.0"), undefined);
  assert.equal(taken.streams.listeners.size, 0);
});
