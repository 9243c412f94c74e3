/** The command line: commander's commands, the reference's single-dash spellings, exit statuses. */
import { Command, CommanderError, Option } from "commander";
import type { Overrides } from "../config/overrides.ts";
import { DEFAULT_CONTROL_SOCKET } from "../config/schema/schema.ts";
import type { Question } from "./ask.ts";

/** Exit statuses (CONTRACT: Command line). */
export const ExitStatus = { OK: 0, FAILED: 1, USAGE: 2, HOST_NOT_FIT: 3 } as const;

/** What each command does; each resolves to the exit status. */
export interface Commands {
  run(file: string | undefined, overrides: Overrides): Promise<number>;
  check(file: string, print: boolean, overrides: Overrides): Promise<number>;
  migrate(file: string, overrides: Overrides): Promise<number>;
  schema(): Promise<number>;
  ask(question: Question): Promise<number>;
}

/** Where commander's own words go. */
export interface ProgramOutput {
  readonly version: string;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Parses `args`, runs the command that they name, and resolves to the exit status. */
export async function runProgram(
  args: readonly string[],
  commands: Commands,
  output: ProgramOutput,
): Promise<number> {
  let status: number = ExitStatus.OK;
  const program = new Command("bgp-lb")
    .description(
      "Anycast load-balancer agent: owns service addresses, programs IPVS, checks health, speaks BGP.",
    )
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.stdout(text), writeErr: (text) => output.stderr(text) })
    .version(output.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .showHelpAfterError("(bgp-lb --help shows all commands)");

  const run = program.command("run", { isDefault: true })
    .description("run the agent (the default command)")
    .option(
      "--config <file>",
      "configuration file (default: /etc/bgp-lb/config.yaml, else config.json there)",
    );
  withOverrides(run).action(async ({ config, ...flags }: Flags) => {
    status = await commands.run(config, overridesOf(flags));
  });
  const questions = [
    ["status", "[service]", "the running agent: kernel, services, peers, and why what is down is down"],
    ["peers", "[peer]", "its peers: sessions, what was negotiated, counters, errors"],
    ["routes", "[service]", "its prefixes: whether announced, with which attributes, to whom, and why not"],
  ] as const;
  for (const [view, argument, description] of questions) {
    program.command(view).argument(argument, "only this one").description(description)
      .option("--json", "print JSON")
      .option("--control-socket <path>", "the agent's control.socket", DEFAULT_CONTROL_SOCKET)
      .action(async (name: string | undefined, { json, controlSocket: socket = "" }: Flags) => {
        status = await commands.ask({ view, name, json: json !== undefined, socket });
      });
  }
  const check = program.command("check").argument("<file>", "configuration file")
    .description("check a configuration file: every problem with line and column")
    .option("--print", "print what would be run");
  withOverrides(check).action(async (file: string, { print, ...flags }: Flags) => {
    status = await commands.check(file, print !== undefined, overridesOf(flags));
  });
  const migrate = program.command("migrate").argument(
    "<file>",
    "configuration file in the reference's format",
  )
    .description("print a file of the reference's format in ours; flags become part of it");
  withOverrides(migrate).action(async (file: string, flags: Flags) => {
    status = await commands.migrate(file, overridesOf(flags));
  });
  program.command("schema").description("print the JSON Schema of the configuration file").action(
    async () => {
      status = await commands.schema();
    },
  );
  program.command("version").description("print the version").action(() =>
    output.stdout(`${output.version}\n`)
  );

  try {
    await program.parseAsync(doubleDashed(args), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? ExitStatus.OK : ExitStatus.USAGE;
  }
  return status;
}

/** `-config FILE` and `-ipvs-setup=true`, as Go's flag package takes them, spelled with two dashes. */
function doubleDashed(args: readonly string[]): string[] {
  return args.map((arg) => /^-[a-z][a-z-]+(=|$)/.test(arg) ? `-${arg}` : arg);
}

type Flags = Readonly<Record<string, string | undefined>>;

/** Adds the flags that say something over the file; what is wrong with them, `config` says. */
function withOverrides(command: Command): Command {
  return command
    .option("--log-level <level>", "overrides log.level: debug, info, warning, error")
    .addOption(new Option("--network-setup [true|false]", "overrides network.setup").preset("true"))
    .addOption(
      new Option(
        "--ipvs-setup [true|false]",
        "overrides network.ipvs; the reference's format has it off without this",
      )
        .preset("true"),
    )
    .option("--metrics-address <address>", "overrides http.listen, such as :8081")
    .option("--control-socket <path>", "overrides control.socket");
}

function overridesOf({ logLevel, networkSetup, ipvsSetup, metricsAddress, controlSocket }: Flags): Overrides {
  return { logLevel, networkSetup, ipvsSetup, metricsAddress, controlSocket };
}
