/** Addresses and marks that were ours: they stay so until their virtual services are gone. */
import { merge, NOTHING, owns, without } from "./merge.ts";
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
    const busy = actual?.virtualServices.filter(owns(this.#owned)) ?? [];
    const places = new Set(busy.map((each) => each.fwmark > 0 ? virtualServiceKey(each) : each.address.text));
    this.#owned = {
      ownedAddresses: ownedAddresses.filter(({ text }) => places.has(text)),
      ownedFwmarks: ownedFwmarks.filter((mark) => places.has(virtualServiceKey(mark))),
    };
    return true;
  }
}
