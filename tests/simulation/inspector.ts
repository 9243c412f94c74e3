/**
 * What must hold at every moment of a run. The inspector is told what happens and looks at the world; the first thing that is
 * wrong is kept, and ends the run. It counts what it judged, so that a run that exercises nothing shows.
 */
import type { Config } from "../../src/config/config.ts";
import type { AgentEvent } from "../../src/events/event.ts";
import { type Change, describeChange } from "../../src/kernel/change.ts";
import type { VirtualServiceId } from "../../src/kernel/state.ts";
import { attributesIn, duesOf, isDegradable } from "./attribute_rules.ts";
import type { Backend } from "./backends.ts";
import { Causes } from "./causes.ts";
import type { FakeRouter } from "./fake_router.ts";
import { KernelTrouble } from "./kernel_trouble.ts";
import { type HostKernel, serviceAt } from "./host_kernel.ts";
import type { AgentProcess } from "./process.ts";
import type { Loss } from "./route_table.ts";
import { addressOf, isFor, prefixOf, serviceOf } from "./prefixes.ts";
import { SLACK_MS, VerdictDues } from "./verdict_dues.ts";
import { destinationIn, type WeightRule, WeightRules } from "./weight_rules.ts";

/** What the inspector sees. */
export interface View {
  readonly nowMs: number;
  readonly kernel: HostKernel;
  readonly routers: readonly FakeRouter[];
  /** Undefined: no process of the agent's runs. */
  readonly process: AgentProcess | undefined;
  /** What the running agent was told to run with. */
  readonly config: Config;
  /** When it was told that, or started. */
  readonly configuredMs: number;
  /** When it was told to stop; Infinity: it was not. */
  readonly stoppingMs: number;
  backend(port: number): Backend | undefined;
  /** The agent is to announce a service of this name where it is well. */
  isInService(service: string): boolean;
  readonly latencyMs: number;
}

/** What is judged, by name; how often it was is counted. */
export type Rule =
  | "served while announced"
  | "announced as it is"
  | "in the kernel while announced"
  | "not announced while contested"
  | "repaired at once"
  | "others' objects"
  | "withdraw before break"
  | "make before announce"
  | WeightRule
  | "withdrawn for a reason"
  | "sessions end for a reason"
  | "events have causes"
  | "no fault"
  | "flapping is held"
  | "hooks in order"
  | "a plan foretells"
  | "as a fresh agent"
  | "drains take their time"
  | "orders are followed"
  | "ends as configured"
  | "stillness"
  | "nothing left in the kernel"
  | "nothing left running";

/** The reconciler looks at IPVS this often, and mends what it finds. */
const REPAIR_MS = 7000;
/** What becomes of links and addresses it is told, whatever it can do about it. */
const NOTICE_MS = 2500;
/**
 * Where both sides connect, the OPEN of one connection may come when the other one stands already, and looks like a restart
 * (RFC 4724 section 4.2): that ends a session that has only just begun.
 */
const COLLISION_MS = 1000;
/** For so long after something happened to a service it may be withdrawn: verdicts on their way, a shift. */
const DISTURBED_MS = 5000;
/** A stop waits no longer than this for routers that have not come back to this process. */
const STOP_WAITS_MS = 5000;
/** And after something happened to all: what the kernel tells nobody of is found when it is next looked at. */
const ALL_DISTURBED_MS = 8000;

/** Judges one run. */
export class Inspector {
  readonly counts = new Map<Rule, number>();
  violation: string | undefined;
  readonly #view: View;
  readonly #onViolation: () => void;
  #lastEvent = 0;
  #causes = new Causes([]);
  /** When something last happened to a service, or to all. */
  readonly #disturbed = new Map<string, number>();
  #allDisturbedMs = -Infinity;
  /** Until when the session of a router may end. */
  readonly #excused = new Map<string, number>();
  /** When a router that read nothing began to read again. */
  readonly #heardMs = new Map<string, number>();
  /** Since when an address is not served by the kernel, and whether the agent had made it before. */
  readonly #lacking = new Map<string, { readonly sinceMs: number; readonly made: boolean }>();
  readonly #made = new Set<string>();
  /** The kernel does not do as it is told until then. */
  readonly #trouble = new KernelTrouble();
  /** It cannot be read until then. */
  readonly #unread = new KernelTrouble();
  /** How long routers have to converge, by address, of this configuration or the last one that had it. */
  readonly #convergeMs = new Map<string, { readonly service: string; readonly ms: number }>();
  /** What this process has run with: a service that is configured no more is probed until it has gone. */
  #configs: readonly Config[] = [];
  /** When a router was last told that it can reach a prefix here. */
  readonly #announcedMs = new Map<string, number>();
  /** When a router was told that it cannot reach a prefix here any more. */
  readonly #withdrawnMs = new Map<string, number>();
  faultsExcused = false;
  #beganMs = 0;
  /** When the agent had done all that comes before its checks; Infinity: it has not. */
  #runningMs = Infinity;
  /** It could not read the kernel until then, and knows of no earlier process. */
  #beganBlind = false;
  readonly #weights: WeightRules;
  readonly #dues: VerdictDues;
  /** Checks of services that flap, by service and name, since when. */
  readonly #flapping = new Map<string, number>();
  /** Of each router, before this process. */
  readonly #sessionsBefore = new Map<string, number>();

  constructor(view: View, onViolation: () => void) {
    this.#view = view;
    this.#weights = new WeightRules(view, {
      serviceUntilMs: (name) => this.#disturbedUntilMs(name),
      allMs: () => this.#allDisturbedMs,
    });
    this.#dues = new VerdictDues(view, {
      runningMs: () => this.#runningMs,
      flappingSinceMs: (service, check) => this.#flapping.get(`${service} ${check}`) ?? Infinity,
    });
    this.#onViolation = onViolation;
  }

  /** Something happened to a service, or to all, that it may be withdrawn for. */
  disturb(service?: string): void {
    if (service === undefined) this.#allDisturbedMs = this.#view.nowMs;
    else this.#disturbed.set(service, this.#view.nowMs);
  }

  /** The session of a router, or of all, may end within `ms`. */
  excuse(router: string | undefined, ms: number): void {
    const names = router === undefined ? this.#view.routers.map(({ name }) => name) : [router];
    const untilMs = this.#view.nowMs + ms;
    for (const name of names) this.#excused.set(name, Math.max(this.#excused.get(name) ?? 0, untilMs));
  }

  /** The kernel refuses, or cannot be read, for so long. */
  trouble(ms: number, unread: boolean): void {
    if (unread) this.#unread.comes(this.#view.nowMs, ms);
    this.#trouble.comes(this.#view.nowMs, ms);
  }

  /** A router reads again. */
  heard(router: string): void {
    this.#heardMs.set(router, this.#view.nowMs);
  }

  /** An agent begins; what it says is counted anew. @param restored services that an earlier one had drained */
  begin(restored: readonly string[]): void {
    this.#causes = new Causes(restored);
    this.#lastEvent = 0;
    this.#beganMs = this.#view.nowMs;
    for (const { name, sessions } of this.#view.routers) this.#sessionsBefore.set(name, sessions);
    this.#made.clear();
    this.#weights.begin();
    this.#flapping.clear();
    this.#convergeMs.clear();
    this.#configs = [];
    this.#runningMs = Infinity;
    this.#beganBlind = false;
    // What an earlier one withdrew of its own accord is not known to this one; what it had drained is.
    for (const key of this.#withdrawnMs.keys()) {
      const name = serviceOf(this.#view.config, addressOf(key.slice(key.indexOf(" ") + 1)))?.name;
      if (name === undefined || !restored.includes(name)) this.#withdrawnMs.delete(key);
    }
  }

  /** A process has stopped in order: what it withdrew is done with, and what the next one makes is new. */
  stopped(): void {
    this.#withdrawnMs.clear();
  }

  /** The view's configuration is another one. */
  configured(): void {
    this.#configs = [...this.#configs, this.#view.config];
    // A check that is another one now knows nothing.
    this.#flapping.clear();
    for (const { name: service, addresses, stop: { convergeMs: ms } } of this.#view.config.services) {
      for (const { text } of addresses) {
        if (!this.#convergeMs.has(text)) this.#convergeMs.set(text, { service, ms });
      }
      // What it has no more goes by its limits of now, and a drain by those that it began with.
      for (const [text, before] of this.#convergeMs) {
        if (before.service === service) {
          this.#convergeMs.set(text, { service, ms: Math.min(before.ms, ms) });
        }
      }
    }
  }

  event(event: AgentEvent): void {
    this.judge("events have causes", this.#causes.wrongWith(event));
    this.#weights.event(event);
    if (event.kind === "check-flapping" && event.destination === undefined) this.#judgeFlapping(event);
    if (event.kind === "agent-state" && event.to === "running") this.#runningMs = this.#view.nowMs;
    if (event.kind === "kernel-error" && this.#runningMs === Infinity) {
      this.#beganBlind ||= event.cause.startsWith("read:");
    }
    if (event.kind === "fault" && !(event.part === "check" && this.faultsExcused)) {
      this.fail("no fault", `${event.part} ${event.name}: ${event.cause}`);
    }
  }

  #judgeFlapping({ service, check, flapping, at }: Extract<AgentEvent, { kind: "check-flapping" }>): void {
    const key = `${service} ${check}`;
    const sinceMs = this.#flapping.get(key);
    if (flapping) this.#flapping.set(key, at);
    else this.#flapping.delete(key);
    const config = this.#view.config.services.find(({ name }) => name === service)?.checks
      .find(({ name }) => name === check);
    if (flapping) this.#count("flapping is held");
    if (sinceMs === undefined || flapping) return;
    const heldMs = at - sinceMs;
    const isShort = heldMs < (config?.flap?.holdMs ?? 0) - 1;
    this.judge("flapping is held", isShort ? `${key} for ${heldMs} ms` : undefined);
  }

  /** Every event has the next ID. */
  identified(id: number): void {
    if (id !== this.#lastEvent + 1) {
      this.fail("events have causes", `event ${id} came after event ${this.#lastEvent}`);
    }
    this.#lastEvent = id;
  }

  /** The agent is about to make a change that the kernel will not refuse. */
  change(change: Change): void {
    const { kernel, config, routers, nowMs, latencyMs } = this.#view;
    for (const { rule, wrong } of this.#weights.change(change)) this.judge(rule, wrong);
    // What has failed serves nobody: its route is withdrawn in the same turn, and nothing is waited for.
    if (this.#isOfFailed(change)) return;
    // What is configured no more is what it was.
    const known = "service" in change && typeof change.service === "object"
      ? this.#knownWith(change.service)
      : undefined;
    const isOfMark = "service" in change && typeof change.service === "object" && change.service.fwmark > 0;
    for (const text of kernel.broken(known ?? config, change)) {
      this.#count("withdraw before break");
      const convergeMs = this.#convergeMs.get(text)?.ms ?? 0;
      for (const router of routers) {
        const prefix = prefixOf(text);
        if (this.#keepsOf(router, text)) {
          this.fail(
            "withdraw before break",
            `${describeChange(change)} while ${router.name} keeps ${prefix}`,
          );
        }
        // What this process never had, its own routes do not lead to.
        if (this.impeded(router) || known === undefined && isOfMark) continue;
        const route = router.routes.get(prefix);
        if (route !== undefined) {
          this.fail("withdraw before break", `${describeChange(change)} while ${router.name} has ${prefix}`);
        }
        const agoMs = nowMs - (this.#withdrawnMs.get(`${router.name} ${prefix}`) ?? -Infinity);
        if (agoMs < convergeMs - latencyMs - 1) {
          this.fail(
            "withdraw before break",
            `${describeChange(change)} ${agoMs} ms after ${router.name} lost ${prefix}, not ${convergeMs}`,
          );
        }
      }
    }
  }

  /** It is about a destination that does not work, or did not a moment ago, or that is the last resort. */
  #isOfFailed(change: Change): boolean {
    if (change.type !== "set-destination" && change.type !== "delete-destination") return false;
    // What is wanted no more waits for the routes that went with it, and not for what fails meanwhile.
    const service = serviceAt(this.#view.config, change.service);
    if (
      service !== undefined && destinationIn(service, change) === undefined && this.#dues.isAiling(service)
    ) {
      return true;
    }
    return this.#configs.some((config) => this.#dues.isOfFailedIn(config, change));
  }

  /** The newest configuration of this process that has the service which has, or had, `id`. */
  #knownWith(id: VirtualServiceId): Config | undefined {
    const having = this.#configs.findLast((config) => serviceAt(config, id) !== undefined);
    const owner = having && serviceAt(having, id)?.name;
    return this.#configs.findLast(({ services }) => services.some(({ name }) => name === owner));
  }

  /** The agent, or somebody else, has changed the kernel, or the configuration is another one. */
  kernelChanged(byAgent: boolean): void {
    const { kernel, config, nowMs } = this.#view;
    if (byAgent) {
      this.#count("others' objects");
      const [touched] = kernel.touched;
      if (touched !== undefined) this.fail("others' objects", touched);
    }
    for (const { addresses } of config.services) {
      for (const { text } of addresses) {
        if (kernel.lack(config, text) === undefined) {
          this.#made.add(text);
          this.#lacking.delete(text);
        } else if (!this.#lacking.has(text)) {
          this.#lacking.set(text, { sinceMs: nowMs, made: this.#made.has(text) });
        }
      }
    }
  }

  announced(router: FakeRouter, prefix: string): void {
    this.#count("make before announce");
    this.#announcedMs.set(`${router.name} ${prefix}`, this.#view.nowMs);
    this.#withdrawnMs.delete(`${router.name} ${prefix}`);
    const text = addressOf(prefix);
    const lacking = this.#lacking.get(text);
    if (lacking === undefined || this.impeded(router)) return;
    const { kernel, config, nowMs, latencyMs } = this.#view;
    const lack = kernel.lack(config, text);
    // While the kernel cannot be read, what it had counts.
    const wasThere = lacking.made || nowMs < this.#unread.endMs;
    if (wasThere && nowMs < this.#lackBoundMs(lacking.sinceMs, lack)) return;
    if (nowMs - lacking.sinceMs <= latencyMs) return;
    this.fail("make before announce", `${router.name} has ${prefix}, but ${lack}`);
  }

  lost(router: FakeRouter, prefix: string, how: Loss): void {
    const { nowMs, config } = this.#view;
    // A router that read late is no measure of when it was told.
    if (how === "withdrawn" && !this.impeded(router)) {
      this.#withdrawnMs.set(`${router.name} ${prefix}`, nowMs);
    }
    if (how === "session" || how === "restart time") return;
    // One that has just begun to read again hears what was said long ago.
    if (how === "withdrawn" && this.impeded(router)) return;
    this.#count("withdrawn for a reason");
    const service = serviceOf(config, addressOf(prefix));
    if (service === undefined || !service.enabled || !this.#view.isInService(service.name)) return;
    if (!isFor(config, service, router.name, prefix)) return;
    // A router that comes back late hears late what has become of it meanwhile.
    const saidMs = this.#announcedMs.get(`${router.name} ${prefix}`) ?? -Infinity;
    if (how === "not refreshed" && (this.#disturbed.get(service.name) ?? -Infinity) >= saidMs) return;
    const excusedMs = Math.max(
      this.#dues.noticedMs(this.#allDisturbedMs) + ALL_DISTURBED_MS,
      this.#disturbedUntilMs(service.name),
    );
    const backends = service.checks.map((check) =>
      check.type === "http" ? this.#view.backend(check.port) : undefined
    );
    // What is announced all the same keeps its route; until it is known what it is, none of an earlier process is refreshed.
    const isOver = isDegradable(service) && how === "withdrawn";
    const sick = this.#dues.isAiling(service) ||
      (!isOver && backends.some((backend) => backend !== undefined && backend.state !== "up"));
    if (sick || nowMs < excusedMs || nowMs < this.#trouble.endMs) return;
    this.fail(
      "withdrawn for a reason",
      `${router.name} lost ${prefix} (${how}), and nothing has happened to ${service.name}`,
    );
  }

  /**
   * A router has had no session with this process, and keeps a route of the one before: packets come by it until its time is
   * over. A process knows that of peers of its own configuration, and of what it has found in the kernel.
   */
  #keepsOf(router: FakeRouter, text: string): boolean {
    const { kernel, config } = this.#view;
    const route = router.routes.get(prefixOf(text));
    if (route === undefined || !route.stale || kernel.orphaned.has(text) || this.#beganBlind) return false;
    if (this.#view.nowMs >= this.#view.stoppingMs + STOP_WAITS_MS) return false;
    if (router.sessions !== this.#sessionsBefore.get(router.name)) return false;
    // A router that was no peer when this process began is not known to it, and one that is none any more is given up.
    const peerOf = (of: Config | undefined) => of?.bgp.peers.find(({ name }) => name === router.name);
    const peer = peerOf(this.#configs[0]);
    if (peerOf(config) === undefined) return false;
    this.#count("withdraw before break");
    return route.keptUntilMs <= this.#beganMs + (peer?.gracefulRestart?.restartTimeSeconds ?? 0) * 1000;
  }

  #disturbedUntilMs(service: string): number {
    return this.#dues.noticedMs(this.#disturbed.get(service) ?? -Infinity) + DISTURBED_MS;
  }

  /** The kernel does as it is told, and has done so for long enough. */
  get isKernelWell(): boolean {
    const { nowMs, kernel } = this.#view;
    return kernel.isWell && nowMs > this.#trouble.endMs && nowMs > this.#unread.endMs;
  }

  /** The agent has done all that comes before its checks. */
  get isRunning(): boolean {
    return this.#view.nowMs > this.#runningMs;
  }

  /** Addresses that have begun at this very moment to be served no more. */
  get hurtNow(): readonly string[] {
    const { nowMs } = this.#view;
    return [...this.#lacking].filter(([, { sinceMs, made }]) => made && sinceMs === nowMs).map(([text]) =>
      text
    );
  }

  ended(router: FakeRouter, cause: string, lastedMs: number): void {
    this.#count("sessions end for a reason");
    if (lastedMs < COLLISION_MS) return;
    if (this.#view.nowMs <= (this.#excused.get(router.name) ?? -Infinity)) return;
    this.fail("sessions end for a reason", `the session of ${router.name} ended: ${cause}`);
  }

  /** Looks at what every router has. */
  look(): void {
    const { routers, process, config, kernel } = this.#view;
    if (process === undefined || process.stalled) return;
    for (const router of routers) {
      if (this.impeded(router)) continue;
      for (const [prefix, { stale, attributes }] of router.routes) {
        if (stale) continue;
        this.#judgeRoute(router, prefix, config, kernel);
        this.#judgeAttributes(router, prefix, attributes);
      }
    }
  }

  /** Counts what was judged elsewhere, and keeps what is wrong. */
  judge(rule: Rule, wrong: string | undefined): void {
    this.#count(rule);
    if (wrong !== undefined) this.fail(rule, wrong);
  }

  fail(rule: Rule, what: string): void {
    if (this.violation !== undefined) return;
    this.violation = `${rule}: ${what}`;
    this.#onViolation();
  }

  #judgeRoute(router: FakeRouter, prefix: string, config: Config, kernel: HostKernel): void {
    const { nowMs } = this.#view;
    const text = addressOf(prefix);
    const lacking = this.#lacking.get(text);
    if (lacking !== undefined) {
      this.#count("in the kernel while announced");
      const lack = kernel.lack(config, text);
      if (nowMs > this.#lackBoundMs(lacking.sinceMs, lack)) {
        const forMs = nowMs - lacking.sinceMs;
        this.fail("in the kernel while announced", `${router.name} has ${prefix} after ${forMs} ms: ${lack}`);
      }
    }
    const dueMs = this.#dues.withdrawalDueMs(serviceOf(config, text), text.includes(":") ? 6 : 4);
    if (dueMs === Infinity) return;
    this.#count("served while announced");
    if (nowMs > dueMs) {
      this.fail(
        "served while announced",
        `${router.name} has ${prefix}, ${nowMs - dueMs} ms after it was due to go`,
      );
    }
  }

  /** Of a service that is announced healthy or not. */
  #judgeAttributes(router: FakeRouter, prefix: string, attributes: string): void {
    const { config, configuredMs, nowMs, latencyMs } = this.#view;
    const text = addressOf(prefix);
    const service = serviceOf(config, text);
    const peer = config.bgp.peers.find(({ name }) => name === router.name);
    if (service === undefined || peer === undefined || !isDegradable(service)) return;
    const { healthyMs, unhealthyMs } = duesOf(
      service.checks,
      (check) => this.#dues.verdictDueMs(check),
      (check) => this.#dues.upSinceMs(check),
    );
    const at = { family: text.includes(":") ? 6 : 4 } as const;
    for (const [health, dueMs] of [["healthy", healthyMs], ["unhealthy", unhealthyMs]] as const) {
      const overMs = Math.max(dueMs, configuredMs) + SLACK_MS + latencyMs;
      if (nowMs <= overMs) continue;
      this.#count("announced as it is");
      if (attributes !== attributesIn(service, health, at, { peer, config })) continue;
      this.fail(
        "announced as it is",
        `${router.name} has ${prefix} as ${health}, ${nowMs - dueMs} ms too long`,
      );
    }
  }

  #lackBoundMs(sinceMs: number, lack: string | undefined): number {
    const { process, configuredMs } = this.#view;
    // Orders get through to one that stands still: they are given to the agent itself.
    if (process?.stalled === true) return Infinity;
    const latestMs = Math.max(sinceMs, process?.resumedMs ?? 0, configuredMs);
    const isLink = lack !== undefined && /interface|address/.test(lack);
    if (isLink) return Math.max(latestMs, this.#unread.endMs) + NOTICE_MS;
    return Math.max(latestMs, this.#trouble.endMs) + REPAIR_MS;
  }

  /** What the agent says does not get through to a router. */
  impeded(router: FakeRouter): boolean {
    const agoMs = this.#view.nowMs - (this.#heardMs.get(router.name) ?? -Infinity);
    return !router.established || router.deaf || agoMs < 10 * this.#view.latencyMs + SLACK_MS;
  }

  #count(rule: Rule): void {
    this.counts.set(rule, (this.counts.get(rule) ?? 0) + 1);
  }
}
