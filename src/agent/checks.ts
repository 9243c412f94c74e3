/**
 * The health checks of all services and of their destinations: made, started and ended together; what they find becomes
 * events and verdicts.
 */
import { changedKeys } from "../config/canonical.ts";
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { ServiceConfig } from "../config/config.ts";
import type { Check } from "../health/check.ts";
import type { CheckStatus } from "../health/check_status.ts";
import { LoopDelay } from "../health/loop_delay.ts";
import type { Spread } from "../health/schedule.ts";
import type { ServiceEvent } from "../service/controller.ts";
import { DestinationChecks, type DestinationChecksOptions } from "./destination_checks.ts";
import { leavesHost } from "./leaves_host.ts";
import type { AgentPorts } from "./ports.ts";
import { Spaced } from "./spaced.ts";
import { messageOf } from "../text/error_message.ts";
import { sleep } from "../time/clock.ts";
import type { Loop } from "../time/loop.ts";
import { atOnce, inSlices, mapInSteps } from "../time/steps.ts";
import { type Said, toldCheck } from "./told_check.ts";

/** What the checks are made of. */
export interface ServiceChecksOptions extends DestinationChecksOptions, Pick<AgentPorts, "watchLosses"> {
  readonly services: readonly ServiceConfig[];
  readonly onVerdict: (service: string, event: Extract<ServiceEvent, { type: "verdict" }>) => void;
}

/** So many begin in one turn, and may have their answers in the next one. */
const PROBES_A_TURN = 16;

/** A check that runs, and what it was made of. */
interface Made {
  readonly config: CheckConfig;
  readonly check: Check;
}

/** Every check of one agent. */
export class ServiceChecks {
  readonly #options: Omit<ServiceChecksOptions, "services"> & { readonly loopDelay: LoopDelay };
  readonly #destinations: DestinationChecks;
  /** By service, then by name. */
  #checks: ReadonlyMap<string, ReadonlyMap<string, Made>> = new Map();
  /** What was prepared and is not in force yet: it goes on, whoever goes meanwhile. */
  #coming: ReadonlySet<Check> = new Set();
  #started = false;
  /** A link that flaps must not keep this host busy. */
  readonly #lossTrips: Spaced;
  #losses: Disposable | undefined;

  constructor(options: ServiceChecksOptions) {
    this.#options = { ...options, loopDelay: new LoopDelay(options.clock) };
    this.#lossTrips = new Spaced(options.clock, () => this.#each(this.#leavingHost, (check) => check.trip()));
    this.#destinations = new DestinationChecks(this.#options);
    this.prepare(options.services)();
  }

  /**
   * Makes the checks of `services` that there are not yet, and gives what goes over to them: those that are the same go on as
   * they are, wherever they stand, the others end; those of services in `leaving` go on for as long as these are there.
   * @throws {Error} where one cannot be made; nothing has changed then
   */
  prepare(services: readonly ServiceConfig[]): (leaving?: ReadonlySet<string>) => void {
    // Those of destinations stand behind them on the beat.
    const count = services.reduce((sum, { checks }) => sum + checks.length, 0);
    let index = 0;
    const made = new Map<string, ReadonlyMap<string, Made>>(services.map(({ name, checks }) => {
      const old = this.#checks.get(name);
      return [
        name,
        new Map(checks.map((config) => {
          const spread = { index: index++, count };
          const same = old?.get(config.name);
          const keeps = same !== undefined &&
            (same.config === config || changedKeys(same.config, config).length === 0);
          return [config.name, keeps ? same : { config, check: this.#create(name, config, spread) }];
        })),
      ];
    }));
    const destinations = this.#destinations.prepare(services, count);
    this.#forgetOwn();
    this.#coming = new Set(allOf(made).map(({ check }) => check));
    return (leaving = new Set()) => {
      this.#coming = new Set();
      destinations(leaving);
      this.#goOver(made, leaving);
    };
  }

  /** What was prepared does not come into force. */
  forget(): void {
    this.#destinations.forget();
    this.#forgetOwn();
  }

  #forgetOwn(): void {
    const kept = new Set(this.#all());
    for (const check of this.#coming) if (!kept.has(check)) check.stop();
    this.#coming = new Set();
  }

  /** Services that were on their way out have gone, but for those in `leaving`. */
  dropGone(configured: ReadonlySet<string>, leaving: ReadonlySet<string>): void {
    const kept = [...this.#checks].filter(([name]) => configured.has(name) || leaving.has(name));
    this.#destinations.retain((name) => configured.has(name) || leaving.has(name));
    this.#goOver(new Map(kept), leaving);
  }

  #goOver(checks: Map<string, ReadonlyMap<string, Made>>, leaving: ReadonlySet<string>): void {
    const before = this.#checks;
    for (const [name, old] of before) if (leaving.has(name) && !checks.has(name)) checks.set(name, old);
    this.#checks = checks;
    const kept = new Set([...this.#all(), ...this.#coming]);
    for (const { check } of allOf(before)) if (!kept.has(check)) check.stop();
    if (!this.#started) return;
    this.#watchLosses();
    atOnce(this.#starting());
  }

  /** The names of a service's checks. */
  keys(service: string): readonly string[] {
    return [...this.#checks.get(service)?.keys() ?? []];
  }

  /** What is known of a service's checks. */
  status(service: string): readonly CheckStatus[] {
    return this.#of(service).map((check) => check.status());
  }

  /** What is known already of a check of a destination, for there is the same one. */
  saidOf(config: CheckConfig): Said | undefined {
    return this.#destinations.saidOf(config);
  }

  /** Every check. */
  loops(): readonly Loop[] {
    const own = [...this.#checks].flatMap(([service, checks]) =>
      [...checks.values()].map(({ check: { name, dueMs } }) => ({ name: `check ${service}/${name}`, dueMs }))
    );
    return [...own, ...this.#destinations.loops()];
  }

  /** Begins to probe; thousands do so in slices. */
  async start(): Promise<void> {
    this.#started = true;
    this.#watchLosses();
    await inSlices(this.#options.clock, this.#starting());
  }

  *#starting(): Generator<void, void> {
    yield* mapInSteps(this.#all(), (check) => check.start());
    yield* mapInSteps(this.#destinations.all, (check) => check.start());
  }

  /** Something has happened to these services: their checks, and those of their destinations, are probed beside the beat. */
  trip(services: readonly string[]): void {
    if (services.length === 0) return;
    const { checks } = this.#destinations.of(new Set(services));
    this.#each([...services.flatMap((name) => this.#of(name)), ...checks], (check) => check.trip());
  }

  /** While that concerns any check: of a way out that is lost idle connections say nothing. */
  #watchLosses(): void {
    if (this.#leavingHost.length > 0) {
      this.#losses ??= this.#options.watchLosses?.(() => this.#lossTrips.call());
    } else this.#forgetLosses();
  }

  #forgetLosses(): void {
    this.#losses?.[Symbol.dispose]();
    this.#losses = undefined;
    this.#lossTrips.cancel();
  }

  /** Those that a way out of this host matters to. */
  get #leavingHost(): readonly Check[] {
    const own = allOf(this.#checks).filter(({ config }) => leavesHost(config)).map(({ check }) => check);
    return [...own, ...this.#destinations.leavingHost];
  }

  /** Probes all of these services' at once, thousands some in each turn; gives the services that have any. */
  probeNow(services: readonly string[]): readonly string[] {
    const { checks, having } = this.#destinations.of(new Set(services));
    this.#each([...services.flatMap((name) => this.#of(name)), ...checks], (check) => check.probeNow());
    return services.filter((name) => having.has(name) || this.#of(name).length > 0);
  }

  /** Thousands some in each turn. */
  #each(checks: readonly Check[], begin: (check: Check) => void): void {
    this.#eachInTurns(checks, begin).catch((error) => {
      this.#options.events.publish({
        kind: "fault",
        part: "check",
        name: "check-now",
        cause: messageOf(error),
      });
    });
  }

  async #eachInTurns(checks: readonly Check[], begin: (check: Check) => void): Promise<void> {
    for (let begun = 0; begun < checks.length; begun += PROBES_A_TURN) {
      if (begun > 0) await sleep(this.#options.clock);
      checks.slice(begun, begun + PROBES_A_TURN).forEach(begin);
    }
  }

  /** Ends for good. */
  stop(): void {
    this.#started = false;
    this.#forgetLosses();
    this.#forgetOwn();
    this.#all().forEach((check) => check.stop());
    this.#destinations.stop();
    this.#options.loopDelay[Symbol.dispose]();
  }

  #of(service: string): readonly Check[] {
    return [...this.#checks.get(service)?.values() ?? []].map(({ check }) => check);
  }

  #all(): readonly Check[] {
    return allOf(this.#checks).map(({ check }) => check);
  }

  #create(service: string, config: CheckConfig, spread: Spread): Check {
    const { onVerdict } = this.#options;
    const { name: check } = config;
    return toldCheck({
      target: { type: "service", service },
      config,
      spread,
      tell: ({ verdict, cause }) => onVerdict(service, { type: "verdict", check, verdict, cause }),
    }, this.#options);
  }
}

function allOf(checks: ReadonlyMap<string, ReadonlyMap<string, Made>>): readonly Made[] {
  return [...checks.values()].flatMap((each) => [...each.values()]);
}
