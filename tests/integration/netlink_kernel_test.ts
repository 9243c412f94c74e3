/**
 * The netlink kernel port over libnl on this kernel, in a namespace of its own. Whether it has dummy interfaces and IPVS
 * is this kernel's business: what the port says has to be what `ip` and `ipvsadm` say. (The whole contract runs in the lab.)
 */
import assert from "node:assert/strict";
import { noFault } from "../support/events.ts";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { type Libnl, openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { diff } from "../../src/kernel/diff.ts";
import { EVERYTHING, interestIn, type Kernel } from "../../src/kernel/kernel.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import { LOCAL_TABLE, ROUTE_GROUPS } from "../../src/kernel/netlink_watch.ts";
import { Reconciler } from "../../src/kernel/reconciler.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { decodeMessages } from "../../src/netlink/message.ts";
import { decodeRoute } from "../../src/netlink/route.ts";
import type { FilterStep } from "../../src/netlink/transport.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address } from "../support/bgp.ts";
import { canMakeNamespaces, NetworkNamespace } from "../support/namespace.ts";
import { run } from "../support/process.ts";
import { until } from "../support/until.ts";
import { plainService } from "../support/kernel_objects.ts";

const ignore = !(await canMakeNamespaces());

const web: DesiredKernel = {
  interfaces: [{ name: "web", service: "web", addresses: [address("10.99.0.1")] }],
  virtualServices: [plainService()],
  ownedAddresses: [address("10.99.0.1")],
  ownedFwmarks: [],
};

interface Bench extends AsyncDisposable {
  readonly namespace: NetworkNamespace;
  readonly libc: Libc;
  readonly libnl: Libnl;
  readonly kernel: Kernel;
}

async function bench(): Promise<Bench> {
  await using made = new AsyncDisposableStack();
  const namespace = made.use(await NetworkNamespace.create("k"));
  const libc = made.use(openLibc());
  const libnl = made.use(openLibnl(libc));
  const reactor = made.use(new Reactor(libc));
  const transport = {
    open: (protocol: number, groups: readonly number[], filter?: readonly FilterStep[]) =>
      namespace.inside(() => libnl.open(protocol, groups, filter)),
    resolveFamily: (name: string) => namespace.inside(() => libnl.resolveFamily(name)),
  };
  const host = new Sysctls(libc);
  const sysctls = {
    set: (path: readonly string[], value: string) => namespace.inside(() => host.set(path, value)),
  };
  const kernel = made.use(openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls }));
  const kept = made.move();
  return { namespace, libc, libnl, kernel, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

Deno.test({
  name:
    "probe() says of dummy interfaces and IPVS what ip and ipvsadm say, with the cure, and leaves nothing",
  ignore,
  async fn() {
    await using at = await bench();
    const problems = (await at.kernel.probe(EVERYTHING)).map(({ message }) => message).join("\n");
    const links = JSON.parse(await at.namespace.ip("-j", "link", "show"));
    assert.deepEqual(links.map(({ ifname }: { readonly ifname: string }) => ifname), ["lo"]);
    const dummy = (await at.namespace.run("ip", "link", "add", "try", "type", "dummy")).code === 0;
    const ipvs = (await at.namespace.run("ipvsadm", "-Ln")).code === 0;
    if (dummy) assert.doesNotMatch(problems, /dummy/);
    else {assert.match(
        problems,
        /create dummy interfaces: operation not supported \(EOPNOTSUPP\): .*\(.*modprobe dummy\)/,
      );}
    if (ipvs) assert.doesNotMatch(problems, /IPVS/);
    else assert.match(problems, /program IPVS: .*this kernel has no IPVS.*modprobe ip_vs/);
  },
});

Deno.test({
  name: "what this kernel cannot do is a reported state with the kernel's words, not an exception",
  ignore,
  async fn() {
    await using at = await bench();
    const fit = (await at.kernel.probe(EVERYTHING)).length === 0;
    await using reconciler = new Reconciler({
      kernel: at.kernel,
      clock: systemClock,
      onReport: () => {},
      onFault: noFault,
    });
    const { converged, errors, actual } = await reconciler.want(web);
    assert.equal(converged, fit);
    assert.ok(actual !== undefined, "reading needs neither");
    if (!fit) assert.match(errors.map(({ message }) => message).join("\n"), /modprobe/);
    await reconciler.removeAll();
  },
});

Deno.test({
  name: "an interface of another kind that takes a wanted name is heard of, read, and left alone",
  ignore,
  async fn() {
    await using at = await bench();
    let told = 0;
    using _watch = at.kernel.watch(() => void told++);
    await at.kernel.read(interestIn(web));
    await at.namespace.ip("link", "add", "web", "type", "veth", "peer", "name", "other");
    await until(() => told > 0);
    const { interfaces } = await at.kernel.read(interestIn(web));
    assert.deepEqual(interfaces.map(({ name, kind, alias, up }) => ({ name, kind, alias, up })), [
      { name: "web", kind: "veth", alias: undefined, up: false },
    ]);
    const { changes, conflicts } = diff({ ...web, virtualServices: [] }, { interfaces, virtualServices: [] });
    assert.deepEqual(changes, []);
    assert.match(conflicts[0]?.message ?? "", /interface web .* a veth interface/);
  },
});

Deno.test({
  name: "notifications that overflowed the socket are told as a change, and it goes on",
  ignore,
  async fn() {
    await using at = await bench();
    await at.namespace.ip("link", "add", "web", "type", "veth", "peer", "name", "other");
    await at.kernel.read(interestIn(web));
    let told = 0;
    using _watch = at.kernel.watch(() => void told++);
    await at.kernel.read(interestIn({ ...web, interfaces: [] }));
    // The thread is busy while far more is told than fits: interfaces that do not concern us, so only a loss can.
    const changes = Array.from({ length: 4000 }, (_, i) => `link set dev web ${i % 2 === 0 ? "up" : "down"}`);
    await batch(at.namespace, changes);
    await until(() => told > 0);
    const before = told;
    await at.kernel.read(interestIn(web));
    await at.namespace.ip("link", "set", "dev", "web", "up");
    await until(() => told > before);
  },
});

Deno.test({
  name: "a routing daemon that installs routes wakes nobody: the kernel drops what is not of table local",
  ignore,
  async fn() {
    await using at = await bench();
    const groups = { open: (filter?: typeof LOCAL_TABLE) => at.libnl.open(0, ROUTE_GROUPS, filter) };
    using heard = at.namespace.inside(() => groups.open(LOCAL_TABLE));
    using flooded = at.namespace.inside(() => groups.open());
    const routes = Array.from({ length: 20_000 }, (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`);
    await batch(at.namespace, routes.map((to) => `route add blackhole ${to}`));
    assert.equal(heard.receive(), ERRNO.EAGAIN, "nothing was told");
    assert.equal(flooded.receive(), ERRNO.ENOBUFS, "without the filter it was more than fits");

    await at.namespace.ip("address", "add", "10.99.0.1/32", "dev", "lo");
    await at.namespace.ip("link", "set", "dev", "lo", "up");
    await at.namespace.ip("address", "add", "2001:db8:99::1/128", "dev", "lo", "nodad");
    const destinations = new Set<string | undefined>();
    await until(() => {
      const datagram = heard.receive();
      const messages = typeof datagram === "number" ? [] : decodeMessages(datagram);
      for (const message of messages) destinations.add(decodeRoute(message).destination?.text);
      return destinations.has("10.99.0.1") && destinations.has("2001:db8:99::1");
    });
  },
});

Deno.test({
  name: "a local route that goes, or gives way to another one, is heard of in both families",
  ignore,
  async fn() {
    await using at = await bench();
    const { namespace, kernel } = at;
    await namespace.ip("link", "add", "web", "type", "veth", "peer", "name", "other");
    await namespace.ip("link", "set", "dev", "web", "up");
    await namespace.ip("address", "add", "10.99.0.1/32", "dev", "web");
    await namespace.ip("address", "add", "2001:db8:99::1/128", "dev", "web", "nodad");
    const actions = [
      ["-4", "route", "replace", "blackhole", "10.99.0.1", "table", "local", "scope", "host"],
      ["-6", "route", "delete", "local", "2001:db8:99::1", "table", "local", "dev", "web"],
    ];
    for (const action of actions) {
      let told = 0;
      using _watch = kernel.watch(() => void told++);
      await kernel.read(interestIn(web));
      await namespace.ip(...action);
      await until(() => told > 0);
    }
  },
});

Deno.test({
  name: "without CAP_NET_ADMIN the port says so",
  ignore,
  async fn() {
    const drop = ["--bounding-set=-net_admin", "--inh-caps=-net_admin"];
    const program = new URL("../support/probe_kernel.ts", import.meta.url).pathname;
    const deno = [Deno.execPath(), "run", "--no-prompt", "--allow-ffi", "--no-check", program];
    const answer = await run("unshare", ["--net", "setpriv", ...drop, ...deno]);
    assert.equal(answer.code, 0, answer.stderr);
    const [first] = answer.stdout.split("\n");
    assert.equal(first, "change interfaces: operation not permitted (EPERM) (needs CAP_NET_ADMIN)");
  },
});

Deno.test("libnl sockets: what they are asked for, errors by number, and closed once", () => {
  using libc = openLibc();
  using libnl = openLibnl(libc);
  const socket = libnl.open(0, []);
  assert.equal(typeof socket.receive(), "number", "nothing is there");
  socket[Symbol.dispose]();
  socket[Symbol.dispose]();
  assert.equal(socket.send(new Uint8Array(16)), 9);
  assert.equal(socket.receive(), 9);
  assert.throws(() => libnl.open(31, []), (error) => {
    assert.ok(error instanceof Error && "errno" in error);
    assert.equal(error.errno, 93, error.message);
    return true;
  });
  assert.equal(libnl.resolveFamily("nlctrl"), 16);
  assert.equal(libnl.resolveFamily("NONESUCH"), undefined);
});

/** Runs lines of ip(8) while nothing else runs on this thread. */
async function batch({ name }: NetworkNamespace, lines: readonly string[]): Promise<void> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, lines.join("\n"));
    const { code } = new Deno.Command("ip", { args: ["-netns", name, "-batch", file] }).outputSync();
    assert.equal(code, 0);
  } finally {
    await Deno.remove(file);
  }
}
