/** What a router forwards by, change after change, whoever tells: the kernel's monitor or a router of our own. */

/** The next hops of a prefix from a moment on. Empty: there is no route. */
export interface RouteChange {
  readonly prefix: string;
  /** Wall-clock milliseconds. */
  readonly atMs: number;
  /** Sorted. */
  readonly nextHops: readonly string[];
}

/** Every change so far, and waiting for the next. */
export class RouteHistory {
  readonly #history: RouteChange[] = [];
  readonly #waiting = new Set<() => void>();

  /** Adds a change; one that changes nothing is left out. */
  add(change: RouteChange): void {
    if (this.nextHops(change.prefix).join(" ") === change.nextHops.join(" ")) return;
    this.#history.push(change);
    for (const wake of this.#waiting) wake();
  }

  /** Changes of these prefixes since `sinceMs`, in order. */
  changes(prefixes: readonly string[], sinceMs = 0): RouteChange[] {
    return this.#history.filter(({ prefix, atMs }) => prefixes.includes(prefix) && atMs >= sinceMs);
  }

  /** The next hops of `prefix` now. */
  nextHops(prefix: string): readonly string[] {
    return this.changes([prefix]).at(-1)?.nextHops ?? [];
  }

  /** Waits until `prefix` has exactly these next hops, and gives the change that made it so. @throws after the limit */
  async until(prefix: string, nextHops: readonly string[], limitMs: number): Promise<RouteChange> {
    const wanted = [...nextHops].sort().join(" ");
    const deadline = Date.now() + limitMs;
    for (;;) {
      const last = this.changes([prefix]).at(-1) ?? { prefix, atMs: 0, nextHops: [] };
      if (last.nextHops.join(" ") === wanted) return last;
      const left = deadline - Date.now();
      if (left <= 0) {
        const seen = last.nextHops.join(" ") || "no route";
        throw new Error(`${prefix}: next hops ${wanted || "none"} not within ${limitMs} ms; still ${seen}`);
      }
      await this.#changed(left);
    }
  }

  #changed(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, limitMs);
      this.#waiting.add(wake);
    });
  }
}
