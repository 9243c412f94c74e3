/** What systemd says of a unit, by systemctl(1): its answer to `show` is for programs, and the same in every language. */
import { SYSTEMCTL } from "../../config/checks/process.ts";
import { foreignText } from "../../text/foreign.ts";
import { onAbort } from "../../time/abort.ts";
import { OwnShortage } from "../connect/failure.ts";
import type { ProbeOutcome, Progress } from "./probe.ts";
import type { StartProgram } from "./programs.ts";

const PROPERTIES = "--property=LoadState,ActiveState,SubState,MainPID";
/** MainPID is 0 where there is none. */
const PROCESS_NUMBER = /^[1-9][0-9]{0,9}$/;
/** A unit that reloads its configuration serves meanwhile. */
const WELL: readonly string[] = ["active", "reloading", "refreshing"];

/** An outcome, and the process that it is about. */
export interface Found {
  readonly outcome: ProbeOutcome;
  /** Undefined: none runs, or none is known. */
  readonly pid: number | undefined;
}

/** The outcome, and the unit's main process where it has one. @throws {OwnShortage} systemd does not say */
export async function findUnit(
  unit: string,
  start: StartProgram,
  signal: AbortSignal,
  progress: Progress,
): Promise<Found> {
  progress("waiting for systemctl");
  const argv = [SYSTEMCTL, "show", PROPERTIES, "--", unit] as const;
  const program = start({ argv, environment: {}, user: undefined });
  using _abort = onAbort(signal, () => program.kill());
  const result = await program.ended;
  if (result.type === "refused") throw new OwnShortage(result.cause);
  const { code, signal: endedBy, stdout, stderr } = result;
  if (code !== 0 || endedBy !== undefined) {
    const how = endedBy === undefined ? `status ${code}` : endedBy;
    const said = foreignText(stderr.trim().replaceAll(/\s*\n\s*/g, "; "));
    throw new OwnShortage(`systemctl does not tell: ${how}${said === "" ? "" : `, ${said}`}`);
  }
  const properties = new Map(
    stdout.split("\n").map((line) => {
      const [name = "", ...value] = line.split("=");
      return [name, value.join("=")];
    }),
  );
  const state = properties.get("ActiveState");
  if (state === undefined || state === "") throw new OwnShortage("systemctl does not tell: no ActiveState");
  const pid = properties.get("MainPID") ?? "";
  const sub = properties.get("SubState");
  const states = foreignText(sub === undefined || sub === "" ? state : `${state} (${sub})`, 60);
  if (WELL.includes(state)) {
    const main = PROCESS_NUMBER.test(pid) ? Number(pid) : undefined;
    const of = main === undefined ? "" : `, process ${main}`;
    return { outcome: { kind: "pass", detail: `${unit} is ${states}${of}` }, pid: main };
  }
  const load = properties.get("LoadState");
  const detail = load === "not-found" || load === "masked"
    ? `${unit} is ${load === "masked" ? load : "not known to systemd"}, must be active`
    : `${unit} is ${states}, must be active`;
  return { outcome: { kind: "fail", detail }, pid: undefined };
}
