/**
 * `bgp-lb events`: the running agent's events as lines, those that it keeps or, with `--follow`, each one as it happens:
 * without loss over a connection that breaks, and on over a restart of the agent, which is told.
 */
import type { ControlRequest } from "../control/exchange.ts";
import type { StreamEnd } from "../control/stream_client.ts";
import { serverSentEventReader } from "../net/server_sent_events.ts";
import { eventLine, type ForeignRecord } from "../status/event_text.ts";
import { messageOf } from "../text/error_message.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import { type Clock, sleep } from "../time/clock.ts";
import { parseDuration } from "../time/duration.ts";
import { noAgentCure, socketPathProblem } from "./ask.ts";
import { ExitStatus } from "./exit_status.ts";

/** What is asked. */
export interface EventsQuestion {
  readonly follow: boolean;
  /** As on the command line. */
  readonly since: string | undefined;
  /** Of the query, by name. */
  readonly filters: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
  /** Path of the control socket. */
  readonly socket: string;
}

/** The way to the agent, and where the lines go. */
export interface EventsPorts {
  readonly clock: Clock;
  /** @throws {Error} in words for people */
  stream(request: ControlRequest, onLine: (line: string) => void): Promise<StreamEnd>;
  stdout(text: string): void;
  stderr(text: string): void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** So often an agent that has gone is looked for: some minutes, as an upgrade takes. */
const MAX_TRIES = 40;

/** Prints the agent's events; resolves to the exit status. */
export async function events(question: EventsQuestion, ports: EventsPorts): Promise<number> {
  const path = question.socket;
  const problem = socketPathProblem(path);
  if (problem !== undefined) {
    ports.stderr(`${problem}\n`);
    return ExitStatus.USAGE;
  }
  const start = startOf(question.since, ports.clock);
  if (start === undefined) {
    const rule = "must be an event's number, a time such as 10m or 2026-01-01T00:00:00Z, or now";
    ports.stderr(`--since: ${rule} (got ${JSON.stringify(question.since)})\n`);
    return ExitStatus.USAGE;
  }
  return await new Follower(question, path, start, ports).run();
}

/** Where to begin: a place that the agent knows, or a moment. */
interface Start {
  readonly place: string | undefined;
  readonly fromMs: number;
}

function startOf(since: string | undefined, clock: Clock): Start | undefined {
  if (since === undefined) return { place: undefined, fromMs: -Infinity };
  if (since === "now" || /^(?:[0-9a-z]{1,32}-)?[0-9]{1,15}$/.test(since)) {
    return { place: since, fromMs: -Infinity };
  }
  const ago = parseDuration(since.replace(/ ago$/, ""));
  if (ago !== undefined) return { place: undefined, fromMs: clock.wallTime().getTime() - ago };
  const moment = /^\d{4}-\d{2}-\d{2}/.test(since) ? Date.parse(since) : NaN;
  return Number.isNaN(moment) ? undefined : { place: undefined, fromMs: moment };
}

/** Reads the stream, and begins it again where it was where it ends. */
class Follower {
  readonly #question: EventsQuestion;
  readonly #path: string;
  readonly #fromMs: number;
  readonly #ports: EventsPorts;
  #place: string | undefined;
  /** Something has come since the last attempt. */
  #heard = false;
  #cut = false;

  constructor(question: EventsQuestion, path: string, { place, fromMs }: Start, ports: EventsPorts) {
    this.#question = question;
    this.#path = path;
    this.#place = place;
    this.#fromMs = fromMs;
    this.#ports = ports;
  }

  async run(): Promise<number> {
    const { clock, stderr } = this.#ports;
    let known = false;
    let tries = 0;
    for (;;) {
      this.#heard = this.#cut = false;
      const ended = await this.#read();
      known ||= this.#heard;
      if (typeof ended === "number") return ended;
      if (!this.#question.follow || !known) return this.#fail(ended, !known);
      if (this.#cut) continue;
      if (this.#heard) {
        tries = 0;
        stderr(`${ended}; waiting for the agent to come back\n`);
      }
      if (++tries > MAX_TRIES) return this.#fail(ended, true);
      await sleep(clock, Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), LAST_RETRY_MS));
    }
  }

  /** Reads until the stream ends: an exit status where that is the end, else why there is no more of it. */
  async #read(): Promise<number | string> {
    const take = serverSentEventReader(({ id, name, data }) => this.#print(data, id, name));
    try {
      const { status, body } = await this.#ports.stream(
        { path: this.#path, target: this.#target(), accept: "text/event-stream" },
        (line) => {
          this.#heard = true;
          take(line);
        },
      );
      if (status !== 200) {
        this.#ports.stderr(escapedLines(body));
        return ExitStatus.FAILED;
      }
      return this.#question.follow ? "the agent has stopped" : ExitStatus.OK;
    } catch (error) {
      return messageOf(error);
    }
  }

  #target(): string {
    const { follow, filters } = this.#question;
    const query = new URLSearchParams({ follow: String(follow) });
    if (this.#place !== undefined) query.set("since", this.#place);
    for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value);
    return `/v1/events?${query}`;
  }

  #print(data: string, id: string | undefined, notice: string | undefined): void {
    if (id !== undefined) this.#place = id;
    const record: ForeignRecord = JSON.parse(data);
    const { stdout, stderr } = this.#ports;
    if (notice !== undefined) {
      this.#cut ||= notice === "cut";
      return stderr(escapedLines(`${notice === "cut" ? "cut off by the agent: " : ""}${record.cause}`));
    }
    if (Date.parse(String(record.at)) < this.#fromMs) return;
    stdout(this.#question.json ? `${escapeUnprintable(data)}\n` : `${eventLine(record)}\n`);
  }

  #fail(reason: string, withCure: boolean): number {
    this.#ports.stderr(`${escapeUnprintable(reason)}\n${withCure ? `${noAgentCure(reason)}\n` : ""}`);
    return ExitStatus.FAILED;
  }
}

function escapedLines(text: string): string {
  return text.replace(/\n$/, "").split("\n").map((line) => `${escapeUnprintable(line)}\n`).join("");
}
