/** A reconciler on the fake kernel and the virtual clock, with one service to want. */
import assert from "node:assert/strict";
import { type KernelReport, Reconciler, type ReconcilerOptions } from "../../src/kernel/reconciler.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { address } from "./bgp.ts";
import { noFault } from "./events.ts";
import { FakeHand } from "./fake_hand.ts";
import { FakeKernel } from "./fake_kernel.ts";
import { plainDestination, plainService } from "./kernel_objects.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** The address of `web`. */
export const VIP = address("10.99.0.1");

/** One service with one of everything. */
export const web: DesiredKernel = {
  interfaces: [{ name: "web", service: "web", addresses: [VIP] }],
  virtualServices: [plainService({ destinations: [plainDestination()] })],
  ownedAddresses: [VIP],
  ownedFwmarks: [],
};

/** What makes it, in words. */
export const made = [
  "create dummy interface web",
  "add address 10.99.0.1/32 to web",
  "create virtual service tcp 10.99.0.1:80 rr",
  "add destination 10.0.0.1:8080 (masq, weight 1) to tcp 10.99.0.1:80",
];

/** A reconciler on a kernel in memory, and what it reports. */
export interface Bench extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly kernel: FakeKernel;
  readonly hand: FakeHand;
  readonly reconciler: Reconciler;
  readonly reports: KernelReport[];
}

/** The bench; disposing asserts that nothing is left. */
export function bench(
  options: Partial<Omit<ReconcilerOptions, "clock">> & { readonly clock?: VirtualClock } = {},
): Bench {
  const clock = options.clock ?? new VirtualClock();
  const kernel = new FakeKernel();
  const reports: KernelReport[] = [];
  const reconciler = new Reconciler({
    kernel,
    onReport: (report) => reports.push(report),
    onFault: noFault,
    ...options,
    clock,
  });
  return {
    clock,
    kernel,
    hand: new FakeHand(kernel),
    reconciler,
    reports,
    async [Symbol.asyncDispose]() {
      await reconciler.dispose();
      assert.equal(clock.pending, 0, "a timer is left");
      assert.equal(kernel.watchers, 0, "a watch is left");
    },
  };
}
