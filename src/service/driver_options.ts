/** The world that the driver of all services lives in: the speaker, the reconciler, and whoever is told. */
import type { Route } from "../bgp/routes/route.ts";
import type { Managed } from "../kernel/kernel.ts";
import type { DesiredKernel } from "../kernel/state.ts";
import type { Clock } from "../time/clock.ts";
import type { ServiceTransition } from "./controller.ts";
import type { Leaving } from "./leaving.ts";
import type { ServiceEntry } from "./state.ts";

/** What a driver is made of. */
export interface ServiceDriverOptions {
  readonly services: readonly ServiceEntry[];
  readonly managed: Managed;
  readonly clock: Clock;
  /** What should be announced of services, by name, where it changed, and before anything else is done about it. */
  readonly announce: (routes: ReadonlyMap<string, readonly Route[]>) => void;
  /** The whole of what the kernel should have, where it is ours; where it changed, and while connections are waited for. */
  readonly program: (desired: DesiredKernel) => void;
  /** Resolves when the sockets of all routers have taken what they should be told, or after `limitMs`. */
  readonly told: (limitMs: number) => Promise<void>;
  /** `because`: the ID of the event that led to it. */
  readonly onTransition: (
    service: string,
    transition: ServiceTransition,
    because: number | undefined,
  ) => void;
  /** Something that leaves has moved on. */
  readonly onLeaving?: (leaving: Leaving) => void;
  /** Services that the configuration has no more are down, and gone. */
  readonly onGone?: (services: readonly string[]) => void;
  /** Something called from here threw. Must not throw. */
  readonly onFault: (cause: string) => void;
}
