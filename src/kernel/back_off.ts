/**
 * Changes that the kernel refused, object by object: each is tried again by itself, ever later while it fails, so that one
 * lasting error slows nobody else's repair; at once where something else is wanted of the object.
 */
import type { KernelError } from "../netlink/transport.ts";
import type { Change } from "./change.ts";
import { type Refusal, refusalOf } from "./refusal.ts";

/** A change that failed last time. */
interface Failing {
  readonly change: Change;
  readonly content: string;
  readonly sinceMs: number;
  readonly triedMs: number;
  readonly dueMs: number;
  /** Undefined: the kernel took it, and did not have it when it was read back. */
  readonly error: KernelError | undefined;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
/** What was made and is not there may be another one's work of a moment. */
const FIRST_REPEAT_MS = 10;
const LONGEST_REPEAT_MS = 5_000;

/** The failing changes, by the text of their objects. */
export class BackOff {
  readonly #failing = new Map<string, Failing>();

  /** Nothing fails. */
  get isEmpty(): boolean {
    return this.#failing.size === 0;
  }

  /** What each of them failed with last, each error once. */
  get errors(): readonly KernelError[] {
    const errors = new Set<KernelError>();
    for (const { error } of this.#failing.values()) if (error !== undefined) errors.add(error);
    return [...errors];
  }

  /** The same by the objects that they are about. */
  get refusals(): readonly Refusal[] {
    return [...this.#failing.values()].flatMap(({ change, error }) =>
      error === undefined ? [] : [refusalOf(change, error)]
    );
  }

  /** When the next one is to be tried; Infinity: none. */
  get nextMs(): number {
    let next = Infinity;
    for (const { dueMs } of this.#failing.values()) next = Math.min(next, dueMs);
    return next;
  }

  /** When `change` is to be tried; -Infinity: at any time. */
  dueMs(object: string, change: Change): number {
    const failing = this.#failing.get(object);
    return failing === undefined || failing.content !== contentOf(change) ? -Infinity : failing.dueMs;
  }

  /** It was tried and failed; the wait grows with the time for which it fails. */
  failed(object: string, change: Change, error: KernelError | undefined, nowMs: number): void {
    const content = contentOf(change);
    const before = this.#failing.get(object);
    const sinceMs = before?.content === content ? before.sinceMs : nowMs;
    const failingMs = nowMs - sinceMs;
    const dueMs = nowMs +
      (error === undefined ? Math.min(FIRST_REPEAT_MS + failingMs, LONGEST_REPEAT_MS) : retryMs(failingMs));
    this.#failing.set(object, { change, content, sinceMs, triedMs: nowMs, dueMs, error });
  }

  /** Forgets those that need no change any more. */
  keep(needed: ReadonlySet<string>): void {
    for (const object of this.#failing.keys()) if (!needed.has(object)) this.#failing.delete(object);
  }

  /** Something has changed about those that `concerns` tells: they are tried soon, but never all the time. */
  hear(concerns: (object: string) => boolean, nowMs: number): void {
    for (const [object, failing] of this.#failing) {
      const dueMs = Math.max(nowMs, failing.triedMs + FIRST_RETRY_MS);
      if (dueMs < failing.dueMs && concerns(object)) this.#failing.set(object, { ...failing, dueMs });
    }
  }

  /** All of them are tried with the next pass. */
  release(): void {
    for (const [object, failing] of this.#failing) {
      this.#failing.set(object, { ...failing, dueMs: -Infinity });
    }
  }
}

/** How long to wait after failing for so long: it doubles with each attempt, and others' attempts do not make it later. */
export function retryMs(failingMs: number): number {
  return Math.min(FIRST_RETRY_MS + failingMs, LONGEST_RETRY_MS);
}

/** What is wanted of the object itself. */
function contentOf(change: Change): string {
  return JSON.stringify(
    change,
    (key, value) => key === "destinations" || key === "was" || key === "bytes" ? undefined : value,
  );
}
