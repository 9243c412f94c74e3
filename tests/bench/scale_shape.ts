/** Who announces what to whom in the scale benchmark. */
import { seeded } from "../support/random.ts";

/** The order in which the routes are configured. */
export type Order = "sorted" | "shuffled";

/** So many routes to each of so many peers. */
export interface Shape {
  readonly peers: number;
  readonly routes: number;
  readonly order: Order;
}

/** What announces. */
export const SUBJECT_ADDRESS = "127.0.0.1";
export const SUBJECT_AS = 65_001;
/** The AS of every receiver. */
export const PEER_AS = 65_002;
/** Who gives GoBGP its routes. */
export const FEEDER_ADDRESS = "127.0.2.1";
export const FEEDER_AS = 65_003;
/** 100.64.0.0 */
const FIRST = 0x6440_0000;

/** The address of a receiver. */
export function peerAddress(index: number): string {
  return `127.0.1.${index + 1}`;
}

/** Host addresses as numbers, in the order in which they are configured. */
export function numbers({ routes, order }: Pick<Shape, "routes" | "order">): readonly number[] {
  const found = Array.from({ length: routes }, (_, i) => FIRST + i);
  if (order === "sorted") return found;
  // The same in every run: Fisher and Yates.
  const random = seeded(1);
  for (let i = found.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [found[i], found[j]] = [found[j] ?? 0, found[i] ?? 0];
  }
  return found;
}

/** The route that changes where one does. */
export function changing(shape: Shape): number {
  return numbers(shape)[shape.routes >>> 1] ?? FIRST;
}
