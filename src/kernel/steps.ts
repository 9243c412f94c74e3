/** Changes in two parts. */
import type { Change } from "./change.ts";

/** What is made before anything is broken, and what is broken after. */
export interface Steps {
  readonly make: Change[];
  readonly break: Change[];
}
