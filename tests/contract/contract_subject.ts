/** What the kernel contract is held to, and how it is driven. */
import assert from "node:assert/strict";
import { diff } from "../../src/kernel/diff.ts";
import { interestIn, type Kernel } from "../../src/kernel/kernel.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import type { ForeignHand } from "../support/host_view.ts";
import type { LinkHand } from "../support/link_hand.ts";

/** A kernel of one's own with nothing in it. */
export interface ContractSubject extends AsyncDisposable {
  readonly kernel: Kernel;
  readonly hand: ForeignHand;
  readonly links: LinkHand;
}

/** Makes the kernel what it should be. @throws where something is in the way, or refused */
export async function make(kernel: Kernel, desired: DesiredKernel): Promise<void> {
  const { changes, conflicts } = diff(desired, await kernel.read(interestIn(desired)));
  assert.deepEqual(conflicts, []);
  const outcomes = await kernel.apply(changes);
  assert.deepEqual(outcomes.filter((error) => error !== undefined), []);
}

/** Finds nothing that differs. */
export async function assertConverged(kernel: Kernel, desired: DesiredKernel): Promise<void> {
  assert.deepEqual(diff(desired, await kernel.read(interestIn(desired))), { changes: [], conflicts: [] });
}
