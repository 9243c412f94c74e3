/** How a unit's command is run with other folders than its own: a staged installation, a check, a test. */
import { execStart, unitEnvironment } from "./unit_file.ts";

/** A command that can be started, with all of its environment. */
export interface StagedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A folder that the unit names, and the one to take instead. */
export type Move = readonly [from: string, to: string];

/** The unit's ExecStart and environment, each path in them moved by the first of `moves` whose folder it is in. */
export function stagedCommand(unit: string, moves: readonly Move[]): StagedCommand {
  const path = (text: string) => {
    const move = moves.find(([from]) => text === from || text.startsWith(`${from}/`));
    return move === undefined ? text : move[1] + text.slice(move[0].length);
  };
  const word = (text: string) => {
    const at = text.indexOf("=") + 1;
    return text.slice(0, at) + text.slice(at).split(",").map(path).join(",");
  };
  const [command = "", ...args] = execStart(unit).map(word);
  const env = Object.entries(unitEnvironment(unit)).map(([name, value]) => [name, path(value)]);
  return { command, args, env: Object.fromEntries(env) };
}
