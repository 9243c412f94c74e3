/** The reconciler's reports as events: changes as they are made, each lasting error once, and its end. */
import type { AgentFact } from "../events/event.ts";
import type { EventStream } from "../events/stream.ts";
import type { KernelReport } from "../kernel/reconciler.ts";

/** Remembers what the last report said. */
export class KernelEvents {
  readonly #events: EventStream;
  #last: readonly string[] = [];

  constructor(events: EventStream) {
    this.#events = events;
  }

  /** Publishes what is new in a report, and does the `work` that the report leads to, ahead of the words about it. */
  publish(report: KernelReport, work: () => unknown = () => {}): void {
    const facts = this.#newsOf(report);
    const last = facts.pop();
    if (last === undefined) return void work();
    this.#events.ahead(() => {
      for (const fact of facts) this.#events.publish(fact);
      this.#events.causing(last, work);
    });
  }

  #newsOf({ changes, errors, conflicts }: KernelReport): AgentFact[] {
    const problems = [...errors, ...conflicts].map(({ message }) => message);
    const before = this.#last;
    this.#last = problems;
    return [
      ...changes.length > 0 ? [changed(changes)] : [],
      ...problems.filter((cause) => !before.includes(cause)).map((cause) => failed(cause)),
      ...problems.length === 0 && before.length > 0 ? [RECOVERED] : [],
    ];
  }
}

function changed(changes: readonly string[]): AgentFact {
  return { kind: "kernel-changed", changes, cause: "differed from what should be" };
}

function failed(cause: string): AgentFact {
  return { kind: "kernel-error", cause };
}

const RECOVERED: AgentFact = { kind: "kernel-recovered", cause: "everything is as it should be" };
