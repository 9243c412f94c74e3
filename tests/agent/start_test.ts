// What can start starts: each service is for itself, at the start as at any other time (faults K2).
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import { HostNotFitError } from "../../src/agent/ports.ts";
import type { Change } from "../../src/kernel/change.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { FakeKernel } from "../support/fake_kernel.ts";

const EINTR = new KernelError("list interfaces", {
  errno: ERRNO.EINTR,
  words: "interrupted (EINTR)",
  extendedAck: undefined,
});

/** The shut gates of `web`, and whether the bystander is announced. */
function seen(agent: Agent) {
  const [web, other] = agent.status().services;
  return {
    web: web?.routes[0]?.gates.filter(({ open }) => !open).map(({ name, reason }) => `${name}: ${reason}`),
    other: other?.routes.every(({ announce }) => announce),
  };
}

interface Trouble {
  readonly name: string;
  readonly cause: (kernel: FakeKernel) => void;
  readonly reasons: readonly RegExp[];
  readonly mend: (kernel: FakeKernel) => void;
}

const refusing = (type: Change["type"], errno: number) => (kernel: FakeKernel) => {
  kernel.refuse = (change) => {
    const place = "interface" in change ? change.interface : "name" in change ? change.name : "web";
    return change.type === type && place === "web" ? errno : undefined;
  };
};
const accepting = (kernel: FakeKernel) => void (kernel.refuse = () => undefined);
const NO_SERVICE = /^virtual services present: virtual service tcp 10\.99\.0\.1:80 does not exist/;

const TROUBLES: readonly Trouble[] = [
  {
    name: "a stranger has the interface's name",
    cause: (kernel) => void kernel.addLink("web", "bridge"),
    reasons: [
      /^address present: interface web is not ours: interface web of service web exists.* a bridge .*Delete it/,
      NO_SERVICE,
    ],
    mend: (kernel) => {
      kernel.deleteLink(kernel.link("web").index);
      kernel.notify();
    },
  },
  {
    name: "an interface cannot be made",
    cause: refusing("create-interface", ERRNO.ENOBUFS),
    reasons: [/^address present: interface web does not exist: create dummy interface web: .*ENOBUFS/],
    mend: accepting,
  },
  {
    name: "an address is refused",
    cause: refusing("add-address", ERRNO.EACCES),
    reasons: [/^address present: address 10\.99\.0\.1 is not on interface web: add address .*EACCES/],
    mend: accepting,
  },
  {
    name: "a scheduler has no module",
    cause: (kernel) => void (kernel.schedulers = new Set()),
    reasons: [/^virtual services present: .* does not exist: create virtual service .*modprobe ip_vs_rr/],
    mend: (kernel) => void (kernel.schedulers = new Set(["rr"])),
  },
  {
    name: "a destination is refused",
    cause: refusing("create-destination", ERRNO.EINVAL),
    reasons: [/^virtual services present: .* has no destination of weight: add destination .*EINVAL/],
    mend: accepting,
  },
  {
    name: "there is no IPVS, which the other service does not need",
    cause: (kernel) => void (kernel.modules.ipvs = false),
    reasons: [NO_SERVICE],
    mend: (kernel) => void (kernel.modules.ipvs = true),
  },
];

for (const { name, cause, reasons, mend } of TROUBLES) {
  Deno.test(`Agent starts where ${name}: that service says so, the others are announced (faults K2)`, async () => {
    const world = new World();
    cause(world.kernel);
    const agent = world.agent();
    void agent.start();
    await world.stage.clock.advance(4000);
    assert.equal(agent.status().state, "running");
    const { web = [], other } = seen(agent);
    assert.equal(other, true, "the bystander is announced");
    assert.equal(web.length, reasons.length, web.join("\n"));
    for (const [index, reason] of reasons.entries()) assert.match(web[index] ?? "", reason);
    const told = world.events.of("kernel-error");
    assert.equal(new Set(told.map(({ cause }) => cause)).size, told.length, "each once");
    assert.ok(told.length > 0);
    mend(world.kernel);
    await world.stage.clock.advance(40_000);
    assert.deepEqual(seen(agent), { web: [], other: true });
    assert.equal(world.events.of("kernel-recovered").length, 1);
    await world.close();
  });
}

Deno.test("a reload is not refused for what is in the way of a service that runs already, and is for what is new (faults K2)", async () => {
  for (
    const cause of [
      (kernel: FakeKernel) => void kernel.addLink("web", "bridge"),
      (kernel: FakeKernel) => void (kernel.modules.ipvs = false),
    ]
  ) {
    const world = new World();
    cause(world.kernel);
    const agent = world.agent();
    void agent.start();
    await world.stage.clock.advance(4000);
    const config = world.config();
    const reload = async (services: typeof config.services) => {
      world.file = { ok: true, config: { ...config, services }, warnings: [] };
      const answer = agent.orders.reload(undefined);
      await world.stage.clock.advance(5000);
      return await answer;
    };
    const [web, other, off] = config.services;
    assert.ok(web !== undefined && other !== undefined && off !== undefined);
    assert.equal((await reload([web, other])).result, "applied");
    assert.deepEqual(agent.status().services.map(({ name }) => name), ["web", "other"]);
    world.kernel.addLink("new", "bridge");
    const added = { ...off, name: "new", interface: "new", enabled: true };
    assert.equal((await reload([web, other, added])).result, "invalid");
    await world.close();
  }
});

Deno.test("Agent starts where every service is in conflict, too: names are mended while it runs (faults K2)", async () => {
  const world = new World();
  for (const name of ["web", "other", "off"]) world.kernel.addLink(name, "bridge");
  const agent = world.agent();
  void agent.start();
  await world.stage.clock.advance(4000);
  assert.equal(agent.status().state, "running");
  assert.equal(seen(agent).other, false);
  for (const name of ["web", "other", "off"]) world.kernel.deleteLink(world.kernel.link(name).index);
  world.kernel.notify();
  await world.stage.clock.advance(1000);
  assert.deepEqual(seen(agent), { web: [], other: true });
  await world.close();
});

const HOPELESS: readonly (readonly [string, (kernel: FakeKernel) => void, RegExp])[] = [
  ["it may not change the network", (kernel) => void (kernel.privileged = false), /needs CAP_NET_ADMIN/],
  [
    "interfaces are ours and cannot be made",
    (kernel) => void (kernel.modules.dummy = false),
    /modprobe dummy/,
  ],
  [
    "the kernel has no such sockets",
    (kernel) =>
      void (kernel.readError = new KernelError("open a netlink socket", {
        errno: 93,
        extendedAck: undefined,
      })),
    /open a netlink socket/,
  ],
];

for (const [name, cause, words] of HOPELESS) {
  Deno.test(`Agent does not start where nothing could ever work, as ${name}, and touches nothing (faults K2)`, async () => {
    const world = new World();
    cause(world.kernel);
    await assert.rejects(world.agent().start(), (error) => {
      assert.ok(error instanceof HostNotFitError);
      assert.match(error.message, words);
      return true;
    });
    assert.deepEqual(world.kernel.made, []);
    await world.close();
  });
}

Deno.test("Agent does not start without IPVS where every service that is enabled needs it (faults K2)", async () => {
  const world = new World();
  world.kernel.modules.ipvs = false;
  const whole = world.config();
  const services = whole.services.map((each) => each.name === "other" ? { ...each, enabled: false } : each);
  world.config = () => ({ ...whole, services });
  await assert.rejects(world.agent().start(), /modprobe ip_vs/);
  await world.close();
});

Deno.test("Agent goes on without a kernel that cannot be read, and adopts what an earlier run left when it can (faults K2)", async () => {
  const world = new World();
  const earlier = world.agent();
  void earlier.start();
  await world.stage.clock.advance(3000);
  void earlier.handover();
  await world.stage.clock.advance(10);
  const made = world.kernel.made.length;
  world.kernel.readError = EINTR;
  const agent = world.agent({ addresses: [address("10.99.0.9")] });
  void agent.start();
  await world.stage.clock.advance(4900);
  assert.equal(agent.status().state, "starting", "for a moment it is waited for");
  await world.stage.clock.advance(5000);
  assert.equal(agent.status().state, "running");
  assert.match(seen(agent).web?.[0] ?? "", /has not been read yet: list interfaces: interrupted \(EINTR\)$/);
  assert.equal(world.events.of("kernel-error").length, 1, "told once");
  assert.equal(world.kernel.made.length, made, "nothing is changed blindly");
  world.kernel.readError = undefined;
  world.kernel.activeConnections = 1;
  await world.stage.clock.advance(3000);
  assert.deepEqual(seen(agent), { web: [], other: true });
  assert.ok(
    world.kernel.services.some(({ address }) => address.text === "10.99.0.1"),
    "what is wanted no more goes in order",
  );
  await world.stage.clock.advance(60_000);
  assert.ok(!world.kernel.services.some(({ address }) => address.text === "10.99.0.1"));
  await world.close();
});

Deno.test("Agent that stops before the kernel could be read says that it does not know what was left (faults K12)", async () => {
  const world = new World();
  world.kernel.readError = EINTR;
  const agent = world.agent();
  void agent.start();
  await world.stage.clock.advance(8000);
  const stopped = agent.stop("for the test");
  await world.stage.clock.advance(10_000);
  assert.match((await stopped).join(), /^what an earlier process left, which is not known: list interfaces/);
  await world.close();
});
