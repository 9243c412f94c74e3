/**
 * What to change so that the kernel has what it should: the smallest change of each object, make before break.
 *
 * Make: interface, address, virtual service, destination. Break: destination, virtual service, address, interface.
 */
import type { Change } from "./change.ts";
import { diffServices } from "./diff_ipvs.ts";
import { type Conflict, diffInterfaces } from "./diff_links.ts";
import { carriedMarks } from "./diff_marks.ts";
import type { ActualKernel, DesiredKernel } from "./state.ts";

/** What differs. `changes` are in the order in which they are to be made. */
export interface Difference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** The changes that lead from `actual` to `desired`. Nothing that is not ours is in them. */
export function diff(desired: DesiredKernel, actual: ActualKernel): Difference {
  const marksOf = carriedMarks(desired, actual);
  const interfaces = diffInterfaces(desired.interfaces, actual.interfaces, marksOf);
  const services = diffServices(desired, actual);
  return {
    changes: [...interfaces.make, ...services.make, ...services.break, ...interfaces.break],
    conflicts: interfaces.conflicts,
  };
}
