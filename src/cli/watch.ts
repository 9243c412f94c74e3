/** `--watch`: a question that is asked again and again. On a terminal the answer is redrawn in place, else printed anew. */
import { type AskPorts, type Outcome, outcomeOf, type Question } from "./ask.ts";
import { ExitStatus } from "./exit_status.ts";
import { Rounds } from "./rounds.ts";
import { Screen } from "./screen.ts";
import { canRedraw, styleFor } from "./terminal.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import { toned } from "../text/style.ts";
import { age, lines } from "../text/table.ts";
import type { Clock } from "../time/clock.ts";

/** What watching needs beside asking. */
export interface WatchPorts extends AskPorts {
  readonly clock: Clock;
}

/** Where the answers go; each says whether there is anybody left to show it to. */
interface Display {
  show(outcome: Outcome): boolean;
}

/** Asks until somebody ends it, which is no failure; only the first answer may be one. */
export async function watch(question: Question, everyMs: number, ports: WatchPorts): Promise<number> {
  const { terminal, clock } = ports;
  using stack = new DisposableStack();
  const rounds = stack.use(new Rounds(ports));
  let display: Display | undefined;
  while (!rounds.over) {
    const startedMs = clock.now();
    const outcome = await rounds.unlessOver(outcomeOf(question, styleFor(terminal), ports));
    if (outcome === undefined) break;
    if (display === undefined) {
      if (!outcome.ok) {
        ports.stderr(outcome.words);
        return outcome.status;
      }
      display = question.json || !canRedraw(terminal)
        ? printed(question, ports)
        : redrawn(stack.use(new Screen(terminal)), { question, everyMs, ...ports });
    }
    if (!display.show(outcome)) break;
    await rounds.pause(startedMs + everyMs);
  }
  return ExitStatus.OK;
}

/** Answers one below the other: JSON a line each, texts with an empty line between. What is missing is told once, on stderr. */
function printed({ json }: Question, { stdout, stderr }: WatchPorts): Display {
  let first = true;
  let told: string | undefined;
  return {
    show(outcome) {
      if (!outcome.ok) {
        if (outcome.words !== told) stderr(outcome.words);
        told = outcome.words;
        return true;
      }
      told = undefined;
      if (json) stdout(`${escapeUnprintable(JSON.stringify(JSON.parse(outcome.body)))}\n`);
      else stdout(`${first ? "" : "\n"}${outcome.body}`);
      first = false;
      return true;
    },
  };
}

/** The newest answer under a line that says what it is; where there is none, why, and the last that there was. */
function redrawn(
  screen: Screen,
  { question, everyMs, terminal, clock }: WatchPorts & {
    readonly question: Question;
    readonly everyMs: number;
  },
): Display {
  const { view, name = "" } = question;
  let last: { readonly body: string; readonly at: Date } | undefined;
  return {
    show(outcome) {
      const now = clock.wallTime();
      if (outcome.ok) last = { body: outcome.body, at: now };
      const head = `bgp-lb ${view} ${name}`.trimEnd() + `, every ${everyMs / 1000} s; q ends it`;
      const trouble = outcome.ok ? [] : [
        ...outcome.words.trimEnd().split("\n").map((line) => toned(line, "bad")),
        `tried again; what was answered ${last === undefined ? "" : `${age(last.at, now)} ago`}:`,
      ];
      const top = lines([toned(head, "strong"), ...trouble, ""], styleFor(terminal));
      return screen.draw(top + (last?.body ?? ""));
    },
  };
}
