/**
 * `bgp-lb run`: loads the configuration, opens the platform, runs the agent until a signal ends it. Signals count from the
 * first moment on: the first one that ends does so in order, a later one at once, from every state.
 */
import { Agent } from "../agent/agent.ts";
import { type AgentPorts, HostNotFitError, type Loaded } from "../agent/ports.ts";
import type { Config } from "../config/config.ts";
import { formatIssue } from "../config/issue.ts";
import { loadConfig, type LoadResult, loadText, type NamedText, type ReadFile } from "../config/load.ts";
import type { Overrides } from "../config/overrides.ts";
import { EventStream } from "../events/stream.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import type { Loop } from "../time/loop.ts";
import { logEvents } from "./log_events.ts";
import { defaultFile } from "./default_file.ts";
import { ExitStatus } from "./exit_status.ts";
import { type LogOutput, openLog, plainLine } from "./logging.ts";
import { ServiceManager, type ServiceManagerPorts } from "./service_manager.ts";

/** What of the agent's ports depends on the machine, and the service manager. */
export type Platform =
  & Omit<AgentPorts, "clock" | "events" | "version" | keyof RunnerPorts>
  & AsyncDisposable
  & {
    /** Undefined: nobody started us who would want to know how we are. */
    readonly serviceManager: ServiceManagerPorts | undefined;
    /** What goes on by itself below the agent. */
    loops(): readonly Loop[];
  };

/** What of them the command itself gives. */
type RunnerPorts = Pick<AgentPorts, "load" | "setLog" | "requestHandover" | "beginReload">;

/** The signals that mean something to the agent. */
export type Signal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGUSR2";

/** The world that the command lives in. */
export interface RunPorts {
  readonly version: string;
  readonly clock: Clock;
  readonly readFile: ReadFile;
  stderr(text: string): void;
  readonly logOutput: LogOutput;
  /** @throws {HostNotFitError} what is missing and how to mend it */
  openPlatform(config: Config, events: EventStream): Platform;
  /** Calls back for every exception that nobody expected, until it is disposed. */
  onException(callback: (error: unknown) => void): Disposable;
  /** Calls back at every signal, and at once for those that came before; disposing gives them back. */
  onSignal(callback: (signal: Signal) => void): Disposable;
}

/** Runs the agent with `file`, or the default one, until a signal ends it; resolves to the exit status. */
export async function run(file: string | undefined, overrides: Overrides, ports: RunPorts): Promise<number> {
  const load = (text?: NamedText) =>
    text === undefined
      ? loadConfig(file ?? defaultFile(ports.readFile), ports.readFile, overrides)
      : loadText(text, ports.readFile, overrides);
  const runner = new Runner(ports, load);
  using _signals = ports.onSignal((signal) => runner.signal(signal));
  const loading = load();
  // The file is read at once; what its regular expressions need may be waited for.
  runner.fileWasRead();
  const loaded = await loading;
  const issues = loaded.ok ? loaded.warnings : loaded.issues;
  const say = (text: string, level: "error" | "warning") =>
    ports.stderr(plainLine(text, level, ports.logOutput));
  for (const issue of issues) say(formatIssue(issue), issue.severity);
  if (!loaded.ok && file === undefined) say("that is the default; --config FILE names another", "error");
  return loaded.ok ? await runner.run(loaded.config) : ExitStatus.USAGE;
}

/** One Ctrl-C reaches the agent twice where a launcher passes it on: signals this soon after the first are the same. */
const SAME_PRESS_MS = 100;

/** One run, and what signals do to it. */
class Runner {
  readonly #ports: RunPorts;
  readonly #load: (text?: NamedText) => Promise<LoadResult>;
  readonly #events: EventStream;
  readonly #atOnce = Promise.withResolvers<number>();
  readonly #ended = Promise.withResolvers<number>();
  #manager: ServiceManager | undefined;
  #agent: Agent | undefined;
  /** The file was read; a reload that is asked for from now on reads it again, once there is an agent. */
  #hasRead = false;
  #reloadIsOwed = false;
  /** The first signal that ends, and when it came. */
  #ending: { readonly signal: Signal; readonly sinceMs: number } | undefined;

  constructor(ports: RunPorts, load: (text?: NamedText) => Promise<LoadResult>) {
    this.#ports = ports;
    this.#load = load;
    this.#events = new EventStream(ports.clock);
  }

  /**
   * Resolves to the exit status. At a second signal nothing is freed under what still uses it: the process ends as it is,
   * and the kernel keeps what the next start adopts.
   */
  async run(config: Config): Promise<number> {
    const log = await openLog(config.log.level, config.log.format, this.#ports.logOutput);
    using _log = logEvents(this.#events, log, this.#ports.clock);
    using _exceptions = this.#ports.onException((error) => this.#tellUnexpected(error));
    return await Promise.race([this.#atOnce.promise, this.#runAgent(config)]);
  }

  /** A reload that is asked for from now on reads it again. */
  fileWasRead(): void {
    this.#hasRead = true;
  }

  #tellUnexpected(error: unknown): void {
    const cause = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#events.publish({ kind: "fault", part: "agent", name: "turn", cause });
  }

  signal(signal: Signal): void {
    switch (signal) {
      case "SIGTERM":
      case "SIGINT":
        return this.#end(signal);
      case "SIGUSR2":
        if (this.#ending === undefined) this.#begin(signal);
        return;
      case "SIGHUP":
        return this.#reload();
      default:
        return signal satisfies never;
    }
  }

  /** Like the order of that name, by whoever may send signals to this process. */
  #reload(): void {
    const refuse = (cause: string) => {
      this.#events.publish({ kind: "request-refused", cause: `SIGHUP: nothing is reloaded: ${cause}` });
    };
    const agent = this.#agent;
    if (agent === undefined) {
      this.#reloadIsOwed = this.#hasRead;
      return;
    }
    Promise.try(() => agent.orders.reload(undefined)).catch((error) => refuse(messageOf(error)));
  }

  /** What the agent gets of this command. */
  #runnerPorts(config: Config): RunnerPorts {
    let { level, format } = config.log;
    return {
      load: async (text) => inWords(await this.#load(text)),
      setLog: (log) => {
        if (log.level === level && log.format === format) return;
        ({ level, format } = log);
        void openLog(level, format, this.#ports.logOutput);
      },
      requestHandover: () => this.signal("SIGUSR2"),
      beginReload: () => this.#manager?.reloading() ?? { [Symbol.dispose]() {} },
    };
  }

  #end(signal: Signal): void {
    if (this.#ending === undefined) return this.#begin(signal);
    if (this.#ports.clock.now() - this.#ending.sinceMs < SAME_PRESS_MS) return;
    this.#events.publish({ kind: "abort", cause: `${signal} again: the kernel stays as it is` });
    this.#atOnce.resolve(ExitStatus.FAILED);
  }

  #begin(signal: Signal): void {
    this.#ending = { signal, sinceMs: this.#ports.clock.now() };
    this.#leave();
  }

  /** Ends the agent as the first signal says; before there is one, `#runAgent` does when there is. */
  #leave(): void {
    const agent = this.#agent;
    if (agent === undefined || this.#ending === undefined) return;
    const { signal } = this.#ending;
    const left = signal === "SIGUSR2" ? agent.handover() : agent.stop(`stopped by ${signal}`);
    if (signal === "SIGUSR2") this.#manager?.handingOver();
    else this.#manager?.stopping();
    left.then(
      (left) => this.#ended.resolve(this.#statusOf(signal, left)),
      (error) => {
        this.#events.publish({
          kind: "stop-failed",
          cause: `cannot stop in order: ${error}; ending as it is`,
        });
        this.#ended.resolve(ExitStatus.FAILED);
      },
    );
  }

  #statusOf(signal: Signal, left: readonly string[]): number {
    for (const cause of left) {
      this.#events.publish({ kind: "stop-failed", cause: `could not be removed: ${cause}` });
    }
    if (left.length > 0) return ExitStatus.FAILED;
    // Its service manager is to start the next one; who has none has that in mind itself.
    return signal === "SIGUSR2" && this.#manager !== undefined ? ExitStatus.HANDED_OVER : ExitStatus.OK;
  }

  /** Where a service manager has started us. */
  #manage({ serviceManager, loops }: Platform, agent: Agent): ServiceManager | undefined {
    if (serviceManager === undefined) return undefined;
    return this.#manager = new ServiceManager({
      ...serviceManager,
      clock: this.#ports.clock,
      events: this.#events,
      headline: () => agent.headline(),
      loops: () => [...agent.loops(), ...loops()],
      phaseEndMs: () => agent.loops().find(({ name }) => name === "services")?.dueMs ?? Infinity,
    });
  }

  async #runAgent(config: Config): Promise<number> {
    try {
      return await this.#runOn(config);
    } catch (error) {
      if (!(error instanceof HostNotFitError)) throw error;
      for (const cause of error.message.split("\n")) this.#events.publish({ kind: "host-not-fit", cause });
      return ExitStatus.HOST_NOT_FIT;
    }
  }

  async #runOn(config: Config): Promise<number> {
    // A signal that came while the configuration was read ends it before anything is touched.
    if (this.#ending !== undefined) return ExitStatus.OK;
    const { version, clock } = this.#ports;
    await using platform = this.#ports.openPlatform(config, this.#events);
    const ports = { ...platform, ...this.#runnerPorts(config), version, clock, events: this.#events };
    const agent = this.#agent = new Agent(config, ports);
    const manager = this.#manage(platform, agent);
    using _manager = manager;
    const started = this.#agent.start();
    this.#leave();
    if (this.#reloadIsOwed) this.#reload();
    manager?.starting(started);
    await started;
    return await this.#ended.promise;
  }
}

function inWords(loaded: LoadResult): Loaded {
  return loaded.ok
    ? { ok: true, config: loaded.config, warnings: loaded.warnings.map(formatIssue) }
    : { ok: false, problems: loaded.issues.map(formatIssue) };
}
