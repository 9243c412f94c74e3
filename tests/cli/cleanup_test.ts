// `bgp-lb cleanup`: shows what an agent has left, removes it with --yes, and touches nothing where an agent may run.
import assert from "node:assert/strict";
import { cleanup, type CleanupArguments } from "../../src/cli/cleanup.ts";
import type { Found } from "../../src/control/client.ts";
import { Reconciler } from "../../src/kernel/reconciler.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { PLAIN as PLAIN_TEXT } from "../../src/text/style.ts";
import { encodePlaces } from "../../src/kernel/owned_places.ts";
import { SoleAgent } from "../../src/agent/sole_agent.ts";
import { EventStream } from "../../src/events/stream.ts";
import { MINIMAL } from "../config/text.ts";
import { address } from "../support/bgp.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { kernelError, MemoryStreams } from "../support/memory_streams.ts";
import { PatientClock } from "../support/patient_clock.ts";
import { BY_ADDRESS, NONE, PLAIN } from "../support/kernel_objects.ts";
import { filePorts } from "./files.ts";

const AGENT: Found = { type: "agent", agent: { version: "1", pid: 7 } };
const OFF = `control: {socket: ""}\n${MINIMAL}`;

/** What an earlier run with this much configured would have made. */
function leftBy(names: readonly string[], service?: string): DesiredKernel {
  const on = service ?? "10.99.0.1";
  return {
    ...NONE,
    interfaces: names.map((name) => ({ name, service: name, addresses: [address("10.99.0.1")] })),
    virtualServices: service === undefined && names.length === 0 ? [] : [{
      ...BY_ADDRESS,
      protocol: "tcp",
      address: address(on),
      port: 80,
      scheduler: "rr",
      flags: 0,
      timeoutSeconds: 0,
      netmask: 32,
      destinations: [{ address: address("10.0.0.1"), port: 8080, weight: 1, forwarding: "masq", ...PLAIN }],
    }],
    ownedAddresses: [address(on)],
  };
}

interface World {
  readonly left?: DesiredKernel;
  readonly found?: Found | Error | ((path: string) => Found);
  readonly files?: Readonly<Record<string, string>>;
  readonly prepare?: (kernel: FakeKernel) => void;
  /** Of the disk, by path. */
  readonly kept?: Map<string, Uint8Array>;
  readonly streams?: MemoryStreams;
}

/** What the command did in a world. */
async function run(args: Partial<CleanupArguments>, world: World = {}) {
  // What is tried again is tried after half a second.
  const clock = new PatientClock(50);
  await using _clock = clock;
  const kernel = new FakeKernel();
  const kept = world.kept ?? new Map();
  const reconciler = new Reconciler({ kernel, clock, onReport: () => {}, onFault: assert.fail });
  await reconciler.want(world.left ?? NONE);
  await reconciler.dispose();
  kernel.made.splice(0);
  world.prepare?.(kernel);
  const files = filePorts(world.files ?? { "a.yaml": MINIMAL });
  const asked: string[] = [];
  const status = await cleanup({ file: undefined, yes: false, json: false, socket: undefined, ...args }, {
    ...files,
    style: PLAIN_TEXT,
    findAgent(path) {
      asked.push(path);
      const { found = { type: "nobody" } } = world;
      if (found instanceof Error) return Promise.reject(found);
      return Promise.resolve(typeof found === "function" ? found(path) : found);
    },
    withHost: (use) =>
      use({
        kernel,
        clock,
        streams: world.streams ?? new MemoryStreams(),
        user: 0,
        files: {
          read: (path) => Promise.resolve(kept.get(path)),
          replace: (path, octets) => Promise.resolve(void kept.set(path, octets)),
          setAside: (path) => Promise.resolve(void kept.delete(path)),
        },
      }),
  });
  return { status, kernel, asked, out: files.out.join(""), err: files.err.join("") };
}

Deno.test("cleanup() of a kernel with nothing of ours says so, with --yes too", async () => {
  for (const yes of [false, true]) {
    const { status, out, err, kernel } = await run({ yes });
    assert.deepEqual([status, out, err], [0, "Nothing of bgp-lb is in the kernel.\n", ""]);
    assert.deepEqual(kernel.made, []);
    assert.equal((await run({ yes, json: true })).out, '{\n  "found": []\n}\n');
  }
});

Deno.test("cleanup() shows our interfaces and the virtual services on them, and changes nothing", async () => {
  const { status, out, kernel } = await run({}, {
    left: leftBy(["web"]),
    prepare: (kernel) => void (kernel.activeConnections = 3),
  });
  assert.equal(status, 0);
  assert.equal(
    out,
    "2 objects of bgp-lb in the kernel, and no agent runs:\n" +
      "  interface web: 10.99.0.1/32\n" +
      "  virtual service tcp 10.99.0.1:80: 1 destination, 3 active connections\n" +
      "Nothing was changed. bgp-lb cleanup --yes removes this.\n",
  );
  assert.deepEqual(kernel.made, []);
});

Deno.test("cleanup() with --yes removes them, and tells what went", async () => {
  const { status, out, kernel } = await run({ yes: true }, { left: leftBy(["web"]) });
  assert.equal(status, 0, out);
  assert.deepEqual([kernel.interfaces, kernel.services], [[], []]);
  assert.equal(
    out,
    "removed  interface web: 10.99.0.1/32\nremoved  virtual service tcp 10.99.0.1:80: 1 destination\n",
  );
});

Deno.test("cleanup() leaves a virtual service of no address of ours, unless the file configures it", async () => {
  const left = leftBy([], "10.99.0.1");
  const without = await run({ yes: true }, { left });
  assert.equal(without.out, "Nothing of bgp-lb is in the kernel.\n");
  assert.equal(without.kernel.services.length, 1);
  const text = MINIMAL.replace("addresses:", "ports: [{port: 80, targetPort: 8080}], addresses:");
  const withFile = await run({ yes: true, file: "a.yaml" }, { left, files: { "a.yaml": text } });
  assert.equal(withFile.status, 0, withFile.out + withFile.err);
  assert.deepEqual(withFile.kernel.services, []);
});

Deno.test("cleanup() with a file that leaves IPVS alone leaves IPVS alone", async () => {
  const files = { "a.yaml": `network: {ipvs: false}\n${MINIMAL}` };
  const { status, kernel } = await run({ yes: true, file: "a.yaml" }, { left: leftBy(["web"]), files });
  assert.equal(status, 0);
  assert.deepEqual([kernel.interfaces.length, kernel.services.length], [0, 1]);
});

Deno.test("cleanup() tells what stays and why, with status 1", async () => {
  const { status, out } = await run({ yes: true }, {
    left: leftBy(["web"]),
    prepare(kernel) {
      kernel.refuse = ({ type }) => type === "delete-interface" ? ERRNO.EBUSY : undefined;
    },
  });
  assert.equal(status, 1);
  assert.match(out, /^stays {4}interface web: .*\nerror {4}.*delete interface web.*\nremoved {2}virtual/m);
});

Deno.test("cleanup() touches nothing where an agent runs, or where that cannot be known: status 3", async () => {
  const rows: readonly (readonly [World["found"], RegExp])[] = [
    [AGENT, /^an agent \(pid 7, version 1\) runs at \S+: what it has is its own to remove\nStop it first/],
    [{ type: "silent" }, /^whether an agent runs cannot be known: somebody listens/],
    [{ type: "other" }, /^whether an agent runs cannot be known: what answers/],
    [
      new Error("permission denied"),
      /cannot be asked: permission denied; ask as root, or end what is there and no agent\n$/,
    ],
    [(path) => path === "/mine" ? AGENT : { type: "nobody" }, /runs at \/mine/],
    [(path) => path === "/mine" ? { type: "nobody" } : AGENT, /runs at \/run\/bgp-lb\/control.sock/],
  ];
  for (const [found, words] of rows) {
    for (const yes of [false, true]) {
      const { status, err, kernel } = await run({ yes, socket: "/mine" }, {
        left: leftBy(["web"]),
        ...found === undefined ? {} : { found },
      });
      assert.equal(status, 3);
      assert.match(err, words);
      assert.deepEqual(kernel.made, []);
    }
  }
});

Deno.test("cleanup() asks at the file's control socket, and refuses where the file has none", async () => {
  const files = { "a.yaml": `control: {socket: /other}\n${MINIMAL}`, "off.yaml": OFF };
  assert.deepEqual((await run({ file: "a.yaml" }, { files })).asked, ["/run/bgp-lb/control.sock", "/other"]);
  const off = await run({ file: "off.yaml" }, { files });
  assert.equal(off.status, 3);
  assert.match(off.err, /turns control.socket off/);
  assert.equal((await run({ file: "off.yaml", socket: "/s" }, { files })).status, 0);
});

Deno.test("cleanup() of an invalid file or a socket that is none ends with 2 (CONTRACT Command line)", async () => {
  const invalid = await run({ file: "a.yaml" }, { files: { "a.yaml": `${MINIMAL}bogus: 1\n` } });
  assert.deepEqual([invalid.status, invalid.err], [2, "a.yaml:6:1: bogus: is not a known key\n"]);
  assert.equal((await run({ socket: "" })).status, 2);
});

Deno.test("cleanup() removes what an agent has recorded on the disk, and the record goes with it", async () => {
  const left = leftBy([], "10.99.0.1");
  const record = encodePlaces({ ownedAddresses: [address("10.99.0.1")], ownedFwmarks: [] });
  const kept = new Map([["/var/lib/bgp-lb/ipvs", record]]);
  const shown = await run({}, { left, kept });
  assert.match(shown.out, /^ {2}virtual service tcp 10\.99\.0\.1:80: 1 destination$/m);
  assert.deepEqual([...kept.values()], [record]);
  const removed = await run({ yes: true }, { left, kept });
  assert.deepEqual([removed.status, removed.kernel.services], [0, []]);
  assert.deepEqual(kept.get("/var/lib/bgp-lb/ipvs"), encodePlaces({ ownedAddresses: [], ownedFwmarks: [] }));
});

Deno.test("cleanup() with a file looks for the record where the file has it, and goes on without one that is torn", async () => {
  const left = leftBy([], "10.99.0.7");
  const record = encodePlaces({ ownedAddresses: [address("10.99.0.7")], ownedFwmarks: [] });
  const files = { "a.yaml": `state: {directory: /s}\n${MINIMAL}` };
  const kept = () => new Map([["/s/ipvs", record]]);
  assert.equal(
    (await run({ file: "a.yaml", yes: true }, { left, files, kept: kept() })).kernel.services.length,
    0,
  );
  assert.equal((await run({ yes: true }, { left, files, kept: kept() })).kernel.services.length, 1);
  const torn = new Map([["/s/ipvs", record.subarray(1)]]);
  const { status, out, err } = await run({ file: "a.yaml" }, { left: leftBy([]), files, kept: torn });
  assert.equal(status, 0);
  assert.equal(out, "Nothing of bgp-lb is found in the kernel otherwise.\n", "what it names may be there");
  assert.match(
    err,
    /^warning: \/s\/ipvs cannot be used, so that virtual services of an earlier configuration may stay: /,
  );
});

Deno.test("cleanup() refuses where an agent has this kernel without a control socket, and keeps others from it meanwhile", async () => {
  const streams = new MemoryStreams();
  const clock = new PatientClock(50);
  await using _clock = clock;
  const events = new EventStream(clock);
  const agent = () => new SoleAgent({ streams, clock, events, socketFiles: { user: 0 } }, () => "running");
  {
    using first = agent();
    await first.claim();
    const { status, err, kernel } = await run({ yes: true }, { left: leftBy(["web"]), streams });
    assert.equal(status, 3);
    assert.match(
      err,
      /^nothing is shown or removed: a process manages the interfaces and IPVS of this host already/,
    );
    assert.deepEqual(kernel.made, []);
  }
  let during: unknown;
  await run({ yes: true }, {
    left: leftBy(["web"]),
    streams,
    prepare: (kernel) => void (kernel.beforeChange = () => during ??= [...streams.listeners.keys()]),
  });
  assert.deepEqual(during, ["@bgp-lb/kernel"]);
  assert.deepEqual([...streams.listeners.keys()], []);
  streams.faults.set("@bgp-lb/kernel", kernelError("EMFILE"));
  assert.match(
    (await run({ yes: true }, { streams })).err,
    /whether another agent manages this kernel cannot be known/,
  );
});
