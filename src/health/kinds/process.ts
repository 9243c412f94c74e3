/**
 * The process check: the process that a pid file names, or a unit of systemd. A number alone says little, for it is given
 * out again: a process that is younger than the file is not the one that the file is about. The standing watch is a pidfd.
 */
import type { ProcessCheckConfig } from "../../config/checks/process.ts";
import { foreignText } from "../../text/foreign.ts";
import type { Clock } from "../../time/clock.ts";
import { failureOf } from "../connect/failure.ts";
import type { HostPorts, HostProcesses } from "./host.ts";
import { lookAt } from "./look_at.ts";
import { type Probe, probeWithoutFfi, type Progress, type Tripped } from "./probe.ts";
import type { StartProgram } from "./programs.ts";
import { findUnit, type Found } from "./unit.ts";

/** What process probes need of the outside. */
export interface ProcessPorts {
  readonly clock: Clock;
  /** Undefined: this process may not use FFI. */
  readonly host: HostPorts | undefined;
  readonly startProgram: StartProgram;
}

/** As much of a pid file is read: some have more lines, of which the first has the number. */
const PID_FILE_OCTETS = 4096;
/** Processes start on a tick of 10 ms, and file systems have coarse clocks. */
const CLOCK_SLACK_MS = 1000;

/** The probe of a process check. */
export function processProbe(config: ProcessCheckConfig, ports: ProcessPorts): Probe {
  const { host } = ports;
  if (host === undefined) return probeWithoutFfi(config);
  const find = finder(config, host, ports);
  const watched = new Watched(host.processes);
  return {
    async run(signal, progress) {
      try {
        const { outcome, pid } = await find(signal, progress);
        watched.pid = pid;
        return outcome;
      } catch (error) {
        return failureOf(error);
      }
    },
    watch: (tripped) => watched.start(tripped),
  };
}

type Finder = (signal: AbortSignal, progress: Progress) => Promise<Found>;

function finder(
  { pidFile, unit, timeoutMs }: ProcessCheckConfig,
  host: HostPorts,
  ports: ProcessPorts,
): Finder {
  const { clock, startProgram } = ports;
  if (unit !== undefined) return (signal, progress) => findUnit(unit, startProgram, signal, progress);
  const path = pidFile ?? "";
  return async (signal, progress) => {
    progress("waiting for the file system");
    const sight = await lookAt(path, PID_FILE_OCTETS, { files: host.files, clock, timeoutMs, signal });
    if (sight === undefined) return failed(`${path} does not exist`);
    if (sight.type !== "regular") return failed(`${path} is no regular file`);
    const line = new TextDecoder().decode(sight.head).split("\n", 1)[0] ?? "";
    const pid = /^\s*([1-9][0-9]{0,9})\s*$/.exec(line)?.[1];
    if (pid === undefined) {
      return failed(
        `${path} does not begin with a process's number (got ${foreignText(JSON.stringify(line), 40)})`,
      );
    }
    return judge(Number(pid), path, sight.modifiedMs, host.processes);
  };
}

function judge(pid: number, path: string, writtenMs: number, processes: HostProcesses): Found {
  const running = processes.find(pid);
  if (running === undefined) return failed(`no process ${pid} runs, which ${path} names`);
  const { startedMs } = running;
  const name = running.name === undefined ? `${pid}` : `${pid} (${foreignText(running.name, 40)})`;
  if (startedMs !== undefined && startedMs > writtenMs + CLOCK_SLACK_MS) {
    const seconds = ((startedMs - writtenMs) / 1000).toFixed(0);
    return failed(
      `process ${name} began ${seconds} s after ${path} was written: another one has its number now`,
    );
  }
  return { outcome: { kind: "pass", detail: `process ${name} runs` }, pid };
}

function failed(detail: string): Found {
  return { outcome: { kind: "fail", detail }, pid: undefined };
}

/** The standing watch, which goes over to whatever process the newest probe has found. */
class Watched {
  readonly #processes: HostProcesses;
  #pid: number | undefined;
  #tripped: Tripped | undefined;
  #watch: Disposable | undefined;

  constructor(processes: HostProcesses) {
    this.#processes = processes;
  }

  set pid(pid: number | undefined) {
    if (pid === this.#pid && this.#watch !== undefined) return;
    this.#pid = pid;
    this.#point();
  }

  start(tripped: Tripped): Disposable {
    this.#tripped = tripped;
    this.#point();
    return {
      [Symbol.dispose]: () => {
        if (this.#tripped !== tripped) return;
        this.#tripped = undefined;
        this.#point();
      },
    };
  }

  #point(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    const pid = this.#pid;
    if (pid === undefined || this.#tripped === undefined) return;
    // Where it has ended meanwhile, or cannot be watched for want of something, the next probe finds out.
    try {
      this.#watch = this.#processes.onEnd(pid, () => {
        const tripped = this.#tripped;
        this.#watch = undefined;
        this.#tripped = undefined;
        tripped?.(`process ${pid} has ended`, "gone");
      });
    } catch {
      this.#watch = undefined;
    }
  }
}
