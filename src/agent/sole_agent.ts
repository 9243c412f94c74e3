/**
 * One agent for one kernel: two that manage the interfaces and IPVS of one network namespace would undo each other's work.
 * Whoever manages them holds a name that the kernel scopes to the network namespace (an abstract unix socket) and frees when
 * the process ends, however that ends; who does not get it asks the holder, of whom the kernel tells process and user.
 */
import type { AgentState } from "../events/event.ts";
import type { StreamSocket } from "../net/sockets.ts";
import { messageOf } from "../text/error_message.ts";
import { sleep } from "../time/clock.ts";
import { type AgentPorts, HostNotFitError } from "./ports.ts";

/** What the claim is made with. */
export type SoleAgentPorts = Pick<AgentPorts, "streams" | "clock" | "events"> & {
  readonly socketFiles: Pick<AgentPorts["socketFiles"], "user">;
};

/** Who has the name. */
interface Holder {
  readonly pid: number | undefined;
  readonly uid: number | undefined;
  /** Its state, where it answers. */
  readonly state: string;
}

const NAME = { path: "@bgp-lb/kernel" };
/** An agent that hands over or stops is waited for, */
const STOPPING_LIMIT_MS = 10_000;
/** one that may have been told so a moment ago for less, */
const RUNNING_LIMIT_MS = 500;
/** and asked so often. */
const RETRY_MS = 100;
/** An agent answers at once. */
const ANSWER_LIMIT_MS = 1_000;
const MAX_ANSWER_OCTETS = 32;
/** Whoever may open a socket may ask: so many are answered at once, and others turned away. */
const MAX_ANSWERS = 16;

/** The claim of one agent. Disposing gives it up. */
export class SoleAgent implements Disposable {
  readonly #ports: SoleAgentPorts;
  readonly #state: () => AgentState;
  #listener: Disposable | undefined;
  #answers = 0;

  /** @param state of this agent, for who asks */
  constructor(ports: SoleAgentPorts, state: () => AgentState) {
    this.#ports = ports;
    this.#state = state;
  }

  /**
   * Takes the name, as soon as an agent that is stopping has given it up.
   * @throws {HostNotFitError} another agent has it, and goes on
   */
  async claim(): Promise<void> {
    const { clock } = this.#ports;
    const beginMs = clock.now();
    for (;;) {
      const problem = this.#listen();
      if (problem === undefined) return;
      if (problem.code !== "EADDRINUSE") {
        return this.#warn(`whether another agent manages this kernel cannot be known: ${problem.message}`);
      }
      const holder = await this.#ask();
      const isLeaving = holder === undefined || holder.state === "stopping";
      const limitMs = isLeaving ? STOPPING_LIMIT_MS : RUNNING_LIMIT_MS;
      if (clock.now() - beginMs >= limitMs) return this.#refuse(holder);
      await sleep(clock, RETRY_MS);
    }
  }

  [Symbol.dispose](): void {
    this.#listener?.[Symbol.dispose]();
    this.#listener = undefined;
  }

  /** Undefined: we have it. */
  #listen(): { readonly code: string; readonly message: string } | undefined {
    const { streams } = this.#ports;
    try {
      this.#listener = streams.listen(NAME, {
        connection: (socket) => void this.#answer(socket),
        fault() {},
      });
      return undefined;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      return { code, message: messageOf(error) };
    }
  }

  async #answer(socket: StreamSocket): Promise<void> {
    using _socket = socket;
    if (this.#answers >= MAX_ANSWERS) return;
    this.#answers++;
    try {
      await socket.write(new TextEncoder().encode(`${this.#state()}\n`));
      await socket.end(ANSWER_LIMIT_MS);
    } catch {
      // Who asked is gone.
    } finally {
      this.#answers--;
    }
  }

  /** Undefined where nobody has it any more. */
  async #ask(): Promise<Holder | undefined> {
    const { streams, clock } = this.#ports;
    const abort = new AbortController();
    const limit = clock.at(clock.now() + ANSWER_LIMIT_MS, () => abort.abort(new Error("no answer")));
    using _limit = limit;
    let holder: Omit<Holder, "state"> | undefined;
    try {
      const socket = await streams.connect(NAME, abort.signal);
      using _socket = socket;
      abort.signal.addEventListener("abort", () => socket[Symbol.dispose](), { once: true });
      const { pid, uid } = socket.credentials ?? {};
      holder = { pid, uid };
      let state = "";
      for (let octets = await socket.read(); octets !== undefined; octets = await socket.read()) {
        state += new TextDecoder("latin1").decode(octets.subarray(0, MAX_ANSWER_OCTETS));
        if (state.includes("\n") || state.length >= MAX_ANSWER_OCTETS) break;
      }
      return { ...holder, state: state.split("\n")[0] ?? "" };
    } catch {
      // One that does not answer, or closes without a word, is there all the same.
      holder ??= abort.signal.aborted ? { pid: undefined, uid: undefined } : undefined;
      return holder && { ...holder, state: "" };
    }
  }

  /** Who is neither root nor this user does not keep us from our work. @throws {HostNotFitError} */
  #refuse(holder: Holder | undefined): void {
    const { pid, uid, state = "" } = holder ?? {};
    const isOne = /^(starting|running|stopping)$/.test(state);
    const isTrusted = uid === undefined ? isOne : uid === 0 || uid === this.#ports.socketFiles.user;
    const process = pid === undefined || pid === 0 ? "a process" : `process ${pid}`;
    const who = uid === undefined ? process : `${process} of user ${uid}`;
    if (!isTrusted) {
      return this.#warn(
        `${who} has the name ${NAME.path}, by which agents find each other: another agent on this ` +
          "kernel would not be seen. End that process",
      );
    }
    throw new HostNotFitError(
      `${who} manages the interfaces and IPVS of this host already${
        isOne ? `, and is ${state}` : ""
      }: stop it, let it ` +
        "hand over (bgp-lb handover), or set network.setup: false for one of the two, and leave network.ipvs out",
    );
  }

  #warn(cause: string): void {
    this.#ports.events.publish({ kind: "warning", cause });
  }
}
