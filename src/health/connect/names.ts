/**
 * Host names of checks: one question in flight for each name, whoever waits for it, and the last answer kept for a
 * bounded age. A name that was known is answered at once, and asked for again meanwhile: what the resolver does then
 * is no fault of the service. So nothing waits for a resolver but checks whose name was never resolved.
 */
import { type Address, parseAddress } from "../../net/address.ts";
import type { Clock } from "../../time/clock.ts";
import { failureOf, OwnShortage, ProbeFailure } from "./failure.ts";
import type { LookUp } from "./ports.ts";

/** How long answers are good, and how much is asked at once. */
export interface NameLimits {
  /** An answer this old is asked for again. */
  readonly freshMs: number;
  /** An answer this old is not used any more. */
  readonly keptMs: number;
  /** A question that takes longer is given up. */
  readonly timeoutMs: number;
  /** What the other family may take once the first has answered. */
  readonly otherFamilyMs: number;
  readonly inFlight: number;
  /** Names whose last question took longer have half of that, so that those which are never answered leave room for others. */
  readonly slowMs: number;
  /** Names that are remembered; the ones that were used longest ago go. */
  readonly names: number;
  /** Addresses that are kept of one name. */
  readonly addresses: number;
}

/** A resolver's silence says nothing of the service. */
export const NO_ANSWER = "host name not looked up: the resolver does not answer";

/** What one agent is given. */
export const NAME_LIMITS: NameLimits = {
  freshMs: 5000,
  keptMs: 300_000,
  timeoutMs: 5000,
  otherFamilyMs: 100,
  inFlight: 32,
  slowMs: 1000,
  names: 4096,
  addresses: 8,
};

/** Where a host leads. */
export interface HostAddresses {
  /** In the order in which they are tried, the families in turn (RFC 8305 section 4). */
  readonly addresses: readonly Address[];
  /** So many more the name has. */
  readonly leftOut: number;
}

/** What names need of the outside. */
export interface NamePorts {
  readonly lookUp: LookUp;
  readonly clock: Clock;
}

interface Entry {
  /** The newest answer, and when it came. */
  readonly known: { readonly found: HostAddresses; readonly atMs: number } | undefined;
  readonly question: Promise<HostAddresses> | undefined;
  /** The last question took long, however it ended. */
  readonly isSlow: boolean;
}

/** RFC 6761 section 6.3: never asked for. */
const LOCALHOST: HostAddresses = {
  addresses: ["127.0.0.1", "::1"].flatMap((text) => parseAddress(text) ?? []),
  leftOut: 0,
};

/** The names of one agent. */
export class Names {
  readonly #ports: NamePorts;
  readonly #limits: NameLimits;
  /** By name, the one that was used longest ago first. */
  readonly #entries = new Map<string, Entry>();
  #inFlight = 0;
  #slowInFlight = 0;

  constructor(ports: NamePorts, limits: NameLimits = NAME_LIMITS) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /**
   * The addresses of a host, which may be an address itself: IPv4 first, then the families in turn, each in the resolver's
   * order.
   * @throws {ProbeFailure} it has none
   * @throws {OwnShortage} none is known, and the resolver does not answer or too much is being asked already
   */
  async addressesOf(host: string): Promise<HostAddresses> {
    const literal = parseAddress(host);
    if (literal !== undefined) return { addresses: [literal], leftOut: 0 };
    if (/^(.*\.)?localhost\.?$/i.test(host)) return LOCALHOST;
    const name = host.toLowerCase();
    const entry = this.#entries.get(name) ?? { known: undefined, question: undefined, isSlow: false };
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    this.#forget();
    const ageMs = entry.known === undefined ? Infinity : this.#ports.clock.now() - entry.known.atMs;
    if (ageMs <= this.#limits.freshMs && entry.known !== undefined) return entry.known.found;
    if (ageMs > this.#limits.keptMs || entry.known === undefined) return await this.#question(name, entry);
    // Whoever is given an answer that is kept does not care how the question ends.
    this.#question(name, entry).catch(() => {});
    return entry.known.found;
  }

  #question(name: string, entry: Entry): Promise<HostAddresses> {
    if (entry.question !== undefined) return entry.question;
    const { isSlow } = entry;
    const { inFlight, slowMs } = this.#limits;
    if (this.#inFlight >= inFlight || (isSlow && this.#slowInFlight >= inFlight / 2)) {
      return Promise.reject(new OwnShortage("host name not looked up: too many others are being looked up"));
    }
    const { clock } = this.#ports;
    const askedMs = clock.now();
    this.#inFlight++;
    if (isSlow) this.#slowInFlight++;
    const question = this.#ask(name).finally(() => {
      this.#inFlight--;
      if (isSlow) this.#slowInFlight--;
    });
    this.#entries.set(name, { ...entry, question });
    const answered = (known: Entry["known"]) => {
      // A name that was forgotten meanwhile stays so.
      if (!this.#entries.has(name)) return;
      this.#entries.set(name, { known, question: undefined, isSlow: clock.now() - askedMs > slowMs });
    };
    question.then((found) => answered({ found, atMs: clock.now() }), () => answered(entry.known));
    return question;
  }

  #forget(): void {
    const oldest = this.#entries.keys().next();
    if (this.#entries.size > this.#limits.names && !oldest.done) this.#entries.delete(oldest.value);
  }

  /** Both families at once; whoever is first does not wait long for the other. */
  async #ask(name: string): Promise<HostAddresses> {
    const { lookUp, clock } = this.#ports;
    const { timeoutMs, otherFamilyMs, addresses } = this.#limits;
    const controller = new AbortController();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using timers = new DisposableStack();
    timers.use(clock.at(clock.now() + timeoutMs, resolve));
    const answers: Record<4 | 6, readonly Address[]> = { 4: [], 6: [] };
    const errors: unknown[] = [];
    const ask = async (family: 4 | 6) => {
      try {
        answers[family] = await lookUp(name, family, controller.signal);
        if (answers[family].length > 0) timers.use(clock.at(clock.now() + otherFamilyMs, resolve));
      } catch (error) {
        errors.push(error);
      }
    };
    const bothAnswered = Promise.all([ask(4), ask(6)]).then(() => true);
    const complete = await Promise.race([bothAnswered, late.then(() => false)]);
    const found = inTurn(answers[4], answers[6]);
    const [error] = errors;
    controller.abort();
    if (found.length > 0) {
      const kept = found.slice(0, addresses);
      return { addresses: kept, leftOut: found.length - kept.length };
    }
    if (error !== undefined) throw new OwnShortage(`host name not looked up: ${failureOf(error).detail}`);
    if (!complete) throw new OwnShortage(NO_ANSWER);
    throw new ProbeFailure("host name not found");
  }
}

/** One of each in turn, as long as there are, and none twice. */
function inTurn(first: readonly Address[], second: readonly Address[]): readonly Address[] {
  const pairs = Array.from({ length: Math.max(first.length, second.length) }, (_, at) => [
    ...first.slice(at, at + 1),
    ...second.slice(at, at + 1),
  ]);
  return [...new Map(pairs.flat().map((address) => [address.text, address])).values()];
}
