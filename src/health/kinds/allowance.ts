/** How many probes may hold descriptors at once: they must not eat those that BGP and the kernel need. */
import type { Probe, Tripped } from "./probe.ts";

/** A bounded number of something; whoever has one gives it back by disposing it. */
export interface Allowance {
  /** Undefined: none is left. */
  tryTake(): Disposable | undefined;
  /** What is for watches, which hold it for long; undefined: as many as there may be. */
  readonly watches?: Allowance;
}

/** An allowance of `limit()` at once, which may change; `watches` is beside it. */
export function countedAllowance(limit: () => number, watches?: Allowance): Allowance {
  let taken = 0;
  return {
    ...watches && { watches },
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
  const watch = probe.watch?.bind(probe);
  const { watches } = slots;
  const bounded = watch && watches ? (tripped: Tripped) => watchWithin(watch, watches, tripped) : watch;
  return {
    ...bounded && { watch: bounded },
    async run(signal, progress) {
      const slot = slots.tryTake();
      if (slot === undefined) {
        return { kind: "unknown", detail: shortage };
      }
      // Not `using`, which costs more than all else here.
      try {
        return await probe.run(signal, progress);
      } finally {
        slot[Symbol.dispose]();
      }
    },
  };
}

function watchWithin(
  watch: NonNullable<Probe["watch"]>,
  slots: Allowance,
  tripped: Tripped,
): Disposable {
  const slot = slots.tryTake();
  if (slot === undefined) {
    tripped("as many watches as this process may have stand", "lost");
    return { [Symbol.dispose]() {} };
  }
  const standing = watch((reason, how) => {
    slot[Symbol.dispose]();
    tripped(reason, how);
  });
  return {
    [Symbol.dispose]() {
      standing[Symbol.dispose]();
      slot[Symbol.dispose]();
    },
  };
}
