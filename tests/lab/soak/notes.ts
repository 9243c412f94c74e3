/** What is noted down while the soak runs: spans that begin and end, and what watchers see; cut into rounds. */
import type {
  DoneTrouble,
  EventSeen,
  KernelSeen,
  Observed,
  Place,
  PlannedWindow,
  ProcessSeen,
  Recovery,
  RequestSeen,
  RouteSeen,
  Span,
} from "../../soak/observed.ts";

/** Ends what was begun. */
export type End = () => void;

type Open<T> = T & { fromMs: number; untilMs: number };

/** Spans of one kind. */
class Spans<T extends object> {
  readonly #all: Open<T>[] = [];

  /** It is so from now on; what is given back ends it. */
  begin(what: T): End {
    const span = { ...what, fromMs: Date.now(), untilMs: Infinity };
    this.#all.push(span);
    return () => {
      if (span.untilMs === Infinity) span.untilMs = Date.now();
    };
  }

  get all(): readonly (T & Span)[] {
    return this.#all.map((span) => ({ ...span }));
  }

  /** Forgets what is over. */
  forget(): void {
    const open = this.#all.filter(({ untilMs }) => untilMs === Infinity);
    this.#all.splice(0, this.#all.length, ...open);
  }
}

/** All notes. */
export class Notes {
  readonly troubles = new Spans<Pick<DoneTrouble, "number" | "fault" | "target" | "words">>();
  readonly planned = new Spans<Pick<PlannedWindow, "order" | "host">>();
  readonly broken = new Spans<{ readonly node: string; readonly host?: string; readonly how: string }>();
  readonly away = new Spans<{ readonly host: string; readonly how: string }>();
  readonly apart = new Spans<{ readonly router: string; readonly host: string | undefined }>();
  readonly drained = new Spans<{ readonly host: string; readonly service: string | undefined }>();
  readonly kernels: KernelSeen[] = [];
  readonly requests: RequestSeen[] = [];
  readonly events: EventSeen[] = [];
  readonly gaps: { readonly atMs: number; readonly host: string; readonly words: string }[] = [];
  readonly processes: ProcessSeen[] = [];
  readonly recoveries: Recovery[] = [];
  readonly leftovers: string[] = [];
  #fromMs = Date.now();

  /** When this round began. */
  get fromMs(): number {
    return this.#fromMs;
  }

  /** What was seen since the round began. */
  observed(places: readonly Place[], routes: readonly RouteSeen[]): Observed {
    return {
      ...{ fromMs: this.#fromMs, untilMs: Date.now(), places, routes },
      ...{ troubles: this.troubles.all, planned: this.planned.all, broken: this.broken.all },
      ...{ away: this.away.all, apart: this.apart.all, drained: this.drained.all },
      ...{ kernels: [...this.kernels], requests: [...this.requests], events: [...this.events] },
      ...{ gaps: [...this.gaps], processes: [...this.processes], recoveries: [...this.recoveries] },
      leftovers: [...this.leftovers],
    };
  }

  /** Another round begins now. Of processes all is kept. */
  nextRound(): void {
    const spans = [this.troubles, this.planned, this.broken, this.away, this.apart, this.drained];
    for (const each of spans) each.forget();
    for (const each of [this.kernels, this.requests, this.gaps, this.recoveries]) each.length = 0;
    // What comes next must follow on the last one.
    const last = [...new Set(this.events.map(({ host }) => host))].flatMap((name) =>
      this.events.findLast(({ host }) => host === name) ?? []
    );
    this.events.splice(0, this.events.length, ...last);
    this.#fromMs = Date.now();
  }
}
