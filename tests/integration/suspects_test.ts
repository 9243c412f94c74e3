/** Who changes what: processes by /proc through the C library, and the netlink port of whoever changed a link, on this kernel. */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Processes } from "../../ffi/processes.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { interestIn, type Notice } from "../../src/kernel/kernel.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import { Suspects } from "../../src/kernel/suspects.ts";
import { systemClock } from "../../src/time/clock.ts";
import { withoutLeak } from "../support/descriptors.ts";
import { NONE } from "../support/kernel_objects.ts";
import { canMakeNamespaces, NetworkNamespace } from "../support/namespace.ts";
import { until } from "../support/until.ts";

Deno.test("Processes names processes, lists them, leaves no descriptor, and knows nothing of those that are not", async () => {
  using libc = openLibc();
  const processes = new Processes(libc);
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  await until(() => processes.name(child.pid) === "sleep");
  await withoutLeak(() => {
    for (let times = 0; times < 20; times++) {
      const pids = processes.pids();
      assert.ok(pids.includes(child.pid) && pids.includes(Deno.pid));
      assert.equal(processes.name(child.pid), "sleep");
      assert.equal(processes.name(2 ** 32 - 5), undefined);
      assert.equal(processes.name(0), undefined);
    }
  });
  child.kill();
  await child.status;
  assert.equal(processes.name(child.pid), undefined);
});

Deno.test({
  name: "the kernel tells which process changed an address, and it is named while it runs (K1)",
  ignore: !(await canMakeNamespaces()),
  async fn() {
    await using namespace = await NetworkNamespace.create("w");
    using libc = openLibc();
    using libnl = openLibnl(libc);
    await using reactor = new Reactor(libc);
    using kernel = openNetlinkKernel({
      clock: systemClock,
      sysctls: new Sysctls(libc),
      reactor,
      transport: {
        open: (...args) => namespace.inside(() => libnl.open(...args)),
        resolveFamily: (name) => namespace.inside(() => libnl.resolveFamily(name)),
      },
    });
    const notices: Notice[] = [];
    using _watch = kernel.watch((told) => void notices.push(...told));
    await kernel.read({ ...interestIn(NONE), interfaceNames: new Set(["lo"]) });
    const hand = new Deno.Command("ip", {
      args: ["netns", "exec", namespace.name, "ip", "-batch", "-"],
      stdin: "piped",
    }).spawn();
    const writer = hand.stdin.getWriter();
    await writer.write(new TextEncoder().encode("addr add 10.99.0.1/32 dev lo\n"));
    await until(() => notices.length > 0);
    const { index, address, port } = notices[0] ?? assert.fail();
    assert.deepEqual({ index, address, port }, { index: 1, address: "10.99.0.1", port: hand.pid });
    const suspects = new Suspects({ processes: new Processes(libc), clock: systemClock, pid: Deno.pid });
    suspects.note("address 10.99.0.1 on lo", port);
    const object = { kind: "address", name: "10.99.0.1 on lo" } as const;
    const rest = { interface: "lo", address: undefined, virtualService: undefined };
    assert.equal(suspects.of({ ...object, ...rest }), `ip (process ${hand.pid})`);
    await writer.close();
    await hand.status;
    suspects.forget();
    suspects.note("address 10.99.0.1 on lo", port);
    assert.match(suspects.of({ ...object, ...rest }) ?? "", /^a program that has ended/);
  },
});
