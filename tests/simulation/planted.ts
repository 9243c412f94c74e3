/** Bugs that somebody might write, each as a small change of one file, for a test that the simulation finds them. */

/** One bug; `find` stands in `file` exactly once. */
export interface PlantedBug {
  readonly name: string;
  /** Below `src/`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Each of them is found by the simulation. */
export const PLANTED: readonly PlantedBug[] = [
  {
    name: "wrong order: weight 0 before routers have converged",
    file: "service/phase.ts",
    find: `return name === "quiescing" || name === "down";`,
    replace: `return name !== "serving" && name !== "shifting";`,
  },
  {
    name: "dead timer: after an error the reconciler does not run again",
    file: "kernel/reconciler.ts",
    find: "this.#arm(this.#nextMs());",
    replace: "if (report.errors.length === 0) this.#arm(this.#nextMs());",
  },
  {
    name: "what others change again and again is announced all the same",
    file: "service/gates.ts",
    find: "applies: ({ contested }) => contested.length > 0,",
    replace: "applies: () => false,",
  },
  {
    name: "dead timer: IPVS is not looked at between changes",
    file: "kernel/reconciler.ts",
    find: "return virtualServices.length > 0 ? ipvsPeriodMs : periodMs;",
    replace: "return virtualServices.length > 0 ? 20 * ipvsPeriodMs : periodMs;",
  },
  {
    name: "lost event: what the kernel tells of links and addresses is not heard",
    file: "kernel/reconciler.ts",
    find: "kernel.watch((notices) => this.#notified(notices));",
    replace: "kernel.watch(() => void this.#busySinceMs);",
  },
  {
    name: "a reload takes a check for healthy that is not",
    file: "service/controller.ts",
    find: "if (known !== undefined) return [[key, known]];",
    replace: 'if (known !== undefined) return [[key, { ...known, verdict: "healthy" }]];',
  },
  {
    name: "two writers: what the kernel is to get for a reload stays wanted after it",
    file: "service/driver.ts",
    find:
      "const { states, leaving, transitions } = this.preview(services, because);\n    this.#coming = NOTHING;",
    replace: "const { states, leaving, transitions } = this.preview(services, because);",
  },
  {
    name: "drains are forgotten over a restart",
    file: "agent/drain_keeper.ts",
    find: "this.#drains = decodeDrains(file, this.#moment());",
    replace: "decodeDrains(file, this.#moment());",
  },
  {
    name: "a drain is said to be kept, and is not written",
    file: "agent/orders.ts",
    find: "const kept = drains.drain(services, drained);",
    replace: "const kept = Promise.resolve<string | undefined>(undefined);\n    void drained;",
  },
  {
    name: "a drain with a time does not end by itself",
    file: "agent/drain_keeper.ts",
    find: "this.#options.onEnd(before);",
    replace: "void before;",
  },
  {
    name: "a service that is drained keeps its weights",
    file: "service/weights.ts",
    find: "destinationOf(config, view.quiesced ? 0 : weighed.weight)",
    replace: "destinationOf(config, weighed.weight)",
  },
  {
    name: "a destination that failed keeps its weight",
    file: "service/weights.ts",
    find: "return still(isKept ? 0 : undefined);",
    replace: "return still(isKept ? target : undefined);",
  },
  {
    name: "a restart cuts destinations that have no verdict yet",
    file: "service/weights.ts",
    find: "return still(isGiven ? known.inherited : Math.min(known.inherited, target));",
    replace: "return still(isGiven ? target : 0);",
  },
  {
    name: "dead timer: a weight that grows stands still",
    file: "service/desired.ts",
    find: "nextMs = Math.min(nextMs, weights.nextMs);",
    replace: "void weights.nextMs;",
  },
  {
    name: "lost event: who shares a check does not hear of it",
    file: "agent/destination_checks.ts",
    find: "if (known !== undefined) known.listeners.push(listener);",
    replace: "if (known !== undefined) void known.listeners;",
  },
  {
    name: "a port that is below its quorum is announced",
    file: "service/weights.ts",
    find: "return liveWeight >= quorumNeeds({ quorum, hysteresis }, before);",
    replace: "return liveWeight >= Math.min(1, quorumNeeds({ quorum, hysteresis }, before));",
  },
  {
    name: "a quorum gate that is open too early: hysteresis counts where it is held alone",
    file: "service/weights.ts",
    find: "return Math.max(1, held ? quorum - hysteresis : quorum + hysteresis);",
    replace: "return Math.max(1, held ? quorum - hysteresis : quorum);",
  },
  {
    name: "a new destination gets connections before its first verdict",
    file: "service/weights.ts",
    find: `const mayServe = verdict === "healthy" || (verdict === "unknown" && (state?.inherited ?? 0) > 0);`,
    replace: `const mayServe = verdict !== "unhealthy";`,
  },
  {
    name: "a weight that a check gave is forgotten over a restart",
    file: "service/weights.ts",
    find: "const isGiven = config.checks.some(givesWeight);",
    replace: "const isGiven = false;",
  },
  {
    name: "that a local route is gone is not looked at",
    file: "kernel/diff_links.ts",
    find: "...there.localRoute || !isRouted ? []",
    replace: "...there.localRoute !== undefined || !isRouted ? []",
  },
  {
    name: "that an interface is part of another is not looked at",
    file: "kernel/diff_links.ts",
    find: "if (have.master !== undefined) reasons.push(`was in master ${have.master}`);",
    replace: "void have.master;",
  },
  {
    name: "thresholds are written and not compared",
    file: "kernel/ipvs_fields.ts",
    find: `{ name: "upper threshold", of: ({ upperThreshold }) => upperThreshold },`,
    replace: `{ name: "upper threshold", of: () => 0 },`,
  },
  {
    name: "one back-off for all: who is fought over keeps the others from being repaired",
    file: "kernel/repairs.ts",
    find: "Math.max(this.#backOff.dueMs(object, change), quietUntilMs(this.#contention, object));",
    replace:
      "Math.max(this.#backOff.dueMs(object, change), ...[...this.#contention.keys()].map((each) => quietUntilMs(this.#contention, each)));",
  },
  {
    name: "a mark stays on its interface when it is used no more",
    file: "kernel/diff.ts",
    find: "const marks = dropMarks(desired, actual);",
    replace: "const marks = dropMarks(desired, { ...actual, interfaces: [] });",
  },
  {
    name: "an interface of somebody else's is adopted",
    file: "kernel/diff_links.ts",
    find: "if (have.addresses.length === 0) return !have.up;",
    replace: "if (have.addresses.length === 0) return true;",
  },
  {
    name: "an unhealthy service is announced",
    file: "service/gates.ts",
    find: `return { open: verdict === "healthy" || degraded, reason: cause, degraded };`,
    replace: `return { open: verdict !== "unknown", reason: cause, degraded };`,
  },
  {
    name: "an unhealthy service that is to be announced all the same is withdrawn",
    file: "service/gates.ts",
    find: `const degraded = verdict === "unhealthy" && facts.config.announce.whenUnhealthy !== "withdraw";`,
    replace: `const degraded = verdict === "unhealthy" && facts.config.announce.whenUnhealthy === undefined;`,
  },
  {
    name: "an unhealthy service is announced as a healthy one is",
    file: "service/service_route.ts",
    find: `isWorse && whenUnhealthy !== "withdraw" ?`,
    replace: `isWorse && phase.name === "down" && whenUnhealthy !== "withdraw" ?`,
  },
  {
    name: "lost event: that a service is announced as an unhealthy one, or is no more, is not handed over",
    file: "service/controller.ts",
    find: "announce !== (last?.announce ?? false) || degraded !== (last?.degraded ?? false)",
    replace: "announce !== (last?.announce ?? false) || degraded !== degraded",
  },
  {
    name: "End-of-RIB does not wait for first verdicts",
    file: "agent/end_of_rib.ts",
    find: "if (this.#open.size === 0) this.#letGo",
    replace: "if (this.#open.size < Infinity) this.#letGo",
  },
  {
    name: "a watch of the kernel is not given back",
    file: "kernel/reconciler.ts",
    find: "this.#timer?.[Symbol.dispose]();\n    this.#watch?.[Symbol.dispose]();",
    replace: "this.#timer?.[Symbol.dispose]();",
  },
  {
    name: "a reload resets sessions that it need not",
    file: "bgp/speaker.ts",
    find: `if (old !== undefined && consequence !== "reset") {`,
    replace: `if (old !== undefined && consequence === undefined) {`,
  },
  {
    name: "announced before the kernel has the address",
    file: "service/gates.ts",
    find: "applies: ({ managed }) => managed.interfaces,",
    replace: "applies: () => false,",
  },
  {
    name: "hung probes wait for each other",
    file: "health/schedule.ts",
    find: "return unanswered && deciding < timing.fall;",
    replace: "return unanswered && deciding < 1;",
  },
  {
    name: "what flaps is announced all the same",
    file: "health/judgement.ts",
    find: `{ verdict: "unhealthy", because: { type: "flapping", hold: next.hold } }`,
    replace: `{ verdict: "healthy", because: { type: "flapping", hold: next.hold } }`,
  },
  {
    name: "what has flapped once stays unhealthy",
    file: "health/judgement.ts",
    find: `const verdict = state.verdict === "healthy" ? "healthy" : "unhealthy";`,
    replace: `const verdict = "unhealthy";`,
  },
  {
    name: "lost event: the end of a watch starts no probe",
    file: "health/check.ts",
    find: `onTrip: () => this.#tripBy("watch"),`,
    replace: `onTrip: () => {},`,
  },
  {
    name: "a plan names too little: what goes when connections have ended",
    file: "agent/plan_reload.ts",
    find: "desired: desiredKernel(staying.map((state) => withPorts(state, endedPort, preview.nowMs))),",
    replace: "desired: quiesced,",
  },
  {
    name: "a reload of the running configuration is no other one, and is applied all the same",
    file: "agent/reloads.ts",
    find: "const isChanged = changes.length > 0;",
    replace: "const isChanged = changes.length >= 0;",
  },
  {
    name: "lost cause: what goes on its way out by itself names no order",
    file: "service/driver.ts",
    find: "const origin = because ?? (byVerdict ? undefined : phase.drain?.because);",
    replace: "const origin = because ?? (byVerdict ? undefined : undefined);",
  },
  {
    name: "hooks are in the way: a stop waits for a program that never ends",
    file: "agent/hooks.ts",
    find: "if (await this.#idleWithin(limitMs)) return;",
    replace: "if (await this.#idleWithin(30 * limitMs)) return;",
  },
  {
    name: "two programs of one service run at once",
    file: "agent/hooks.ts",
    find: "if (!this.#busy.has(queue) && queue.waiting.length === 1) this.#ready.push(queue);",
    replace: "if (queue.waiting.length === 1) this.#ready.push(queue);",
  },
  {
    name: "lost event: that routers have been told of a withdrawal is not heard",
    file: "service/driver.ts",
    find: `() => ({ type: "told" }), { type: "told" });`,
    replace: `() => ({ type: "time" }), { type: "time" });`,
  },
  {
    name: "routers count as told before their sockets have taken the withdrawal",
    file: "service/phase.ts",
    find: "if (nowMs < facts.staleUntilMs || (!facts.told && !over)) return undefined;",
    replace: "if (nowMs < facts.staleUntilMs) return undefined;",
  },
];
