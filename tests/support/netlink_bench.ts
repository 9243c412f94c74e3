/** The netlink kernel port over a kernel's end in memory. */
import assert from "node:assert/strict";
import { diff } from "../../src/kernel/diff.ts";
import { interestIn, type Kernel } from "../../src/kernel/kernel.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import type { KernelError } from "../../src/netlink/transport.ts";
import type { Clock } from "../../src/time/clock.ts";
import { FakeHand } from "./fake_hand.ts";
import { FakeHost } from "./fake_host.ts";
import { FakeNetlink } from "./fake_netlink.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** The port, and what it stands on. */
export interface NetlinkBench extends Disposable {
  readonly host: FakeHost;
  readonly hand: FakeHand;
  readonly netlink: FakeNetlink;
  readonly clock: VirtualClock;
  readonly kernel: Kernel;
}

/** Opens it; disposing finds out whether a socket is left open. */
export function bench(clock: Clock = new VirtualClock()): NetlinkBench {
  const host = new FakeHost();
  const netlink = new FakeNetlink(host);
  // The hand tells of every change; the port has to find out for itself which ones concern it.
  host.watch(() => {
    for (const link of host.interfaces) netlink.tellLink(link);
    netlink.react();
  });
  const kernel = openNetlinkKernel({ transport: netlink, reactor: netlink, clock, sysctls: host.sysctls });
  return {
    host,
    hand: new FakeHand(host),
    netlink,
    clock: clock instanceof VirtualClock ? clock : new VirtualClock(),
    kernel,
    [Symbol.dispose]() {
      kernel[Symbol.dispose]();
      assert.equal(netlink.openSockets, 0, "a socket is left open");
    },
  };
}

/** Makes what differs from `want`. */
export async function apply(
  kernel: Kernel,
  want: DesiredKernel,
): Promise<readonly (KernelError | undefined)[]> {
  return await kernel.apply(diff(want, await kernel.read(interestIn(want))).changes);
}
