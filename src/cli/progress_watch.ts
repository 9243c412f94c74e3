/**
 * `--wait`: follows a drain or an undrain to its end, on a terminal in one line that is redrawn, elsewhere in a line per
 * change. Where the connection breaks, as the agent may be starting again, progress is asked for again for a while.
 * Ctrl-C ends the waiting alone.
 */
import { readProgress, readRefusal } from "../control/answers.ts";
import { type Answer, type ClientPorts, unansweredText } from "../control/client.ts";
import { CutOffError } from "../control/exchange.ts";
import { LineStream, NDJSON } from "../control/line_stream.ts";
import type { Progress } from "../control/orders.ts";
import { codeOf, messageOf } from "../text/error_message.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import { foreignText } from "../text/foreign.ts";
import { untilAborted } from "../time/abort.ts";
import { noAnswerText } from "./ask.ts";
import { ExitStatus } from "./exit_status.ts";
import { progressLine, stepText } from "./order_text.ts";

/** The terminal, and where answers go. */
export interface WatchPorts {
  stdout(text: string): void;
  stderr(text: string): void;
  /** How many columns the terminal of standard error has, as of now; undefined: it is none. */
  columns(): number | undefined;
  /** Calls back at Ctrl-C, which then does nothing else, until it is disposed. */
  onInterrupt(callback: () => void): Disposable;
}

/** What is followed. */
export interface Watched {
  readonly order: "drain" | "undrain";
  /** None: all. */
  readonly services: readonly string[];
  readonly json: boolean;
  /** Path of the control socket. */
  readonly socket: string;
}

const LIMITS = { answerMs: 10_000, silenceMs: 30_000 };
/** An agent that starts again is there by then. */
const BACK_LIMIT_MS = 60_000;
const BACK_RETRY_MS = 500;
const CLEAR_LINE = "\r\u001b[K";

/** The connection ended, or could not be had, in a way that another try may mend. */
class BrokenError extends Error {}

/** The agent says, or it is plain, that there is nothing to wait for. */
class RefusedError extends Error {}

/** Whoever waits has had enough. */
class InterruptError extends Error {}

/** One waiting. */
export class ProgressWatch {
  readonly #watched: Watched;
  readonly #ports: ClientPorts & WatchPorts;
  readonly #interrupt = new AbortController();
  /** By service, as it was told last. */
  readonly #told = new Map<string, string>();
  #last: readonly Progress[] | undefined;
  #drawn = false;

  constructor(watched: Watched, ports: ClientPorts & WatchPorts) {
    this.#watched = watched;
    this.#ports = ports;
  }

  /** Orders it, and waits. @param tell prints the answer; the exit status where it is a refusal */
  async run(body: unknown, tell: (answer: Answer) => number): Promise<number> {
    using _interrupt = this.#ports.onInterrupt(() => this.#interrupt.abort(new InterruptError()));
    try {
      const status = await this.#order(body, tell);
      if (status !== ExitStatus.OK) return status;
      while (!this.#isDone()) await this.#comeBack();
      return this.#conclude();
    } catch (error) {
      return this.#fail(error);
    } finally {
      this.#clear();
    }
  }

  async #order(body: unknown, tell: (answer: Answer) => number): Promise<number> {
    const { order, socket } = this.#watched;
    const stream = new LineStream(LIMITS, this.#ports, this.#interrupt.signal);
    using _stream = stream;
    let answer: Answer;
    try {
      const reply = await stream.open({ path: socket, target: `/v1/${order}`, accept: NDJSON, body });
      const text = reply.streams ? await stream.line() : await stream.text();
      if (text === undefined) throw new CutOffError("the connection ended without an answer");
      answer = { status: reply.status, body: text };
    } catch (error) {
      if (error instanceof InterruptError) throw error;
      throw new RefusedError(unansweredText(socket, error, stream.sent, this.#ports.user));
    }
    const status = tell(answer);
    // Without a stream, as others have them all, it has ended at once.
    if (status === ExitStatus.OK) await this.#follow(stream).catch((error) => this.#unlessBroken(error));
    return status;
  }

  /** Reads progress until all is done, or the stream ends. */
  async #follow(stream: LineStream): Promise<void> {
    try {
      for (let line = await stream.line(); line !== undefined; line = await stream.line()) {
        const progress = readProgress(line);
        if (progress === undefined) throw new RefusedError(`this is no progress: ${foreignText(line)}`);
        this.#show(progress, line);
      }
    } catch (error) {
      if (error instanceof InterruptError || error instanceof RefusedError) throw error;
      throw new BrokenError(messageOf(error), { cause: error });
    }
  }

  #unlessBroken(error: unknown): void {
    if (!(error instanceof BrokenError)) throw error;
  }

  /** Asks for the progress again, and follows it, until that breaks again. @throws {RefusedError} it cannot be had */
  async #comeBack(): Promise<void> {
    const { clock, user } = this.#ports;
    const { socket } = this.#watched;
    this.#clear();
    this.#ports.stderr("no progress comes any more: asking again, as the agent may be starting anew\n");
    const untilMs = clock.now() + BACK_LIMIT_MS;
    for (;;) {
      await this.#pause(BACK_RETRY_MS);
      try {
        return await this.#ask();
      } catch (error) {
        if (!(error instanceof BrokenError)) throw error;
        if (clock.now() >= untilMs || codeOf(error) === "EACCES") {
          const { cause, message } = error;
          const words = cause === undefined ? message : unansweredText(socket, cause, false, user);
          throw new RefusedError(`${words}; ${this.#goesOn()}`);
        }
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    const { clock } = this.#ports;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = clock.at(clock.now() + ms, resolve);
    await untilAborted(promise, this.#interrupt.signal);
  }

  /** @throws {BrokenError} where another try may do */
  async #ask(): Promise<void> {
    const { services, socket } = this.#watched;
    const query = services.map((name) => `service=${encodeURIComponent(name)}`).join("&");
    const stream = new LineStream(LIMITS, this.#ports, this.#interrupt.signal);
    using _stream = stream;
    let reply: Awaited<ReturnType<LineStream["open"]>>;
    try {
      reply = await stream.open({ path: socket, target: `/v1/progress?${query}`, accept: NDJSON });
    } catch (error) {
      if (error instanceof InterruptError) throw error;
      throw new BrokenError(messageOf(error), { cause: error });
    }
    if (reply.streams) return await this.#follow(stream).catch((error) => this.#unlessBroken(error));
    const text = await stream.text().catch(() => "");
    const words = foreignText(readRefusal(text) ?? text.trim());
    if (reply.status === 404) throw new RefusedError(words);
    throw new BrokenError(words);
  }

  #isDone(): boolean {
    return this.#last?.every(({ done }) => done) ?? false;
  }

  #show(progress: readonly Progress[], line: string): void {
    this.#last = progress;
    const { columns, stderr, stdout } = this.#ports;
    if (this.#watched.json) return stdout(`${escapeUnprintable(line)}\n`);
    const width = columns();
    if (width !== undefined) {
      this.#drawn = true;
      // The last column stays free: some terminals wrap there.
      return stderr(`${CLEAR_LINE}${progressLine(progress, width - 1)}`);
    }
    for (const step of progress) {
      // What only counts down is no news.
      const said = stepText({ ...step, leftMs: undefined });
      if (this.#told.get(step.service) === said) continue;
      this.#told.set(step.service, said);
      stderr(`${escapeUnprintable(stepText(step))}\n`);
    }
  }

  #clear(): void {
    if (this.#drawn) this.#ports.stderr(CLEAR_LINE);
    this.#drawn = false;
  }

  /** Whether it came out as it was ordered: somebody else may have ordered the opposite meanwhile. */
  #conclude(): number {
    const { order, json } = this.#watched;
    this.#clear();
    const last = this.#last ?? [];
    const others = last.filter(({ phase }) => (phase === "down") !== (order === "drain"));
    if (others.length > 0) {
      const steps = others.map(stepText).join("; ");
      const cause = order === "drain"
        ? "undrained meanwhile, or the drain did not outlive the agent"
        : "drained meanwhile";
      this.#ports.stderr(`${escapeUnprintable(`${cause}: ${steps}`)}\n`);
      return ExitStatus.FAILED;
    }
    if (!json && last.length > 0) {
      const names = last.map(({ service }) => service).join(", ");
      const state = order === "drain" ? "out of service" : "back, as far as their gates allow";
      this.#ports.stdout(escapeUnprintable(`${state}: ${names}`) + "\n");
    }
    return ExitStatus.OK;
  }

  #fail(error: unknown): number {
    this.#clear();
    if (error instanceof InterruptError) this.#ports.stderr(`no longer waiting; ${this.#goesOn()}\n`);
    else if (error instanceof RefusedError) this.#ports.stderr(noAnswerText(error.message));
    else throw error;
    return ExitStatus.FAILED;
  }

  #goesOn(): string {
    return `the ${this.#watched.order} goes on (bgp-lb status shows it)`;
  }
}
