/**
 * One run of a program of `onChange`, bounded in time: SIGTERM to all of its process group, a second later SIGKILL; and
 * what was wrong with it, in words.
 */
import { foreignText } from "../text/foreign.ts";
import { messageOf } from "../text/error_message.ts";
import { formatDuration } from "../time/duration.ts";
import type { Clock } from "../time/clock.ts";

/** What is run. */
export interface Program {
  /** An absolute path, then arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** For standard input, which then ends. */
  readonly input: string;
}

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number;
  /** Undefined: it ended by itself. */
  readonly signal: string | undefined;
  /** The beginning of what it wrote to standard error. */
  readonly stderr: string;
}

/** A program that was started, the leader of a process group. */
export interface RunningProgram {
  readonly ended: Promise<ProgramEnd>;
  /** To all of its group; nothing once it has ended. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

/** Starts a program. @throws {Error} why it cannot be started, in words */
export type RunProgram = (program: Program) => RunningProgram;

/** Between SIGTERM and SIGKILL, and from then until it is taken as one that nothing ends. */
const GRACE_MS = 1000;
/** First 4 KiB of standard error. */
const MAX_WORDS_LENGTH = 4096;

/** A run that has begun. */
export interface HookRun {
  /** What was wrong; undefined: nothing. */
  readonly ended: Promise<string | undefined>;
  /** Resolves where even SIGKILL does not end it, as for one that waits for a dead file system. */
  readonly stuck: Promise<void>;
  /** Ends it at once. @param cause why, which is what was wrong then */
  kill(cause: string): void;
  /** Waits for it no longer. */
  abandon(): void;
}

/** Runs `program`, but not for longer than `limitMs`. @throws {Error} why it cannot be started, in words */
export function runHook(
  program: Program,
  { run, clock, limitMs }: { readonly run: RunProgram; readonly clock: Clock; readonly limitMs: number },
): HookRun {
  const running = run(program);
  const stuck = Promise.withResolvers<void>();
  let cutOff: string | undefined;
  let over = false;
  let timer: Disposable;
  const after = (ms: number, work: () => void) => timer = clock.at(clock.now() + ms, work);
  const kill = (cause: string) => {
    // It has ended in this turn, and nobody has been told yet.
    if (over) return;
    timer[Symbol.dispose]();
    cutOff = cause;
    running.signal("SIGKILL");
    after(GRACE_MS, stuck.resolve);
  };
  after(limitMs, () => {
    cutOff = `took longer than ${formatDuration(limitMs)} (hooks.timeout) and was ended by SIGTERM`;
    running.signal("SIGTERM");
    after(
      GRACE_MS,
      () => kill(`took longer than ${formatDuration(limitMs)} (hooks.timeout) and was ended by SIGKILL`),
    );
  });
  const ended = async () => {
    try {
      return problemOf(await running.ended, cutOff);
    } catch (error) {
      return messageOf(error);
    } finally {
      over = true;
      timer[Symbol.dispose]();
    }
  };
  return { ended: ended(), stuck: stuck.promise, kill, abandon: () => timer[Symbol.dispose]() };
}

function problemOf({ code, signal, stderr }: ProgramEnd, cutOff: string | undefined): string | undefined {
  const problem = cutOff ??
    (signal !== undefined ? `was ended by ${signal}` : code !== 0 ? `exit status ${code}` : undefined);
  if (problem === undefined) return undefined;
  const words = foreignText(stderr.trim().replaceAll(/\s*\n\s*/g, "; "), MAX_WORDS_LENGTH);
  return words === "" ? problem : `${problem}: ${words}`;
}
