/** The port to other programs: what exec checks and those of units run. */

/** What is run. */
export interface ProgramOrder {
  /** An absolute path, then arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** By name. Undefined: this process's own. */
  readonly user: string | undefined;
}

/** How it went. */
export type ProgramResult =
  | {
    readonly type: "ended";
    readonly code: number;
    /** Undefined: it ended by itself. */
    readonly signal: string | undefined;
    /** The beginnings of what it wrote. */
    readonly stdout: string;
    readonly stderr: string;
  }
  | {
    /** It did not begin. */
    readonly type: "refused";
    /** In words. */
    readonly cause: string;
    /** This host was short of something; otherwise it cannot be run as it is: it does not exist, or is not executable. */
    readonly ours: boolean;
  };

/** A program that was started, the leader of a process group. */
export interface StartedProgram {
  /** Resolves when it has ended, and with it all of its group; never rejects. */
  readonly ended: Promise<ProgramResult>;
  /** Ends all of its group at once, by SIGKILL; nothing once it has ended. */
  kill(): void;
}

/** Starts programs. */
export type StartProgram = (order: ProgramOrder) => StartedProgram;
