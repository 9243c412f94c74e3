/**
 * The kernel's part of a start: what can be made is made, each service for itself; what the kernel refuses is reported and
 * tried again like at any other time. Nothing is changed before it is known what an earlier process left, so that what
 * nobody wants any more goes in order.
 */
import type { Config, FamilyName } from "../config/config.ts";
import type { Kernel, Managed } from "../kernel/kernel.ts";
import {
  type HostFitness,
  type KernelReport,
  Reconciler,
  type ReconcilerOptions,
} from "../kernel/reconciler.ts";
import { NO_PLACES, together } from "../kernel/owned_places.ts";
import { refusalOfAll } from "../kernel/refusal.ts";
import type { ActualKernel } from "../kernel/state.ts";
import { Suspects } from "../kernel/suspects.ts";
import type { ServiceDriver } from "../service/driver.ts";
import { messageOf } from "../text/error_message.ts";
import { sleep } from "../time/clock.ts";
import { inSlices } from "../time/steps.ts";
import { OwnedKeeper } from "./owned_keeper.ts";
import { type AgentPorts, HostNotFitError } from "./ports.ts";
import { removeOurs } from "./removal.ts";
import { type Forwarding, forwardingOf } from "./restart.ts";
import { managedBy } from "./running_config.ts";

/** What the adoption works on. */
export interface AdoptionOptions {
  readonly kernel: Kernel;
  readonly ports: Pick<AgentPorts, "clock" | "events" | "stateFiles" | "processes" | "pid">;
  readonly config: Config;
  readonly services: ServiceDriver;
  /** Routers may keep an earlier process's routes for so long. */
  readonly routersKeepMs: number;
  /** What operators have drained is out of service from now on. */
  resumeDrains(): void;
  readonly contention: NonNullable<ReconcilerOptions["contention"]>;
  readonly onReport: (report: KernelReport) => void;
  readonly onFault: (cause: string) => void;
}

/** A kernel that cannot be read for longer is told of, and the start goes on. */
const READ_LIMIT_MS = 5_000;
const FAMILIES: readonly FamilyName[] = ["ipv4-unicast", "ipv6-unicast"];
/** Between attempts. */
const RETRY_MS = 500;

/** The first look at the kernel, and what follows from it. */
export class KernelAdoption {
  readonly #options: AdoptionOptions;
  readonly #managed: Managed;
  readonly #owned: OwnedKeeper;
  readonly #forwarding = new Map<FamilyName, Forwarding>();
  #reconciler: Reconciler | undefined;
  #places = NO_PLACES;
  #retry: Disposable | undefined;
  /** A late look that goes on. */
  #looking: Promise<void> = Promise.resolve();
  /** Why it is not known what an earlier process left; undefined: it is known, and ours to remove. */
  #unread: string | undefined;
  #disposed = false;

  constructor(options: AdoptionOptions) {
    this.#options = options;
    const { ports: { clock, events, stateFiles: files }, config: { state } } = options;
    this.#managed = managedBy(options.config);
    this.#owned = new OwnedKeeper({ clock, events, files, directory: state.directory });
  }

  /**
   * Makes the kernel right for the first time, as far as it lets us. True where forwarding state of an earlier run was found.
   * @throws {HostNotFitError} where nothing that is configured could ever work
   */
  async begin(): Promise<boolean> {
    const { ports: { clock }, routersKeepMs } = this.#options;
    if (this.#managed.ipvs) this.#places = await this.#owned.load(this.#needsRecord);
    const endMs = clock.now() + READ_LIMIT_MS;
    for (;;) {
      const host = await this.#examine();
      if (this.#disposed) return false;
      if (host.hopeless.length > 0) throw new HostNotFitError(host.hopeless.join("\n"));
      if (host.actual !== undefined) {
        this.#found(host.actual);
        await this.#adopt(host.actual, host.adopted ? routersKeepMs : 0);
        return host.adopted;
      }
      if (clock.now() >= endMs) {
        this.#goOnWithout(host);
        return false;
      }
      await sleep(clock, RETRY_MS);
    }
  }

  /** What became of what forwards a family, as far as it was found at the start. */
  forwarding(family: FamilyName): Forwarding {
    return this.#forwarding.get(family) ?? "gone";
  }

  #found(actual: ActualKernel): void {
    const { services } = this.#options.config;
    for (const family of FAMILIES) {
      this.#forwarding.set(family, forwardingOf(family, services, this.#managed, actual));
    }
  }

  /** The only writer of the kernel, once it is known what an earlier process left. */
  get reconciler(): Reconciler | undefined {
    return this.#reconciler;
  }

  /** Where virtual services are is kept in another folder from now on. */
  keepOwned(directory: string | undefined): void {
    if (this.#managed.ipvs) this.#owned.configure(directory);
  }

  /** Removes everything that is ours; resolves to what stays all the same, in words. */
  remove(): Promise<readonly string[]> {
    return removeOurs(this.#reconciler, this.#options.ports.clock, this.#unread);
  }

  /** Nothing is adopted, and nothing changed any more. */
  async close(): Promise<void> {
    this.#disposed = true;
    this.#retry?.[Symbol.dispose]();
    await this.#looking;
    await this.#reconciler?.dispose();
    await this.#owned.close();
  }

  /** The kernel stays unread for now: that is told, and it is looked at again. */
  #goOnWithout({ error }: HostFitness): void {
    const { ports: { clock }, onReport } = this.#options;
    this.#unread = error?.message;
    this.#lookLater();
    const errors = error === undefined ? [] : [error];
    onReport({
      at: clock.now(),
      actual: undefined,
      isRead: false,
      changes: [],
      repairs: [],
      errors,
      conflicts: [],
      refusals: errors.map(refusalOfAll),
      contested: [],
      converged: false,
    });
  }

  #lookLater(): void {
    const { ports: { clock }, onFault } = this.#options;
    this.#retry = clock.at(clock.now() + RETRY_MS, () => {
      this.#looking = this.#adoptLate().catch((error) => {
        onFault(messageOf(error));
        if (!this.#disposed && this.#reconciler === undefined) this.#lookLater();
      });
    });
  }

  /** Routers that came back meanwhile were told that nothing was kept: nobody has routes of an earlier process any more. */
  async #adoptLate(): Promise<void> {
    const host = await this.#examine();
    if (this.#disposed) return;
    if (host.actual === undefined) return this.#goOnWithout(host);
    await this.#adopt(host.actual, 0);
  }

  async #adopt(actual: ActualKernel, routersKeepMs: number): Promise<void> {
    const { kernel, ports, services, resumeDrains, contention, onReport, onFault } = this.#options;
    const { clock, processes, pid } = ports;
    const owned = this.#owned;
    // Routers may still have the routes of the process before this one: what they lead to goes in order.
    await inSlices(clock, services.inherit(actual, routersKeepMs, this.#places));
    if (this.#disposed) return;
    this.#unread = undefined;
    resumeDrains();
    const managed = this.#managed;
    this.#reconciler = new Reconciler({
      kernel: managed.ipvs ? owned.guard(kernel) : kernel,
      clock,
      managed,
      contention,
      suspects: processes && new Suspects({ processes, clock, pid }),
      onFault,
      onReport(report) {
        if (managed.ipvs) owned.observe(report);
        onReport(report);
      },
    });
    await this.#reconciler.want(services.desiredKernel);
    // There may be thousands, and none is known to be well before it has seen what there is.
    while (services.looksOn) await sleep(clock);
  }

  /** Addresses on interfaces of ours tell what is ours, too; nothing tells of marks, or where interfaces are not ours. */
  get #needsRecord(): boolean {
    const ports = this.#options.config.services.flatMap((service) => service.ports);
    return this.#managed.interfaces ? ports.some(({ fwmark }) => fwmark > 0) : ports.length > 0;
  }

  #examine(): Promise<HostFitness> {
    const { kernel, config, services } = this.#options;
    const enabled = config.services.filter(({ enabled }) => enabled);
    const allNeedIpvs = enabled.length > 0 && enabled.every(({ ports }) => ports.length > 0);
    const needs = { ...this.#managed, ipvs: this.#managed.ipvs && allNeedIpvs };
    const { desiredKernel } = services;
    const wanted = { ...desiredKernel, ...together([desiredKernel, this.#places]) };
    return Reconciler.examine(kernel, wanted, this.#managed, needs);
  }
}
