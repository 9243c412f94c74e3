/** The command line: commander's commands, the reference's single-dash spellings, exit statuses. */
import { Command, CommanderError, Option } from "commander";

/** Exit statuses (CONTRACT: Command line). */
export const ExitStatus = { OK: 0, FAILED: 1, USAGE: 2, HOST_NOT_FIT: 3 } as const;

/** What the command line may override in the file. */
export interface RunOptions {
  readonly config: string | undefined;
  readonly logLevel: string | undefined;
  readonly networkSetup: boolean | undefined;
  readonly ipvsSetup: boolean | undefined;
  readonly metricsAddress: string | undefined;
}

/** What each command does; each resolves to the exit status. */
export interface Commands {
  run(options: RunOptions): Promise<number>;
  check(file: string, options: { readonly print: boolean }): Promise<number>;
  migrate(file: string): Promise<number>;
  schema(): Promise<number>;
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

  const flag = (name: string, text: string) =>
    new Option(`--${name} [true|false]`, text).choices(["true", "false"]).preset("true");
  program.command("run", { isDefault: true })
    .description("run the agent (the default command)")
    .option(
      "--config <file>",
      "configuration file (default: /etc/bgp-lb/config.yaml, else config.json there)",
    )
    .addOption(
      new Option("--log-level <level>", "overrides log.level").choices(["debug", "info", "warning", "error"]),
    )
    .addOption(flag("network-setup", "overrides network.setup"))
    .addOption(
      flag("ipvs-setup", "whether to program IPVS; the reference's format has it off unless this is given"),
    )
    .option("--metrics-address <address>", "overrides http.listen, such as :8081")
    .action(async (options: Readonly<Record<string, string | undefined>>) => {
      status = await commands.run({
        config: options["config"],
        logLevel: options["logLevel"],
        networkSetup: toBoolean(options["networkSetup"]),
        ipvsSetup: toBoolean(options["ipvsSetup"]),
        metricsAddress: options["metricsAddress"],
      });
    });
  program.command("check").argument("<file>", "configuration file")
    .description("check a configuration file: every problem with line and column")
    .option("--print", "print what would be run", false)
    .action(async (file: string, options: { readonly print: boolean }) => {
      status = await commands.check(file, options);
    });
  program.command("migrate").argument("<file>", "configuration file in the reference's format")
    .description("print a file of the reference's format in ours")
    .action(async (file: string) => {
      status = await commands.migrate(file);
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

function toBoolean(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === "true";
}
