/** Programs in memory: each start is kept, and ends when the test says so. */
import type { Program, ProgramEnd, RunningProgram, RunProgram } from "../../src/agent/hook_run.ts";

/** One start of a program. */
export class FakeRun {
  readonly program: Program;
  readonly signals: string[] = [];
  /** What a signal does to it; otherwise it is deaf. */
  dies: readonly string[] = ["SIGTERM", "SIGKILL"];
  readonly #ended = Promise.withResolvers<ProgramEnd>();
  #over = false;

  constructor(program: Program) {
    this.program = program;
  }

  get over(): boolean {
    return this.#over;
  }

  get running(): RunningProgram {
    return {
      ended: this.#ended.promise,
      signal: (name) => {
        this.signals.push(name);
        if (this.dies.includes(name)) this.end({ code: 128, signal: name });
      },
    };
  }

  /** Ends, well where nothing else is said. */
  end(end: Partial<ProgramEnd> = {}): void {
    this.#over = true;
    this.#ended.resolve({ code: 0, signal: undefined, stderr: "", ...end });
  }

  /** `service kind id`. */
  get what(): string {
    const { BGP_LB_SERVICE, BGP_LB_EVENT, BGP_LB_ID } = this.program.environment;
    return `${BGP_LB_SERVICE} ${BGP_LB_EVENT} ${BGP_LB_ID}`;
  }
}

/** Starts programs in memory. */
export class FakePrograms {
  readonly runs: FakeRun[] = [];
  /** What is thrown instead of a start. */
  refusal: Error | undefined;
  /** What is done with a new one. */
  onStart: (run: FakeRun) => void = () => {};

  readonly run: RunProgram = (program) => {
    if (this.refusal !== undefined) throw this.refusal;
    const run = new FakeRun(program);
    this.runs.push(run);
    this.onStart(run);
    return run.running;
  };

  /** Those that have not ended. */
  get open(): readonly FakeRun[] {
    return this.runs.filter(({ over }) => !over);
  }
}
