/**
 * Log lines on their way out, in order. Whoever logs never waits: a reader that is slow or stuck (a full pipe, a stalled
 * journal) must not hold up keepalives. What exceeds the bound is lost, and the gap is told when lines flow again; what
 * matters (transitions, warnings) has room of its own behind that bound.
 */

/** Where lines go. */
export interface LogSink {
  /** Takes some octets, later; resolves to how many. */
  write(octets: Uint8Array): Promise<number>;
}

/** So much waits for the reader at most. */
export const MAX_WAITING_OCTETS = 1 << 20;
/** So much more of what matters. */
export const IMPORTANT_OCTETS = 1 << 20;

/** A bounded queue in front of a sink. */
export class LogQueue {
  readonly #sink: LogSink;
  readonly #encoder = new TextEncoder();
  #waiting: Uint8Array[] = [];
  #octets = 0;
  #lost = 0;
  #flowing: Promise<void> | undefined;
  /** The line that tells how many were lost. */
  lostLine: (count: number) => string = (count) =>
    `bgp-lb: ${count} log lines lost: nobody read them in time\n`;

  constructor(sink: LogSink) {
    this.#sink = sink;
  }

  /** Resolves when everything that was written so far is out, or failed to be. */
  get drained(): Promise<void> {
    return this.#flowing ?? Promise.resolve();
  }

  /** Takes a line, or counts it as lost. */
  write(line: string, important = false): void {
    const octets = this.#encoder.encode(line);
    const limit = important ? MAX_WAITING_OCTETS + IMPORTANT_OCTETS : MAX_WAITING_OCTETS;
    if (this.#octets + octets.byteLength > limit) {
      this.#lost++;
      return;
    }
    this.#push(octets);
    this.#flowing ??= this.#flow();
  }

  #push(octets: Uint8Array): void {
    this.#waiting.push(octets);
    this.#octets += octets.byteLength;
  }

  async #flow(): Promise<void> {
    for (let octets = this.#waiting.shift(); octets !== undefined; octets = this.#waiting.shift()) {
      await this.#send(octets);
      this.#octets -= octets.byteLength;
      if (this.#lost === 0) continue;
      this.#push(this.#encoder.encode(this.lostLine(this.#lost)));
      this.#lost = 0;
    }
    this.#flowing = undefined;
  }

  async #send(octets: Uint8Array): Promise<void> {
    try {
      for (let sent = 0; sent < octets.byteLength;) sent += await this.#sink.write(octets.subarray(sent));
    } catch {
      // A log that nobody reads any more is no reason to end.
    }
  }
}
