/**
 * What is the same as at the last read is the same object, so that whoever compares sees at once that nothing changed, and
 * memory that lasts stays where it is. Pure.
 */
import type { ActualDestination, ActualKernel, ActualVirtualService } from "./state.ts";

/** `before` where `now` is equal to it, field by field; addresses are compared by their text. */
export function shared<T>(before: T | undefined, now: T): T {
  return before !== undefined && isEqual(before, now) ? before : now;
}

/**
 * The same for a virtual service that has these destinations. They are compared one by one and by name, for there may be ten
 * thousand, and those that are the same are so even where another one is not.
 */
export function sharedService(
  before: ActualVirtualService | undefined,
  { destinations: _, ...service }: ActualVirtualService,
  destinations: readonly ActualDestination[],
): ActualVirtualService {
  if (before === undefined) return { ...service, destinations };
  const have = before.destinations;
  const now = destinations.map((each, at) => {
    const last = have[at];
    return last !== undefined && isSameDestination(last, each) ? last : each;
  });
  return shared(before, { ...service, destinations: isSameRow(have, now) ? have : now });
}

function isSameDestination(one: ActualDestination, other: ActualDestination): boolean {
  if (one === other) return true;
  return one.address.text === other.address.text && one.port === other.port && one.weight === other.weight &&
    one.activeConnections === other.activeConnections &&
    one.inactiveConnections === other.inactiveConnections &&
    one.forwarding === other.forwarding && one.upperThreshold === other.upperThreshold &&
    one.lowerThreshold === other.lowerThreshold && one.foreign === other.foreign &&
    isEqual(one.tunnel, other.tunnel);
}

/** The same for a whole kernel, the objects of which are shared already. */
export function sharedKernel(before: ActualKernel | undefined, now: ActualKernel): ActualKernel {
  return before !== undefined && isSameRow(before.interfaces, now.interfaces) &&
      isSameRow(before.virtualServices, now.virtualServices)
    ? before
    : now;
}

function isSameRow<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return Object.is(one, other);
  }
  if ("text" in one && "text" in other) return one.text === other.text;
  let keys = 0;
  for (const key in one) {
    keys++;
    if (!Object.hasOwn(other, key) || !isEqual(Reflect.get(one, key), Reflect.get(other, key))) return false;
  }
  for (const _ in other) keys--;
  return keys === 0;
}
