/** How many probes may hold descriptors at once: they must not eat those that BGP and the kernel need. */
import type { Probe } from "./probe.ts";

/** A bounded number of something; whoever has one gives it back by disposing it. */
export interface Allowance {
  /** Undefined: none is left. */
  tryTake(): Disposable | undefined;
}

/** An allowance of `limit()` at once, which may change. */
export function countedAllowance(limit: () => number): Allowance {
  let taken = 0;
  return {
    tryTake() {
      if (taken >= limit()) return undefined;
      taken++;
      let held = true;
      return {
        [Symbol.dispose]() {
          if (held) taken--;
          held = false;
        },
      };
    },
  };
}

const NO_SLOT = "not probed: as many probes as this process may have are open";

/** `probe`, which runs only where `slots` has one left, and holds it until all that it opened is closed. */
export function withinAllowance(probe: Probe, slots: Allowance, shortage = NO_SLOT): Probe {
  const { watch } = probe;
  return {
    ...watch && { watch: (tripped) => watch.call(probe, tripped) },
    async run(signal, progress) {
      const slot = slots.tryTake();
      if (slot === undefined) {
        return { kind: "unknown", detail: shortage };
      }
      using _slot = slot;
      return await probe.run(signal, progress);
    },
  };
}
