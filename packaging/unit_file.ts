/** Reads a systemd unit as far as ours needs it: sections, assignments, continued lines, the words of a command. */

/** The values of `key` in `section`, in order; an empty assignment clears what stands before it (systemd.syntax(7)). */
export function unitValues(text: string, section: string, key: string): readonly string[] {
  let current = "";
  let values: string[] = [];
  for (const line of logicalLines(text)) {
    const header = /^\[(.+)\]$/.exec(line);
    if (header !== null) current = header[1] ?? "";
    const assignment = /^([^=\s]+)\s*=\s*(.*)$/.exec(line);
    if (header !== null || assignment === null || current !== section || assignment[1] !== key) continue;
    const value = assignment[2] ?? "";
    values = value === "" ? [] : [...values, value];
  }
  return values;
}

/** The words of the unit's only ExecStart. @throws where there is another number of them, or quotes, which ours has not */
export function execStart(unit: string): readonly string[] {
  const [command, ...others] = unitValues(unit, "Service", "ExecStart");
  if (command === undefined || others.length > 0) throw new Error("the unit has not just one ExecStart");
  if (/["'$%\\]/.test(command)) {
    throw new Error(`ExecStart has characters that systemd interprets: ${command}`);
  }
  return command.split(/\s+/);
}

/** The variables of the unit's Environment lines. */
export function unitEnvironment(unit: string): Readonly<Record<string, string>> {
  const words = unitValues(unit, "Service", "Environment").flatMap((value) => value.split(/\s+/));
  return Object.fromEntries(words.map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)];
  }));
}

/** Lines without comments, joined where one ends with a backslash. */
function logicalLines(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => !/^\s*[#;]/.test(line));
  return lines.join("\n").replaceAll(/\\\n\s*/g, "").split("\n").map((line) => line.trim());
}
