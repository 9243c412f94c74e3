/** The reconciler's reports as events: changes as they are made, each lasting error once, and its end. */
import type { EventStream } from "../events/stream.ts";
import type { KernelReport } from "../kernel/reconciler.ts";

/** Remembers what the last report said. */
export class KernelEvents {
  readonly #events: EventStream;
  #last: readonly string[] = [];

  constructor(events: EventStream) {
    this.#events = events;
  }

  publish({ changes, errors, conflicts }: KernelReport): void {
    if (changes.length > 0) {
      this.#events.publish({ kind: "kernel-changed", changes, cause: "differed from what should be" });
    }
    const problems = [...errors, ...conflicts].map(({ message }) => message);
    for (const cause of problems) {
      if (!this.#last.includes(cause)) this.#events.publish({ kind: "kernel-error", cause });
    }
    if (problems.length === 0 && this.#last.length > 0) {
      this.#events.publish({ kind: "kernel-recovered", cause: "everything is as it should be" });
    }
    this.#last = problems;
  }
}
