/** The reconciler's reports as events: changes as they are made, each lasting error once, and its end. */
import type { AgentFact } from "../events/event.ts";
import type { EventStream } from "../events/stream.ts";
import type { Contested } from "../kernel/contested.ts";
import type { KernelObject } from "../kernel/kernel_object.ts";
import type { KernelReport } from "../kernel/reconciler.ts";

/** Remembers what the last report said. */
export class KernelEvents {
  readonly #events: EventStream;
  #last: ReadonlySet<string> = new Set();
  #contested: ReadonlyMap<string, Contested> = new Map();

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

  #newsOf({ changes, repairs, errors, conflicts, contested }: KernelReport): AgentFact[] {
    const problems = [...errors, ...conflicts].map(({ message }) => message);
    // There may be one for each of thousands of destinations.
    const before = this.#last;
    this.#last = new Set(problems);
    return [
      ...changes.length > 0 ? [changed(changes, repairs)] : [],
      ...problems.filter((cause) => !before.has(cause)).map((cause) => failed(cause)),
      ...problems.length === 0 && before.size > 0 ? [RECOVERED] : [],
      ...this.#contentionOf(contested),
    ];
  }

  /** Last, for it is the cause of what comes of the report. */
  #contentionOf(contested: readonly Contested[]): readonly AgentFact[] {
    const before = this.#contested;
    this.#contested = new Map(contested.map((each) => [each.object, each]));
    const begun = contested.filter(({ object }) => !before.has(object));
    const over = [...before.values()].filter(({ object }) => !this.#contested.has(object));
    return [
      ...over.length > 0 ? [contestedFact("let alone", over, "nobody else has changed it for a while")] : [],
      ...begun.length > 0 ? [contestedFact("contested", begun, "who does it is not known")] : [],
    ];
  }
}

function changed(changes: readonly string[], repairs: readonly KernelObject[]): AgentFact {
  return {
    kind: "kernel-changed",
    changes,
    ...repairs.length === 0 ? {} : { repairs: repairs.map(({ kind, name }) => ({ object: kind, name })) },
    cause: "differed from what should be",
  };
}

function contestedFact(
  to: "contested" | "let alone",
  contested: readonly Contested[],
  cause: string,
): AgentFact {
  const objects = contested.map(({ object, repairs, suspect }) => ({ object, repairs, suspect }));
  return { kind: "kernel-contested", to, objects, cause };
}

function failed(cause: string): AgentFact {
  return { kind: "kernel-error", cause };
}

const RECOVERED: AgentFact = { kind: "kernel-recovered", cause: "everything is as it should be" };
