/**
 * `bgp-lb plan [FILE]`: what a reload with FILE, or with the agent's own file as it is now, would do. The running agent
 * knows; where none runs, what a start with FILE would do is said as far as this host tells. Changes nothing.
 */
import type { Config } from "../config/config.ts";
import { formatIssue } from "../config/issue.ts";
import { loadText, readText, unreadable } from "../config/load.ts";
import type { Overrides } from "../config/overrides.ts";
import { parseSocketPath } from "../config/values/socket_path.ts";
import type { Answer, Found } from "../control/client.ts";
import type { Plan } from "../status/plan.ts";
import { type Paint, planText } from "../status/plan_text.ts";
import { messageOf } from "../text/error_message.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import { noAgentCure } from "./ask.ts";
import { ExitStatus } from "./exit_status.ts";
import { fileArgument, type FilePorts } from "./file_ports.ts";

/** Arguments of `bgp-lb plan`. */
export interface PlanArguments {
  /** A path, or `-`; undefined: the agent's own file. */
  readonly file: string | undefined;
  readonly json: boolean;
  /** Path of the control socket. */
  readonly socket: string;
  /** For a start; a reload keeps the flags that the agent was started with. */
  readonly overrides: Overrides;
}

/** An order to the agent. */
export interface PlanRequest {
  /** Of the control socket. */
  readonly path: string;
  readonly target: string;
  readonly body: unknown;
}

/** Files, the way to the agent, and this host. */
export interface PlanPorts extends FilePorts {
  /** Who listens at a path. @throws {Error} where that may not be asked */
  findAgent(path: string): Promise<Found>;
  /** @throws {Error} in words for people, where no agent answers */
  postControl(request: PlanRequest): Promise<Answer>;
  /** What a start would do on this host. Never throws. */
  planStart(config: Config): Promise<Plan>;
  readonly paint: Paint;
}

/** Prints the plan. Resolves to 0, to 2 for an invalid file, to 1 where there is no plan. */
export async function plan(
  { file, json, socket, overrides }: PlanArguments,
  ports: PlanPorts,
): Promise<number> {
  const refuse = (status: number, ...lines: readonly string[]) => {
    for (const line of lines) ports.stderr(`${escapeUnprintable(line)}\n`);
    return status;
  };
  const path = parseSocketPath(socket);
  if ("problem" in path || path.value === undefined) {
    const problem = "problem" in path ? path.problem : "must not be empty";
    return refuse(ExitStatus.USAGE, `--control-socket: ${problem} (got ${JSON.stringify(socket)})`);
  }
  const print = (text: string) => {
    ports.stdout(text);
    return ExitStatus.OK;
  };
  const show = (plan: Plan) => print(json ? indented(plan) : planText(plan, ports.paint));

  if (file === undefined) return await askAgent(path.value, {});
  const { name, readFile } = await fileArgument(file, ports);
  const read = readText(name, readFile);
  if ("problem" in read) return refuse(ExitStatus.USAGE, formatIssue(unreadable(name, read)));
  const text = { name, text: read.text, mode: read.mode };
  if (!await isDeserted(path.value)) {
    return await askAgent(path.value, { file: { name, text: read.text } });
  }
  const loaded = await loadText(text, readFile, overrides);
  if (!loaded.ok) return refuse(ExitStatus.USAGE, ...loaded.issues.map(formatIssue));
  ports.stderr(`no agent runs at ${path.value}: this is what a start with ${name} would do\n`);
  const planned = await ports.planStart(loaded.config);
  return show({ ...planned, warnings: [...loaded.warnings.map(formatIssue), ...planned.warnings] });

  /** Nobody listens. Where that cannot be told, the question itself finds out why. */
  async function isDeserted(path: string): Promise<boolean> {
    return await ports.findAgent(path).then(({ type }) => type === "nobody", () => false);
  }

  async function askAgent(path: string, body: unknown): Promise<number> {
    let answer: Answer;
    try {
      answer = await ports.postControl({ path, target: "/v1/plan", body });
    } catch (error) {
      const words = messageOf(error);
      const cure = file === undefined
        ? "name a FILE to see what a start with it would do"
        : noAgentCure(words);
      return refuse(ExitStatus.FAILED, words, cure);
    }
    if (answer.status === 200) {
      try {
        return show(JSON.parse(answer.body));
      } catch {
        return refuse(ExitStatus.FAILED, "what the agent answers is no plan: it may be of another version");
      }
    }
    const { problems, error } = refusalOf(answer.body);
    return problems === undefined
      ? refuse(ExitStatus.FAILED, error)
      : refuse(ExitStatus.USAGE, ...problems, `${file ?? "the agent's file"}: cannot be used`);
  }
}

/** Why there is no plan: the problems of an invalid file, or one sentence. */
function refusalOf(body: string): { readonly problems?: readonly string[]; readonly error: string } {
  try {
    const { problems, error } = JSON.parse(body);
    if (Array.isArray(problems)) return { problems: problems.map(String), error: "" };
    return { error: typeof error === "string" ? error : body.trim() };
  } catch {
    return { error: body.trim() };
  }
}

/** JSON for people to read; on a terminal it does nothing else than that. */
function indented(plan: Plan): string {
  const lines = JSON.stringify(plan, undefined, 2).split("\n");
  return lines.map((line) => `${escapeUnprintable(line)}\n`).join("");
}
