/** Addresses and marks that were ours: they stay so until their virtual services are gone. */
import { merge, NOTHING, without } from "./merge.ts";
import { type ActualKernel, type DesiredKernel, isOurs, markedFwmarks, virtualServiceKey } from "./state.ts";

/** Where every virtual service is ours. */
type Owned = Pick<DesiredKernel, "ownedAddresses" | "ownedFwmarks">;

function ownedOf({ ownedAddresses, ownedFwmarks }: DesiredKernel): Owned {
  return { ownedAddresses, ownedFwmarks };
}

/** What is owned beside what is wanted. */
export class Lingering {
  #owned: Owned = NOTHING;

  /** `desired` with everything that is owned. */
  with(desired: DesiredKernel): DesiredKernel {
    const { ownedAddresses, ownedFwmarks } = this.#owned;
    if (ownedAddresses.length === 0 && ownedFwmarks.length === 0) return desired;
    return {
      ...desired,
      ownedAddresses: [...desired.ownedAddresses, ...ownedAddresses],
      ownedFwmarks: [...desired.ownedFwmarks, ...ownedFwmarks],
    };
  }

  /** `desired` takes the place of `before`; what is owned no more lingers. */
  succeed(before: DesiredKernel | undefined, desired: DesiredKernel, actual: ActualKernel | undefined): void {
    const onOurs = actual?.interfaces.filter(isOurs)
      .flatMap(({ addresses }) => addresses.map(({ address }) => address)) ?? [];
    const owned = this.with({ ...NOTHING, ...ownedOf(before ?? NOTHING) });
    const marked = actual?.interfaces.flatMap(markedFwmarks) ?? [];
    const all = merge([owned, { ...NOTHING, ownedAddresses: onOurs, ownedFwmarks: marked }]);
    const { ownedAddresses, ownedFwmarks } = without(all, { ...NOTHING, ...ownedOf(desired) });
    this.#owned = { ownedAddresses, ownedFwmarks };
  }

  /** Forgets what has no virtual service any more in `actual`; true where it forgot something. */
  forget(actual: ActualKernel | undefined): boolean {
    const { ownedAddresses, ownedFwmarks } = this.#owned;
    if (ownedAddresses.length === 0 && ownedFwmarks.length === 0) return false;
    const { marked = [], others = [] } = Object.groupBy(
      actual?.virtualServices ?? [],
      ({ fwmark }) => fwmark > 0 ? "marked" : "others",
    );
    const marks = new Set(marked.map(virtualServiceKey));
    const addresses = new Set(others.map(({ address }) => address.text));
    this.#owned = {
      ownedAddresses: ownedAddresses.filter(({ text }) => addresses.has(text)),
      ownedFwmarks: ownedFwmarks.filter((mark) => marks.has(virtualServiceKey(mark))),
    };
    return true;
  }
}
