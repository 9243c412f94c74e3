/**
 * The kernel's part of a start: what can be made is made, each service for itself; what the kernel refuses is reported and
 * tried again like at any other time. Nothing is changed before it is known what an earlier process left, so that what
 * nobody wants any more goes in order.
 */
import type { Config } from "../config/config.ts";
import type { Kernel, Managed } from "../kernel/kernel.ts";
import { type HostFitness, type KernelReport, Reconciler } from "../kernel/reconciler.ts";
import { refusalOfAll } from "../kernel/refusal.ts";
import type { ServiceDriver } from "../service/driver.ts";
import { type Clock, sleep } from "../time/clock.ts";
import { HostNotFitError } from "./ports.ts";
import { managedBy } from "./running_config.ts";

/** What the adoption works on. */
export interface AdoptionOptions {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly config: Config;
  readonly services: ServiceDriver;
  /** Routers may keep an earlier process's routes for so long. */
  readonly routersKeepMs: number;
  /** What operators have drained is out of service from now on. */
  resumeDrains(): void;
  /** Makes the reconciler that is the only writer from then on. */
  reconcile(managed: Managed): Reconciler;
  readonly onReport: (report: KernelReport) => void;
}

/** A kernel that cannot be read for longer is told of, and the start goes on. */
const READ_LIMIT_MS = 5_000;
/** Between attempts. */
const RETRY_MS = 500;

/** The first look at the kernel, and what follows from it. */
export class KernelAdoption implements Disposable {
  readonly #options: AdoptionOptions;
  readonly #managed: Managed;
  #retry: Disposable | undefined;
  #unread: string | undefined;
  #disposed = false;

  constructor(options: AdoptionOptions) {
    this.#options = options;
    this.#managed = managedBy(options.config);
  }

  /**
   * Makes the kernel right for the first time, as far as it lets us. True where forwarding state of an earlier run was found.
   * @throws {HostNotFitError} where nothing that is configured could ever work
   */
  async begin(): Promise<boolean> {
    const { clock, routersKeepMs } = this.#options;
    const endMs = clock.now() + READ_LIMIT_MS;
    for (;;) {
      const host = await this.#examine();
      if (host.hopeless.length > 0) throw new HostNotFitError(host.hopeless.join("\n"));
      if (host.actual !== undefined) {
        await this.#adopt(host.actual, host.adopted ? routersKeepMs : 0);
        return host.adopted;
      }
      if (clock.now() >= endMs || this.#disposed) {
        this.#goOnWithout(host);
        return false;
      }
      await sleep(clock, RETRY_MS);
    }
  }

  /** Why it is not known what an earlier process left; undefined: it is known, and ours to remove. */
  get unread(): string | undefined {
    return this.#unread;
  }

  /** Nothing is adopted any more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#retry?.[Symbol.dispose]();
  }

  /** The kernel stays unread for now: that is told, and it is looked at again. */
  #goOnWithout({ error }: HostFitness): void {
    const { clock, onReport } = this.#options;
    this.#unread = error?.message;
    this.#retry = clock.at(clock.now() + RETRY_MS, () => void this.#adoptLate());
    const errors = error === undefined ? [] : [error];
    onReport({
      at: clock.now(),
      actual: undefined,
      changes: [],
      errors,
      conflicts: [],
      refusals: errors.map(refusalOfAll),
      contested: [],
      converged: false,
    });
  }

  /** Routers that came back meanwhile were told that nothing was kept: nobody has routes of an earlier process any more. */
  async #adoptLate(): Promise<void> {
    const host = await this.#examine();
    if (this.#disposed) return;
    if (host.actual === undefined) return this.#goOnWithout(host);
    this.#unread = undefined;
    await this.#adopt(host.actual, 0);
  }

  async #adopt(actual: NonNullable<HostFitness["actual"]>, routersKeepMs: number): Promise<void> {
    const { services, resumeDrains, reconcile } = this.#options;
    // Routers may still have the routes of the process before this one: what they lead to goes in order.
    services.inherit(actual, routersKeepMs);
    resumeDrains();
    await reconcile(this.#managed).want(services.desiredKernel);
  }

  #examine(): Promise<HostFitness> {
    const { kernel, config, services } = this.#options;
    const enabled = config.services.filter(({ enabled }) => enabled);
    const allNeedIpvs = enabled.length > 0 && enabled.every(({ ports }) => ports.length > 0);
    const needs = { ...this.#managed, ipvs: this.#managed.ipvs && allNeedIpvs };
    return Reconciler.examine(kernel, services.desiredKernel, this.#managed, needs);
  }
}
