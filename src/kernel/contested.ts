/**
 * Objects that somebody else changes again and again: what we repair is counted by object, and more repairs than a limit
 * within a window make it a contested one, until it was let alone for a while. Somebody who undoes each repair is answered
 * ever more slowly, object by object. Pure.
 */
import { type KernelObject, objectText } from "./kernel_object.ts";

/** An object from the repair that was too many on until it was let alone for long enough. */
export interface Contested extends Omit<KernelObject, "name"> {
  /** In words, such as `address 10.99.0.1 on web`. */
  readonly object: string;
  /** How often it was repaired since it began. */
  readonly repairs: number;
  /** When it became contested, on the clock's scale. */
  readonly sinceMs: number;
  /** Who it may be, in words, as far as that can be known. */
  readonly suspect: string | undefined;
}

/** More than `limit` repairs within `windowMs` make an object contested; nothing of it for `holdMs` ends that. */
export interface ContentionLimits {
  readonly limit: number;
  readonly windowMs: number;
  readonly holdMs: number;
}

/** The repairs of one object. */
interface Repairs {
  readonly object: KernelObject;
  /** When, the newest last; no more of them than decide. */
  readonly timesMs: readonly number[];
  readonly count: number;
  /** So many followed each other closely. */
  readonly streak: number;
  readonly contestedMs: number | undefined;
  readonly suspect: string | undefined;
}

/** What was repaired lately, by `objectText`. */
export type Contention = ReadonlyMap<string, Repairs>;

/** No repair so far. */
export const NO_CONTENTION: Contention = new Map();

/** After this many repairs the time before the next one doubles with each: somebody keeps undoing them. */
const PROMPT_REPAIRS = 5;
const FIRST_QUIET_MS = 10;
const LONGEST_QUIET_MS = 1_000;
/** Repairs further apart than this are not a fight. */
const FIGHT_MS = 10_000;
/** So long after the repair of a virtual service it is looked at again: nobody is told what others do to IPVS. */
const FIRST_LOOK_MS = 1_000;
/** So many objects are followed; what a host has of ours is fewer, what others put there may not be. */
const MAX_OBJECTS = 16_384;

/** What one pass has seen. */
export interface Pass {
  readonly now: number;
  readonly limits: ContentionLimits;
  /** What was made again after somebody else had changed it. */
  readonly repaired: readonly KernelObject[];
  /** What is not as it should be and was not repaired in this pass, by `objectText`. */
  readonly differing: ReadonlySet<string>;
  /** Who may have changed it, in words. */
  suspectOf(object: KernelObject): string | undefined;
}

/** The repairs after a pass: those of it are counted, and what was let alone for long enough is forgotten. */
export function afterPass(before: Contention, pass: Pass): Contention {
  const { repaired, differing, now, limits } = pass;
  if (before.size === 0 && repaired.length === 0) return before;
  const after = new Map(before);
  for (const object of repaired) {
    const text = objectText(object);
    const repairs = counted(before.get(text), object, pass);
    if (after.size < MAX_OBJECTS || after.has(text)) after.set(text, repairs);
  }
  for (const [text, repairs] of after) {
    if (!differing.has(text) && now >= endMs(repairs, limits)) after.delete(text);
  }
  return after;
}

/** Those that are contested, the longest ones first. */
export function contestedIn(contention: Contention): readonly Contested[] {
  return [...contention.values()].flatMap((repairs) => {
    const { object: { name, ...object }, count, contestedMs, suspect } = repairs;
    if (contestedMs === undefined) return [];
    const text = objectText({ kind: object.kind, name });
    return [{ ...object, object: text, repairs: count, sinceMs: contestedMs, suspect }];
  }).sort((one, other) => one.sinceMs - other.sinceMs);
}

/** When the first contested object has been let alone for long enough, if it is from now on; Infinity: none is contested. */
export function contentionEndMs(contention: Contention, limits: ContentionLimits): number {
  let first = Infinity;
  for (const repairs of contention.values()) {
    if (repairs.contestedMs !== undefined) first = Math.min(first, endMs(repairs, limits));
  }
  return first;
}

/**
 * When to look again at virtual services that somebody else has just changed, and may change again: soon, and then ever
 * later; Infinity: nobody has.
 */
export function nextLookMs(contention: Contention, nowMs: number): number {
  let repairedMs = -Infinity;
  for (const repairs of contention.values()) {
    if (repairs.object.virtualService !== undefined) repairedMs = Math.max(repairedMs, lastMs(repairs));
  }
  const sinceMs = nowMs - repairedMs;
  return sinceMs > FIGHT_MS ? Infinity : nowMs + Math.max(FIRST_LOOK_MS, sinceMs);
}

/** Until then an object (by `objectText`) is not repaired again, so that a fight over it costs little; -Infinity: at once. */
export function quietUntilMs(contention: Contention, text: string): number {
  const repairs = contention.get(text);
  if (repairs === undefined || repairs.streak <= PROMPT_REPAIRS) return -Infinity;
  const quietMs = FIRST_QUIET_MS * 2 ** (repairs.streak - PROMPT_REPAIRS);
  return lastMs(repairs) + Math.min(quietMs, LONGEST_QUIET_MS);
}

function counted(before: Repairs | undefined, object: KernelObject, pass: Pass): Repairs {
  const { now, limits: { limit, windowMs } } = pass;
  const timesMs = [...(before?.timesMs ?? []).filter((ms) => ms > now - windowMs).slice(-limit), now];
  const isFight = before !== undefined && now - lastMs(before) <= FIGHT_MS;
  return {
    object,
    timesMs,
    count: (before?.count ?? 0) + 1,
    streak: isFight ? before.streak + 1 : 1,
    contestedMs: before?.contestedMs ?? (timesMs.length > limit ? now : undefined),
    suspect: pass.suspectOf(object) ?? before?.suspect,
  };
}

/** When nothing is left to remember of it. */
function endMs(repairs: Repairs, { windowMs, holdMs }: ContentionLimits): number {
  return lastMs(repairs) + (repairs.contestedMs === undefined ? Math.max(windowMs, FIGHT_MS) : holdMs);
}

function lastMs({ timesMs }: Repairs): number {
  return timesMs.at(-1) ?? -Infinity;
}
