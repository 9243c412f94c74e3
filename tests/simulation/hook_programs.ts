/**
 * The programs of `onChange` in the simulated host: they work, fail, cannot be started, hang, do not listen to SIGTERM, or
 * are not ended by anything. What the agent promises of them is looked at: one at a time for a service, in order.
 */
import type { ProgramEnd, RunProgram } from "../../src/agent/hook_run.ts";
import { Dice } from "./dice.ts";
import type { AgentProcess } from "./process.ts";

/** How a program behaves. */
type Behaviour = "works" | "fails" | "cannot be started" | "hangs" | "is deaf to SIGTERM" | "is stuck";

const BEHAVIOURS: readonly Behaviour[] = [
  "works",
  "works",
  "works",
  "fails",
  "cannot be started",
  "hangs",
  "is deaf to SIGTERM",
  "is stuck",
];
const RUN_MS = 20;
const WELL: ProgramEnd = { code: 0, signal: undefined, stderr: "" };

/** All programs of one host. */
export class HookPrograms {
  readonly #dice: Dice;
  readonly #judge: (wrong: string | undefined) => void;

  constructor(seed: number, judge: (wrong: string | undefined) => void) {
    this.#dice = new Dice(seed + 2);
    this.#judge = judge;
  }

  /** Programs as `process` starts them. */
  of(process: AgentProcess): RunProgram {
    /** By service. */
    const running = new Set<string>();
    const last = new Map<string, number>();
    return ({ environment }) => {
      const { BGP_LB_SERVICE: service = "", BGP_LB_ID: id } = environment;
      this.#judge(wrongOf(service, Number(id), running, last.get(service) ?? 0));
      last.set(service, Number(id));
      const behaviour = this.#dice.pick(BEHAVIOURS);
      if (behaviour === "cannot be started") throw new Error("No such file or directory");
      running.add(service);
      const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
      let work: Disposable | undefined;
      const end = (how: Partial<ProgramEnd>) => {
        running.delete(service);
        work?.[Symbol.dispose]();
        resolve({ ...WELL, ...how });
      };
      if (behaviour === "works" || behaviour === "fails") {
        work = process.at(process.now() + RUN_MS, () => end({ code: behaviour === "works" ? 0 : 1 }));
      }
      return {
        ended: promise,
        signal(name) {
          const dies = behaviour === "hangs" || (name === "SIGKILL" && behaviour !== "is stuck");
          if (dies && running.has(service)) end({ code: 128, signal: name });
        },
      };
    };
  }
}

function wrongOf(
  service: string,
  id: number,
  running: ReadonlySet<string>,
  last: number,
): string | undefined {
  if (running.has(service)) return `the program of ${service} is run for event ${id} while it runs`;
  return id > last ? undefined : `the program of ${service} is run for event ${id} after event ${last}`;
}
