/** Services that were drained before this process began: what they are told, so that they are no less far out than they were. Pure. */
import type { ActualKernel } from "../kernel/state.ts";
import type { ServiceEvent } from "./controller.ts";
import type { Drain } from "./phase.ts";
import { slicesOf } from "./slices.ts";
import type { ServiceState } from "./state.ts";

/** Why a service is out of service by what an operator ordered; undefined: it is not. */
export type OrderOf = (service: string) => Pick<Drain, "reason" | "because"> | undefined;

/** By name of those that are in service and should not be, in a kernel as it was read. */
export function resumptions(
  states: readonly ServiceState[],
  actual: ActualKernel | undefined,
  orderOf: OrderOf,
): ReadonlyMap<string, Extract<ServiceEvent, { type: "drain" }>> {
  const sliceOf = actual && slicesOf(actual);
  return new Map(states.flatMap(({ config, phase }) => {
    const order = phase.drain === undefined ? orderOf(config.name) : undefined;
    if (order === undefined) return [];
    const destinations = sliceOf?.(config).virtualServices.flatMap((each) => each.destinations) ?? [];
    const quiesced = destinations.length > 0 && destinations.every(({ weight }) => weight === 0);
    // What shifted away, or was out of service, is not announced once more.
    const limits = { ...config.stop, shiftMs: 0 };
    return [[config.name, { type: "drain", ...order, quiesced, limits } as const]];
  }));
}
