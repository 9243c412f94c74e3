/** Who gives an order, in words for the log. Pure. */
import type { Requester } from "./orders.ts";

/** `uid 0 (pid 1234)`, or that nobody knows. */
export function requesterText(by: Requester | undefined): string {
  if (by === undefined) return "unknown user";
  // What a PID namespace hides has number 0.
  return `uid ${by.uid} (pid ${by.pid === 0 ? "unknown" : by.pid})`;
}
