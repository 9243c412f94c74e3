/** What checks run: programs that must be there and executable, users that must be known. */
import { listed, ok, problem, type Row, warning } from "./finding.ts";
import { quoted } from "./process_rows.ts";
import type { CheckProgram } from "./subject.ts";

const NEVER_PASSES = "such a check never passes, so what it is of is not announced, or gets no connections";

/** The rows. */
export const CHECK_ROWS: readonly Row[] = [
  {
    name: "programs of checks",
    applies: ({ checkPrograms }) => checkPrograms.length > 0,
    look(host, { checkPrograms }) {
      const byPath = Map.groupBy(checkPrograms, ({ program }) => program);
      const findings = [...byPath].flatMap(([program, by]) => {
        const may = host.mayRun(program);
        if (may === true) return [];
        return may === undefined
          ? [
            problem(`${program} does not exist: ${usersOf(by)}`, NEVER_PASSES, {
              cure: "install it, or name another",
            }),
          ]
          : [problem(`${program} may not be run: ${usersOf(by)}`, NEVER_PASSES, {
            command: `chmod +x ${quoted(program)}`,
            cure: "where it is executable already, a folder above it is shut to this user, or it is no file:",
          })];
      });
      return findings.length > 0 ? findings : [ok(`${listed([...byPath.keys()])} can be run`)];
    },
  },
  {
    name: "users of checks",
    applies: ({ checkPrograms }) => checkPrograms.some(({ user }) => user !== undefined),
    look(host, { checkPrograms }) {
      const known = new Set(host.read("/etc/passwd")?.split("\n").map((line) => line.split(":", 1)[0]));
      const byUser = Map.groupBy(
        checkPrograms.filter((each) => each.user !== undefined),
        ({ user }) => user ?? "",
      );
      const findings = [...byUser].filter(([user]) => !known.has(user)).map(([user, by]) =>
        warning(
          `${user} is not in /etc/passwd: ${usersOf(by)}`,
          "where no directory has that user either, such a check says nothing, and what it is of is never announced",
          { command: `useradd --system --no-create-home ${user}`, cure: "or name another user" },
        )
      );
      return findings.length > 0 ? findings : [ok(`${listed([...byUser.keys()])} are in /etc/passwd`)];
    },
  },
];

function usersOf(programs: readonly CheckProgram[]): string {
  return listed(programs.map(({ service, check }) => `${service}, ${check}`));
}
