/** From the arguments to the command that they name, and to the exit status. */
import type { Overrides } from "../config/overrides.ts";
import { DEFAULT_CONTROL_SOCKET } from "../config/values/socket_path.ts";
import { parseDuration } from "../time/duration.ts";
import type { Question } from "./ask.ts";
import type { Order, OrderOptions } from "./orders.ts";
import { parseCommandLine, type ProgramOutput } from "./command_parser.ts";
import type { CommandLine } from "./command_table.ts";
import { completionScript, SHELLS } from "./completions/completions.ts";
import type { DoctorArguments } from "./doctor.ts";
import type { EventsQuestion } from "./events.ts";
import { ExitStatus } from "./exit_status.ts";
import { isStdin } from "./file_ports.ts";
import type { CleanupArguments } from "./cleanup.ts";
import type { MigrateArguments } from "./migrate.ts";
import type { PlanArguments } from "./plan.ts";

/** Bounds of --watch. */
const WATCH_LEAST_MS = 100;
const WATCH_MOST_MS = 3_600_000;

/** What each command does; each resolves to the exit status. */
export interface Commands {
  run(file: string | undefined, overrides: Overrides): Promise<number>;
  check(file: string, print: boolean, overrides: Overrides): Promise<number>;
  plan(planned: PlanArguments): Promise<number>;
  doctor(args: DoctorArguments): Promise<number>;
  cleanup(args: CleanupArguments): Promise<number>;
  migrate(args: MigrateArguments): Promise<number>;
  schema(): Promise<number>;
  version(json: boolean): Promise<number>;
  ask(question: Question): Promise<number>;
  order(order: Order, options: OrderOptions): Promise<number>;
  watch(question: Question, everyMs: number): Promise<number>;
  top(socket: string): Promise<number>;
  /** @param kind what is to be listed: services or peers */
  listNames(kind: string, socket: string): Promise<number>;
  events(question: EventsQuestion): Promise<number>;
}

/** Runs the command that `args` name, and resolves to the exit status. */
export async function runProgram(
  args: readonly string[],
  commands: Commands,
  output: ProgramOutput,
): Promise<number> {
  const line = parseCommandLine(args, output);
  if (typeof line === "number") return line;
  const { command, argument = "", options } = line;
  switch (command) {
    case "run":
      if (isStdin(options.get("config") ?? "")) return refuseStdin(output);
      return await commands.run(options.get("config"), overridesOf(options));
    case "check":
      return await commands.check(argument, options.has("print"), overridesOf(options));
    case "plan":
      return await commands.plan({
        file: line.argument,
        json: options.has("json"),
        socket: options.get("control-socket") ?? DEFAULT_CONTROL_SOCKET,
        overrides: overridesOf(options),
      });
    case "doctor":
      return await commands.doctor({
        file: line.argument,
        json: options.has("json"),
        socket: options.get("control-socket"),
      });
    case "cleanup":
      return await commands.cleanup({
        file: line.argument,
        yes: options.has("yes"),
        json: options.has("json"),
        socket: options.get("control-socket"),
      });
    case "migrate":
      return await commands.migrate({
        files: line.argumentList,
        from: options.get("from"),
        overrides: overridesOf(options),
        speaker: {
          routerID: options.get("router-id"),
          localAS: options.get("local-as"),
          peers: options.get("peers"),
          peerAS: options.get("peer-as"),
        },
      });
    case "schema":
      return await commands.schema();
    case "status":
    case "peers":
    case "services":
    case "routes":
    case "explain":
      return await askOrWatch(command, line, commands, output);
    case "drain":
    case "undrain":
    case "reload":
    case "check-now":
    case "handover":
      return await commands.order(orderOf(command, line), {
        json: options.has("json"),
        socket: options.get("control-socket") ?? DEFAULT_CONTROL_SOCKET,
      });
    case "top":
      return await commands.top(socketOf(options));
    case "completions":
      return await complete(line, commands, output);
    case "events":
      return await commands.events({
        follow: options.has("follow"),
        since: options.get("since"),
        filters: { service: options.get("service"), peer: options.get("peer"), kind: options.get("kind") },
        json: options.has("json"),
        socket: options.get("control-socket") ?? DEFAULT_CONTROL_SOCKET,
      });
    case "version":
      return await commands.version(options.has("json"));
    default:
      return command satisfies never;
  }
}

async function askOrWatch(
  view: Question["view"],
  { argument: name, options }: CommandLine,
  commands: Commands,
  output: ProgramOutput,
): Promise<number> {
  const peer = options.get("peer");
  const question = { view, name, peer, json: options.has("json"), socket: socketOf(options) };
  const every = options.get("watch");
  if (every === undefined) return await commands.ask(question);
  const everyMs = parseDuration(every);
  if (everyMs === undefined || everyMs < WATCH_LEAST_MS || everyMs > WATCH_MOST_MS) {
    output.stderr(
      `error: --watch must be from 100ms to 1h, such as 5 or 500ms (got ${JSON.stringify(every)})\n`,
    );
    return ExitStatus.USAGE;
  }
  return await commands.watch(question, everyMs);
}

async function complete(
  { argument, options }: CommandLine,
  commands: Commands,
  output: ProgramOutput,
): Promise<number> {
  const list = options.get("list");
  if (list !== undefined) return await commands.listNames(list, socketOf(options));
  const script = argument === undefined ? undefined : completionScript(argument);
  if (script === undefined) {
    const got = argument === undefined ? "" : ` (got ${JSON.stringify(argument)})`;
    output.stderr(`error: completions are there for ${SHELLS.join(", ")}${got}\n`);
    return ExitStatus.USAGE;
  }
  output.stdout(script);
  return ExitStatus.OK;
}

function socketOf(options: CommandLine["options"]): string {
  return options.get("control-socket") ?? DEFAULT_CONTROL_SOCKET;
}

function refuseStdin(output: ProgramOutput): number {
  output.stderr("error: run cannot have its configuration from standard input: a reload reads it again\n");
  return ExitStatus.USAGE;
}

function orderOf(name: Order["name"], { argumentList: services, options }: CommandLine): Order {
  const wait = options.has("wait");
  switch (name) {
    case "drain":
      return { name, services, reason: options.get("reason"), duration: options.get("for"), wait };
    case "undrain":
      return { name, services, wait };
    case "check-now":
      return { name, services };
    case "reload":
    case "handover":
      return { name };
    default:
      return name satisfies never;
  }
}

function overridesOf(options: CommandLine["options"]): Overrides {
  return {
    logLevel: options.get("log-level"),
    networkSetup: options.get("network-setup"),
    ipvsSetup: options.get("ipvs-setup"),
    metricsAddress: options.get("metrics-address"),
    controlSocket: options.get("control-socket"),
  };
}
