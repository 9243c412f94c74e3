/**
 * What a start or a reload would do, in plain data that survives JSON: `bgp-lb plan` asks for it and prints it. Nothing here
 * decides what happens: sessions are what `differ()` says of them, routes and the kernel what the service machine would want.
 */
import type { Config, PeerConfig } from "../config/config.ts";
import { differ } from "../config/difference.ts";
import { pair } from "../config/pairs.ts";
import { effective, restartKeys } from "../config/restart.ts";
import { localChange, peerChanges, peerKey, sessionConsequence } from "../config/session_difference.ts";
import { changeLines, fileKeys } from "./change_text.ts";
import { type PlannedRoute, type RoutePlans, routePlans } from "./route_plan.ts";

/** Everything that would happen. */
export interface Plan {
  readonly action: "start" | "reload";
  /** How the configurations differ, in words; a start has nothing to compare with. */
  readonly changes: readonly string[];
  /** Peers whose session would not simply go on. */
  readonly sessions: readonly SessionPlan[];
  /** Of peers that are there before and after; what a session that comes up is told goes without saying. */
  readonly routes: RoutePlans;
  /** In the order in which it would be done. */
  readonly kernel: readonly KernelStage[];
  /** Keys of the file that would take effect with the next restart only. */
  readonly restart: readonly string[];
  /** What is doubtful in the file, what would be in the way, what cannot be known. */
  readonly warnings: readonly string[];
}

/** What would happen to a session; `other next time`: it goes on, and the one after it differs. */
export type PlannedConsequence = "established anew" | "reset" | "ended" | "other next time";

/** A session that would not simply go on. */
export interface SessionPlan {
  readonly peer: string;
  readonly address: string;
  readonly consequence: PlannedConsequence;
  readonly why: string;
}

/** Changes of the kernel that are made together. */
export interface KernelStage {
  /** From 1. */
  readonly step: number;
  /** What it is, or what it waits for. */
  readonly stage: string;
  /** In words, in their order. */
  readonly changes: readonly string[];
}

/** What a plan of a reload is made of, beside what the configurations say. */
export interface ReloadForecast {
  /** What runs. */
  readonly old: Config;
  /** What the file says. */
  readonly next: Config;
  /** What is announced now; its `when` is that of the withdrawal, where there is one. */
  readonly before: readonly PlannedRoute[];
  /** What would be announced in the end, and when. */
  readonly after: readonly PlannedRoute[];
  readonly kernel: readonly KernelStage[];
  readonly warnings: readonly string[];
}

/** The plan of a reload. What needs a restart is named, and changes nothing else. */
export function reloadPlan({ old, next, before, after, kernel, warnings }: ReloadForecast): Plan {
  const config = effective(old, next);
  return {
    action: "reload",
    changes: changeLines(differ(old, config)),
    sessions: sessionPlans(old, config),
    routes: routePlans({ config: old, routes: before }, { config, routes: after }),
    kernel,
    restart: restartKeys(old, next),
    warnings,
  };
}

/** Stages by name in their order, numbered; those in which nothing changes are left out. */
export function kernelStages(
  stages: readonly { readonly stage: string; readonly changes: readonly string[] }[],
): readonly KernelStage[] {
  const real = stages.filter(({ changes }) => changes.length > 0);
  return real.map(({ stage, changes }, index) => ({ step: index + 1, stage, changes }));
}

/** What would happen to sessions where `next` follows `old`; undefined: where it is started with. */
export function sessionPlans(old: Config | undefined, next: Config): readonly SessionPlan[] {
  if (old === undefined) {
    return next.bgp.peers.map((peer) => planOf(peer, "established anew", "the agent starts"));
  }
  const { removed, kept, added } = pair(old.bgp.peers, next.bgp.peers, peerKey);
  return [
    ...removed.map(({ value }) => planOf(value, "ended", "no peer any more: Cease (6/3)")),
    ...kept.flatMap((peers) => keptPlan(old, next, peers)),
    ...added.map(({ value }) => planOf(value, "established anew", "a new peer")),
  ];
}

function keptPlan(
  { bgp: { local } }: Config,
  { bgp: { local: nextLocal } }: Config,
  { old, next }: { readonly old: PeerConfig; readonly next: PeerConfig },
): readonly SessionPlan[] {
  const consequence = sessionConsequence({ local, peer: old }, { local: nextLocal, peer: next });
  if (consequence !== "reset" && consequence !== "next session") return [];
  const [before, after] = [{ local, peers: [old] }, { local: nextLocal, peers: [next] }];
  const reasons = [
    ...localChange(before, after).filter(({ sessions }) => sessions === consequence)
      .map(({ keys }) => `bgp.local: ${fileKeys(keys)} changed`),
    ...peerChanges(before, after).flatMap((change) =>
      change.change === "changed" && change.session === consequence
        ? [`${fileKeys(change.keys)} changed`]
        : []
    ),
  ].join("; ");
  return consequence === "reset"
    ? [planOf(next, "reset", `${reasons}: Cease (6/6)`)]
    : [planOf(next, "other next time", reasons)];
}

function planOf(peer: PeerConfig, consequence: PlannedConsequence, why: string): SessionPlan {
  return { peer: peer.name, address: peerKey(peer), consequence, why };
}
