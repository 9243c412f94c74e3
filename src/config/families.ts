/** Which destinations packets of a family go to: the one rule, for what is checked of a file and for what the kernel gets. */
import type { DestinationConfig } from "./config.ts";

/** What of a destination decides that. */
type OfFamily = Pick<DestinationConfig, "address" | "forwarding">;

/** Those of `family`, or where there are none the other family's tunnels: nothing else can carry one family's packets in another. */
export function reachableFrom<T extends OfFamily>(family: 4 | 6, destinations: readonly T[]): readonly T[] {
  const own = destinations.filter(({ address }) => address.family === family);
  return own.length > 0 ? own : destinations.filter(({ forwarding }) => forwarding === "tunnel");
}
