/**
 * Requests and their answers over a netlink socket. The kernel acts while a request is being sent, so its answers are
 * there when sending returns: nothing here waits for the kernel. Dumps are read in slices, so that others are not kept
 * waiting by what is long.
 */
import { Writer } from "../bytes/writer.ts";
import { HOST_ORDER } from "./attribute.ts";
import { NLM_F, NLMSG } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import {
  decodeFailure,
  decodeMessages,
  encodeMessages,
  type Failure,
  type NetlinkMessage,
  type Request,
} from "./message.ts";
import type { Slices } from "../time/slices.ts";
import { KernelError, type NetlinkSocket } from "./transport.ts";

/** A dump that a change interrupted is taken again, so many times without a pause, */
const PROMPT_ATTEMPTS = 4;
/** and after that with ever longer ones, up to this, */
const LONGEST_PAUSE_MS = 50;
/** for so long at most: on a busy host somebody changes something all the time. */
const DUMP_LIMIT_MS = 2_000;

/** After so much of dumps it is asked whether the slice is over: what takes a fraction of one. */
const LOOK_OCTETS = 16 << 10;

/** One socket with its sequence numbers. */
export class NetlinkChannel implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #slices: Slices;
  /** What is sent is written to. */
  readonly #out = new Writer(HOST_ORDER);
  #sequence = 0;
  /** Octets that came since it was asked last whether the slice is over. */
  #unlooked = 0;
  /** Everything that came was read: the last exchange has ended as it should. */
  #isClean = false;

  constructor(socket: NetlinkSocket, slices: Slices) {
    this.#socket = socket;
    this.#slices = slices;
  }

  /**
   * Sends `requests` as one datagram and asks only for the last one's acknowledgement: each answer is what the kernel
   * has against that request, or undefined. A failed request does not stop those behind it.
   * @throws {KernelError} sending failed, or the acknowledgement got lost: what was done is then not known
   */
  transact(operation: string, requests: readonly Request[]): readonly (Failure | undefined)[] {
    const first = this.#send(operation, requests, NLM_F.ACK);
    const last = requests.length - 1;
    const failures: (Failure | undefined)[] = requests.map(() => undefined);
    let done = requests.length === 0;
    while (!done) {
      for (const message of this.#receive(operation)) {
        const index = (message.sequence - first) >>> 0;
        if (index > last || message.type !== NLMSG.ERROR) continue;
        failures[index] = this.#failureOf(message);
        done ||= index === last;
      }
    }
    this.#isClean = true;
    return failures;
  }

  /**
   * The one answer to a request that asks for one object.
   * @throws {KernelError}
   */
  get<T>(operation: string, request: Request, decode: (message: NetlinkMessage) => T): T {
    const sequence = this.#send(operation, [request], 0);
    for (;;) {
      for (const message of this.#receive(operation)) {
        if (message.sequence !== sequence) continue;
        this.#isClean = true;
        if (message.type !== NLMSG.ERROR) return decode(message);
        const failure = this.#failureOf(message);
        if (failure !== undefined) throw new KernelError(operation, failure);
      }
    }
  }

  /**
   * The one answer to each of several requests of this kind, undefined where the kernel refused it. As many as fit the
   * receive buffer: each one's answer is there before the first is read.
   * @throws {KernelError} the exchange as such failed
   */
  getEach<T>(
    operation: string,
    requests: readonly Request[],
    decode: (message: NetlinkMessage) => T,
  ): readonly (T | undefined)[] {
    const first = this.#send(operation, requests, 0);
    const answers = new Map<number, T | undefined>();
    while (answers.size < requests.length) {
      for (const message of this.#receive(operation)) {
        const index = (message.sequence - first) >>> 0;
        if (index >= requests.length) continue;
        answers.set(index, message.type === NLMSG.ERROR ? undefined : decode(message));
      }
    }
    this.#isClean = true;
    return requests.map((_, index) => answers.get(index));
  }

  /**
   * Every object of a dump, without those that `decode` makes undefined of. No other exchange may begin meanwhile.
   * @throws {KernelError} also where changes interrupted every attempt: half a dump is no answer
   */
  async dump<T>(
    operation: string,
    request: Request,
    decode: (message: NetlinkMessage) => T | undefined,
  ): Promise<T[]> {
    const { clock } = this.#slices;
    let endMs = Infinity;
    for (let attempt = 1;; attempt++) {
      // Of many dumps with short answers none would pause by itself.
      const pause = this.#pause();
      if (pause !== undefined) await pause;
      const { objects, interrupted } = await this.#dumpOnce(operation, request, decode);
      if (!interrupted) return objects;
      // A pass takes a thousand dumps that nothing interrupts: the clock is not asked for each.
      if (attempt === 1) endMs = clock.now() + DUMP_LIMIT_MS;
      if (clock.now() >= endMs) {
        throw this.#error(operation, ERRNO.EINTR, `changes interrupted ${attempt} attempts`);
      }
      if (attempt >= PROMPT_ATTEMPTS) await this.#slices.wait(Math.min(attempt, LONGEST_PAUSE_MS));
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  async #dumpOnce<T>(
    operation: string,
    request: Request,
    decode: (message: NetlinkMessage) => T | undefined,
  ): Promise<{ readonly objects: T[]; readonly interrupted: boolean }> {
    const sequence = this.#send(operation, [request], 0);
    const objects: T[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive(operation)) {
        if (message.sequence !== sequence) continue;
        interrupted ||= (message.flags & NLM_F.DUMP_INTR) !== 0;
        if (message.type === NLMSG.DONE || message.type === NLMSG.ERROR) {
          this.#isClean = true;
          const failure = this.#failureOf(message);
          if (failure !== undefined) throw new KernelError(operation, failure);
          return { objects, interrupted };
        }
        const object = decode(message);
        if (object !== undefined) objects.push(object);
      }
      const pause = this.#pause();
      if (pause !== undefined) await pause;
    }
  }

  /** To be waited for, where enough was read to ask whether the slice is over. */
  #pause(): Promise<void> | undefined {
    if (this.#unlooked < LOOK_OCTETS) return undefined;
    this.#unlooked = 0;
    return this.#slices.pause();
  }

  /** Returns the first one's sequence number; `lastFlags` are for the last one. */
  #send(operation: string, requests: readonly Request[], lastFlags: number): number {
    // What an exchange that failed half-way left behind; a dump that is not read to its end refuses the next one.
    if (!this.#isClean) { while (typeof this.#socket.receive() !== "number"); }
    this.#isClean = false;
    const first = this.#sequence + 1;
    const messages = requests.map(({ type, flags, payload }, index) => ({
      type,
      flags: flags | NLM_F.REQUEST | (index === requests.length - 1 ? lastFlags : 0),
      sequence: (first + index) >>> 0,
      port: 0,
      payload,
    }));
    this.#sequence = (this.#sequence + requests.length) >>> 0;
    const errno = messages.length === 0 ? 0 : this.#socket.send(encodeMessages(messages, this.#out));
    if (errno !== 0) throw this.#error(operation, errno, "sending to the kernel failed");
    return first;
  }

  #receive(operation: string): readonly NetlinkMessage[] {
    const datagram = this.#socket.receive();
    if (typeof datagram !== "number") {
      this.#unlooked += datagram.byteLength;
      return decodeMessages(datagram);
    }
    // Nothing is there although the kernel has answered: the answer did not fit the receive buffer.
    const errno = datagram === ERRNO.EAGAIN ? ERRNO.ENOBUFS : datagram;
    throw this.#error(operation, errno, "the kernel's answer was lost");
  }

  #failureOf(message: NetlinkMessage): Failure | undefined {
    const failure = decodeFailure(message);
    return failure && { ...failure, words: this.#socket.describe(failure.errno) };
  }

  #error(operation: string, errno: number, extendedAck: string): KernelError {
    return new KernelError(operation, { errno, words: this.#socket.describe(errno), extendedAck });
  }
}
