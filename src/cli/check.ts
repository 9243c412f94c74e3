/** `bgp-lb check FILE`: whether a configuration is valid, every problem of it, and what would be run with it. */
import { formatIssue } from "../config/issue.ts";
import { loadConfig } from "../config/load.ts";
import type { Overrides } from "../config/overrides.ts";
import { printConfig } from "../config/print.ts";
import { ExitStatus } from "./exit_status.ts";
import { fileArgument, type FilePorts } from "./file_ports.ts";

/** Arguments of `bgp-lb check`. */
export interface CheckArguments {
  /** A path, or `-` for standard input. */
  readonly file: string;
  /** Prints what would be run: the file with every default, without passwords. */
  readonly print: boolean;
  readonly overrides?: Overrides;
}

/** Resolves to 0 for a valid file and 2 otherwise. Problems and the verdict go to stderr, the answer to stdout. */
export async function check({ file, print, overrides }: CheckArguments, ports: FilePorts): Promise<number> {
  const { name, readFile } = await fileArgument(file, ports);
  const result = await loadConfig(name, readFile, overrides);
  const issues = result.ok ? result.warnings : result.issues;
  for (const issue of issues) ports.stderr(`${formatIssue(issue)}\n`);
  if (!result.ok) {
    const errors = issues.filter(({ severity }) => severity === "error");
    ports.stderr(`${name}: ${count(errors.length, "problem")}, cannot be used\n`);
    return ExitStatus.USAGE;
  }
  const { config } = result;
  if (print) ports.stdout(printConfig(config));
  const parts = `${count(config.services.length, "service")}, ${count(config.bgp.peers.length, "peer")}`;
  const format = result.format === "reference" ? ", in the reference's format" : "";
  ports.stderr(`${name}: valid: ${parts}${format}\n`);
  return ExitStatus.OK;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
