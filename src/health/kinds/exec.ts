/**
 * The exec check: a program that must end with status 0; the first line that it writes is the reason. At its timeout, and
 * where the check ends, all of its group is killed. One check never runs its program twice at once.
 */
import type { ExecCheckConfig } from "../../config/checks/exec.ts";
import { foreignText } from "../../text/foreign.ts";
import { onAbort, untilAborted } from "../../time/abort.ts";
import type { Probe, ProbeOutcome } from "./probe.ts";
import type { ProgramResult, StartProgram } from "./programs.ts";

/** What an exec check is of. */
export interface ExecSubject {
  /** Undefined for a check of destinations, which several services may share. */
  readonly service: string | undefined;
}

/** Where the programs that a script names are looked for. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MAX_LINE_LENGTH = 200;

/** The probe of an exec check. */
export function execProbe(config: ExecCheckConfig, { service }: ExecSubject, start: StartProgram): Probe {
  const { command, user } = config;
  const order = { argv: command, environment: environmentOf(config, service), user };
  let last: Promise<void> = Promise.resolve();
  return {
    async run(signal, progress) {
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      try {
        // One that was killed ends soon, but for one that waits for a dead file system.
        progress("waiting for the program of the probe before to end");
        await untilAborted(before, signal);
        progress("waiting for the program to end");
        const program = start(order);
        using _abort = onAbort(signal, () => program.kill());
        return outcomeOf(await program.ended);
      } finally {
        before.then(resolve);
      }
    },
  };
}

/** Nothing of the agent's own environment. */
function environmentOf(
  { name, environment, destination }: ExecCheckConfig,
  service: string | undefined,
): Readonly<Record<string, string>> {
  const about = destination === undefined ? { BGP_LB_CHECK: name, BGP_LB_SERVICE: service ?? "" } : {
    BGP_LB_ADDRESS: destination.address,
    ...(destination.port === 0 ? {} : { BGP_LB_PORT: String(destination.port) }),
  };
  return { PATH, ...environment, ...about };
}

function outcomeOf(result: ProgramResult): ProbeOutcome {
  if (result.type === "refused") return { kind: result.ours ? "unknown" : "fail", detail: result.cause };
  const { code, signal, stdout, stderr } = result;
  const how = signal === undefined ? `status ${code}` : `ended by ${signal}`;
  const line = firstLine(stdout) || firstLine(stderr);
  const detail = line === "" ? how : `${how}: ${line}`;
  return { kind: code === 0 && signal === undefined ? "pass" : "fail", detail };
}

function firstLine(text: string): string {
  return foreignText(text.trimStart().split(/[\r\n]/, 1)[0]?.trimEnd() ?? "", MAX_LINE_LENGTH);
}
