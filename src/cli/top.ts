/** `bgp-lb top`: a picture of the running agent, drawn anew every two seconds and whenever the terminal gets another size. */
import type { Answer, ControlRequest } from "../control/client.ts";
import type { StatusDocument } from "../status/document.ts";
import { type EventLine, eventLine } from "../status/event_line.ts";
import { newestChanges } from "../status/newest_changes.ts";
import { type Rates, ratesBetween } from "../status/rates.ts";
import { type TopEvent, topText } from "../status/top_text.ts";
import { messageOf } from "../text/error_message.ts";
import { age } from "../text/table.ts";
import type { Clock } from "../time/clock.ts";
import { outcomeOf, type Question } from "./ask.ts";
import { ExitStatus } from "./exit_status.ts";
import { Rounds } from "./rounds.ts";
import { Screen } from "./screen.ts";
import { canRedraw, styleFor, type Terminal } from "./terminal.ts";
import { PLAIN } from "../text/style.ts";

/** The way to the agent, and the terminal. */
export interface TopPorts {
  /** @throws {Error} in words for people, where no agent answers */
  askControl(request: ControlRequest): Promise<Answer>;
  readonly terminal: Terminal;
  readonly clock: Clock;
  stderr(text: string): void;
}

const EVERY_MS = 2000;
/** So many of the newest events are asked for at the start, and so many kept. */
const ASKED_EVENTS = 1000;
const KEPT_EVENTS = 200;

/** The newest answer, and what it is compared with. */
interface View {
  readonly status: StatusDocument;
  readonly atMs: number;
  readonly rates: Rates | undefined;
  readonly events: readonly TopEvent[];
}

/** Draws until somebody ends it, which is no failure. */
export async function top(socket: string, ports: TopPorts): Promise<number> {
  const { terminal, stderr } = ports;
  if (!canRedraw(terminal)) {
    stderr("top needs a terminal whose cursor can be moved; bgp-lb status --watch prints anywhere\n");
    return ExitStatus.USAGE;
  }
  try {
    return await drawUntilEnd(socket, ports);
  } catch (error) {
    // An agent of another version may say things in another way.
    stderr(`this agent's status cannot be shown: ${messageOf(error)}; bgp-lb status --watch shows it\n`);
    return ExitStatus.FAILED;
  }
}

/** @throws where the agent's answer is of another shape */
async function drawUntilEnd(socket: string, ports: TopPorts): Promise<number> {
  const { terminal, clock, stderr } = ports;
  const question: Question = { view: "status", name: undefined, json: true, socket };
  const events = new NewestEvents(socket, ports);
  using stack = new DisposableStack();
  const rounds = stack.use(new Rounds(ports));
  let screen: Screen | undefined;
  let view: View | undefined;
  let trouble: string | undefined;
  let dueMs = clock.now();
  while (!rounds.over) {
    if (clock.now() >= dueMs) {
      dueMs = clock.now() + EVERY_MS;
      const outcome = await rounds.unlessOver(outcomeOf(question, PLAIN, ports));
      if (outcome === undefined) break;
      if (!outcome.ok && screen === undefined) {
        stderr(outcome.words);
        return outcome.status;
      }
      trouble = outcome.ok ? undefined : outcome.words.split("\n")[0];
      if (outcome.ok) {
        const status: StatusDocument = JSON.parse(outcome.body);
        const known = await rounds.unlessOver(events.after(status));
        if (known === undefined) break;
        view = viewOf(status, known, { before: view, atMs: clock.now() });
      }
    }
    if (view === undefined) break;
    const drawn = picture(view, trouble, ports);
    screen ??= stack.use(new Screen(terminal));
    if (!screen.draw(drawn)) break;
    await rounds.pause(dueMs);
  }
  return ExitStatus.OK;
}

function viewOf(
  status: StatusDocument,
  events: readonly TopEvent[],
  { before, atMs }: { readonly before: View | undefined; readonly atMs: number },
): View {
  const rates = before === undefined ? undefined : ratesBetween(before.status, status, atMs - before.atMs);
  return { status, atMs, rates, events };
}

function picture(
  { atMs, ...view }: View,
  trouble: string | undefined,
  { terminal, clock }: TopPorts,
): string {
  const now = clock.wallTime();
  const { columns: width, rows } = terminal.size();
  const seen = new Date(now.getTime() - (clock.now() - atMs));
  const words = trouble === undefined ? undefined : `${trouble}; this was seen ${age(seen, now)} ago`;
  return topText({ ...view, trouble: words }, now, { ...styleFor(terminal), width, rows });
}

/** The newest events, asked for as they come; of an agent that keeps none, what its status says of the last changes. */
class NewestEvents {
  readonly #socket: string;
  readonly #ports: Pick<TopPorts, "askControl">;
  #run: string | undefined;
  /** ID of the newest one that was asked for. */
  #place = 0;
  #known: readonly EventLine[] = [];

  constructor(socket: string, ports: Pick<TopPorts, "askControl">) {
    this.#socket = socket;
    this.#ports = ports;
  }

  /** Up to what `status` has seen. */
  async after(status: StatusDocument): Promise<readonly TopEvent[]> {
    const { run, newest } = status.journal;
    if (newest === 0) return newestChanges(status);
    if (run !== this.#run) [this.#known, this.#place] = [[], 0];
    this.#run = run;
    const since = Math.max(this.#place, newest - ASKED_EVENTS);
    if (newest > since) {
      const events = await this.#ask(since);
      this.#place = events.at(-1)?.id ?? this.#place;
      // A peer that is down is among the peers; what it tries again and again would push all else away.
      this.#known = [...this.#known, ...events.filter(({ attempt }) => !attempt)].slice(-KEPT_EVENTS);
    }
    return this.#known;
  }

  /** None where they cannot be had: the rest of the picture stands without them. */
  async #ask(since: number): Promise<readonly EventLine[]> {
    const target = `/v1/events?follow=false&since=${since}`;
    try {
      const { status, body } = await this.#ports.askControl({
        path: this.#socket,
        target,
        accept: "application/x-ndjson",
      });
      return status !== 200 ? [] : body.split("\n").flatMap((line) => eventLine(line) ?? []);
    } catch {
      return [];
    }
  }
}
