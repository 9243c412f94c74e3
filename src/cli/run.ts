/** `bgp-lb run`: loads the configuration, opens the platform, runs the agent until a signal ends it. */
import type { Logger } from "@logtape/logtape";
import { Agent } from "../agent/agent.ts";
import { type AgentPorts, HostNotFitError } from "../agent/ports.ts";
import type { Config } from "../config/config.ts";
import { formatIssue } from "../config/issue.ts";
import { loadConfig, type ReadFile } from "../config/load.ts";
import type { Overrides } from "../config/overrides.ts";
import { ExitStatus } from "./program.ts";
import { type LogOutput, openLog } from "./logging.ts";

/** What of the agent's ports depends on the machine, and the service manager. */
export type Platform = Omit<AgentPorts, "log" | "version"> & AsyncDisposable & {
  /** Tells the service manager; does nothing where there is none. */
  notify(state: string): void;
};

/** The signals that mean something to the agent. */
export type Signal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGUSR1" | "SIGUSR2";

/** The world that the command lives in. */
export interface RunPorts {
  readonly version: string;
  readonly readFile: ReadFile;
  stderr(text: string): void;
  readonly logOutput: LogOutput;
  /** @throws {HostNotFitError} what is missing and how to mend it */
  openPlatform(config: Config, log: Logger): Platform;
  /** Calls back at every such signal; disposing gives the signal back. */
  onSignal(signal: Signal, callback: () => void): Disposable;
}

/** Where the configuration is looked for when none is named. */
const DEFAULT_FILES = ["/etc/bgp-lb/config.yaml", "/etc/bgp-lb/config.json"] as const;

/** Runs the agent with `file`, or the default one, until a signal ends it; resolves to the exit status. */
export async function run(file: string | undefined, overrides: Overrides, ports: RunPorts): Promise<number> {
  const loaded = loadConfig(file ?? defaultFile(ports.readFile), ports.readFile, overrides);
  const issues = loaded.ok ? loaded.warnings : loaded.issues;
  for (const issue of issues) ports.stderr(`${formatIssue(issue)}\n`);
  if (!loaded.ok && file === undefined) {
    ports.stderr("that is the default; --config FILE names another\n");
  }
  return loaded.ok ? await runWith(loaded.config, ports) : ExitStatus.USAGE;
}

function defaultFile(readFile: ReadFile): string {
  const [first, second] = DEFAULT_FILES;
  const isThere = (path: string) => {
    try {
      readFile(path);
      return true;
    } catch {
      return false;
    }
  };
  return isThere(second) && !isThere(first) ? second : first;
}

/** One Ctrl-C reaches the agent twice where a launcher passes it on: signals this soon after the first are the same. */
const SAME_PRESS_MS = 500;

async function runWith(config: Config, ports: RunPorts): Promise<number> {
  const log = await openLog(config.log.level, config.log.format, ports.logOutput);
  try {
    return await runOn(config, ports, log);
  } catch (error) {
    if (!(error instanceof HostNotFitError)) throw error;
    for (const line of error.message.split("\n")) {
      log.getChild("agent").error("this host is not fit: {line}", { line });
    }
    return ExitStatus.HOST_NOT_FIT;
  }
}

async function runOn(config: Config, ports: RunPorts, log: Logger): Promise<number> {
  await using platform = ports.openPlatform(config, log);
  const agent = new Agent(config, { ...platform, log, version: ports.version });
  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  let stoppingSinceMs: number | undefined;
  const finish = (stopped: Promise<void>) => {
    stoppingSinceMs = platform.clock.now();
    stopped.then(() => end(ExitStatus.OK), (error) => {
      log.getChild("agent").error("cannot stop in order: {error}; ending as it is", { error });
      end(ExitStatus.FAILED);
    });
  };
  const stopOn = (signal: Signal) => () => {
    if (stoppingSinceMs === undefined) {
      platform.notify("STOPPING=1");
      return finish(agent.stop(`stopped by ${signal}`));
    }
    if (platform.clock.now() - stoppingSinceMs < SAME_PRESS_MS) return;
    log.getChild("agent").warning("{signal} again: stopping at once, the kernel stays as it is", { signal });
    end(ExitStatus.FAILED);
  };
  using signals = new DisposableStack();
  signals.use(ports.onSignal("SIGTERM", stopOn("SIGTERM")));
  signals.use(ports.onSignal("SIGINT", stopOn("SIGINT")));
  signals.use(ports.onSignal("SIGUSR1", () => agent.checkNow()));
  signals.use(ports.onSignal("SIGUSR2", () => {
    if (stoppingSinceMs === undefined) finish(agent.handover());
  }));
  signals.use(ports.onSignal("SIGHUP", () => {
    log.getChild("agent").warning(
      "reload is not supported yet: the running configuration stays; restart to change it",
    );
  }));
  await agent.start();
  if (stoppingSinceMs === undefined) platform.notify("READY=1");
  return await ended;
}
