/** What operators order over the control socket, as a port that the agent fills in; all of it plain enough for JSON. */
import type { PhaseName } from "../events/event.ts";

/** Who gives an order, as the kernel says; undefined where it does not. */
export interface Requester {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Which services an order is about, by name; none are named: all, also those that come later. */
export interface Selection {
  readonly services: readonly string[];
}

/** Out of service. */
export interface DrainOrder extends Selection {
  readonly reason: string | undefined;
  /** After so long it is undone. */
  readonly forMs: number | undefined;
}

/** What was done about drains. Ordering the same again changes nothing, and is told the same. */
export interface DrainAnswer {
  /** By name, in the order of the configuration. */
  readonly services: readonly string[];
  /** Why the order will not outlive the agent; undefined: it is kept. */
  readonly lost: string | undefined;
}

/** How a reload went. */
export type ReloadAnswer =
  | {
    readonly result: "applied" | "unchanged";
    readonly hash: string;
    /** What changed, in words. */
    readonly changes: readonly string[];
    /** Keys that take effect with the next restart. */
    readonly restart: readonly string[];
    /** What of it could not be done, and is tried again. */
    readonly errors: readonly string[];
    readonly warnings: readonly string[];
  }
  /** The running configuration stays; problems as `FILE:LINE:COLUMN: …`. */
  | { readonly result: "invalid"; readonly problems: readonly string[] };

/** Where a service or a leftover is while it goes out of service, or comes back. */
export interface Progress {
  readonly service: string;
  readonly phase: PhaseName;
  /** Undefined: nothing but an event ends the phase. */
  readonly leftMs: number | undefined;
  /** Open connections; undefined where they are not counted. */
  readonly connections: number | undefined;
  /** It is where the order wants it: down, or announced again as far as its gates allow. */
  readonly done: boolean;
}

/** What the control socket can order. */
export interface Orders {
  /** @throws {UnknownNameError} where a name is no service; nothing is drained then @throws {BusyError} */
  drain(order: DrainOrder, by: Requester | undefined): Promise<DrainAnswer>;
  /** @throws {UnknownNameError} @throws {BusyError} */
  undrain(selection: Selection, by: Requester | undefined): Promise<DrainAnswer>;
  /** How far the services have got on their way. */
  progress(selection: Selection): readonly Progress[];
  /** Calls back whenever `progress` may say something else, until it is disposed. */
  onProgress(callback: () => void): Disposable;
  /** Reads the file again. @throws {BusyError} */
  reload(by: Requester | undefined): Promise<ReloadAnswer>;
  /** Probes and looks at the kernel at once. @throws {UnknownNameError} @throws {BusyError} */
  checkNow(selection: Selection, by: Requester | undefined): CheckNowAnswer;
  /** Begins to hand over; the answer goes out before the socket closes. @throws {BusyError} */
  handover(by: Requester | undefined): void;
}

/** What is looked at once. */
export interface CheckNowAnswer {
  /** Services whose checks are made. */
  readonly services: readonly string[];
  /** Whether the kernel is read, and repaired where it differs. */
  readonly kernel: boolean;
}

/** The agent cannot follow an order now, as it is starting or stopping. */
export class BusyError extends Error {
  override readonly name = "BusyError";
}
