/** Interfaces and addresses through the netlink port, where something fails or ends half-way (faults K2, K3). */
import assert from "node:assert/strict";
import { diff } from "../../src/kernel/diff.ts";
import { interestIn } from "../../src/kernel/kernel.ts";
import { type DesiredKernel, isOurs } from "../../src/kernel/state.ts";
import { RTM } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { address } from "../support/bgp.ts";
import { NONE } from "../support/kernel_objects.ts";
import { apply, bench } from "../support/netlink_bench.ts";

const VIP6 = address("2001:db8:99::1");
const web: DesiredKernel = {
  ...NONE,
  interfaces: [{ name: "web", service: "web", addresses: [address("10.99.0.1"), VIP6] }],
};

Deno.test("an interface that cannot be marked is ours all the same, and is finished by the next run", async () => {
  using at = bench();
  at.netlink.beforeRequest = ({ type }) => void (at.host.failing = type === RTM.SETLINK);
  const outcomes = await apply(at.kernel, web);
  assert.equal(outcomes[0]?.errno, ERRNO.ENOBUFS);
  assert.equal(outcomes[1], outcomes[0]);
  assert.deepEqual(at.host.interfaces.map(isOurs), [true]);
  at.netlink.beforeRequest = () => {};
  at.host.failing = false;
  assert.deepEqual(await apply(at.kernel, web), [undefined, undefined, undefined]);
});

Deno.test("a start that is killed before any request leaves no interface without mark, and the next one finishes (faults K3)", async () => {
  for (let survived = 0;; survived++) {
    using at = bench();
    let requests = 0;
    let killed = false;
    // IPv6 is off at first: its switch is one more step.
    at.host.ipv6ByDefault = false;
    at.netlink.beforeRequest = () => {
      killed ||= requests++ === survived;
      if (killed) throw new Error("killed");
    };
    await apply(at.kernel, web).catch((error) => assert.match(String(error), /killed/));
    at.netlink.beforeRequest = () => {};
    assert.ok(at.host.interfaces.every(isOurs), `after ${survived} requests an interface has no mark`);
    assert.deepEqual((await apply(at.kernel, web)).filter((error) => error !== undefined), []);
    assert.deepEqual(diff(web, await at.kernel.read(interestIn(web))).changes, []);
    await apply(at.kernel, NONE);
    assert.deepEqual(at.host.interfaces, []);
    if (!killed) return void assert.ok(survived > 7, `${survived} requests made a start`);
  }
});

Deno.test("what cannot be switched on is said with its cure: /proc/sys is read-only, or there is no IPv6 at all (faults K2)", async () => {
  using at = bench();
  at.host.ipv6ByDefault = false;
  at.host.sysctlsWritable = false;
  const [created] = await apply(at.kernel, web);
  assert.match(created?.message ?? "", /create dummy interface web: .*\(\/proc\/sys must be writable: .*\)/);
  at.host.sysctlsWritable = true;
  assert.deepEqual((await apply(at.kernel, web)).filter((error) => error !== undefined), []);
  assert.ok(at.host.delivers(VIP6));
});
