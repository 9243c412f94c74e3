/** Orders in memory: what was ordered by whom, and progress that a test moves. */
import {
  BusyError,
  type CheckNowAnswer,
  type DrainAnswer,
  type DrainOrder,
  type Orders,
  type Progress,
  type ReloadAnswer,
  type Requester,
  type Selection,
} from "../../src/control/orders.ts";
import type { Planner } from "../../src/control/plan_route.ts";
import { UnknownNameError } from "../../src/status/views.ts";

/** Follows orders for a few services. */
export class MemoryOrders implements Orders {
  readonly given: (readonly [order: string, details: unknown, by: Requester | undefined])[] = [];
  readonly watchers = new Set<() => void>();
  busy: string | undefined;
  lost: string | undefined;
  reloaded: ReloadAnswer | Promise<ReloadAnswer> = {
    result: "unchanged",
    hash: "abc",
    changes: [],
    restart: [],
    errors: [],
    warnings: [],
  };
  steps: readonly Progress[] = [];
  readonly #names: readonly string[];

  constructor(names: readonly string[] = ["web", "dns"]) {
    this.#names = names;
    this.steps = names.map((service) => step(service, { done: true }));
  }

  // deno-lint-ignore require-await -- refusals are rejections
  async drain(order: DrainOrder, by: Requester | undefined): Promise<DrainAnswer> {
    return { services: this.#note("drain", order, by, order), lost: this.lost };
  }

  // deno-lint-ignore require-await -- refusals are rejections
  async undrain(selection: Selection, by: Requester | undefined): Promise<DrainAnswer> {
    return { services: this.#note("undrain", selection, by, selection), lost: this.lost };
  }

  progress(selection: Selection): readonly Progress[] {
    const names = this.#select(selection);
    return this.steps.filter(({ service }) => names.includes(service));
  }

  onProgress(callback: () => void): Disposable {
    this.watchers.add(callback);
    return { [Symbol.dispose]: () => void this.watchers.delete(callback) };
  }

  async reload(by: Requester | undefined): Promise<ReloadAnswer> {
    this.#note("reload", undefined, by);
    return await this.reloaded;
  }

  checkNow(selection: Selection, by: Requester | undefined): CheckNowAnswer {
    return { services: this.#note("check-now", selection, by, selection), kernel: true };
  }

  handover(by: Requester | undefined): void {
    this.#note("handover", undefined, by);
  }

  /** Another progress, told to whoever watches. */
  move(...steps: readonly Progress[]): void {
    this.steps = steps;
    for (const watcher of [...this.watchers]) watcher();
  }

  #note(
    order: string,
    details: unknown,
    by: Requester | undefined,
    selection: Selection = { services: [] },
  ): readonly string[] {
    if (this.busy !== undefined) throw new BusyError(this.busy);
    const names = this.#select(selection);
    this.given.push([order, details, by]);
    return names;
  }

  #select({ services }: Selection): readonly string[] {
    const unknown = services.find((name) => !this.#names.includes(name));
    if (unknown !== undefined) throw new UnknownNameError("service", unknown, this.#names);
    return services.length === 0 ? this.#names : this.#names.filter((name) => services.includes(name));
  }
}

/** A step of a service on its way. */
export function step(service: string, rest: Partial<Progress> = {}): Progress {
  return { service, phase: "down", leftMs: undefined, connections: undefined, done: false, ...rest };
}

/** For apps that are asked for no plans. */
export const NO_PLANS: Planner = { plan: () => Promise.reject(new Error("nobody plans here")) };
