/** `bgp-lb check FILE`: whether a configuration is valid, every problem of it, and what would be run with it. */
import { stringify } from "yaml";
import { formatIssue } from "../config/issue.ts";
import { loadConfig, type ReadFile } from "../config/load.ts";
import type { Overrides } from "../config/overrides.ts";
import { renderConfig } from "../config/render.ts";
import { ExitStatus } from "./program.ts";

/** What the commands about configuration files need of the world. */
export interface FilePorts {
  readonly readFile: ReadFile;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Arguments of `bgp-lb check`. */
export interface CheckArguments {
  readonly file: string;
  /** Prints what would be run: the file with every default, without passwords. */
  readonly print: boolean;
  readonly overrides?: Overrides;
}

/** Resolves to 0 for a valid file and 2 otherwise. Problems and the verdict go to stderr, the answer to stdout. */
export function check({ file, print, overrides }: CheckArguments, ports: FilePorts): Promise<number> {
  const result = loadConfig(file, ports.readFile, overrides);
  const issues = result.ok ? result.warnings : result.issues;
  for (const issue of issues) ports.stderr(`${formatIssue(issue)}\n`);
  if (!result.ok) {
    const errors = issues.filter(({ severity }) => severity === "error");
    ports.stderr(`${file}: ${count(errors.length, "problem")}, cannot be used\n`);
    return Promise.resolve(ExitStatus.USAGE);
  }
  const { config } = result;
  if (print) ports.stdout(stringify(renderConfig(config), { lineWidth: 0, aliasDuplicateObjects: false }));
  const parts = `${count(config.services.length, "service")}, ${count(config.bgp.peers.length, "peer")}`;
  const format = result.format === "reference" ? ", in the reference's format" : "";
  ports.stderr(`${file}: valid: ${parts}${format}\n`);
  return Promise.resolve(ExitStatus.OK);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
