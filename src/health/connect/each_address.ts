/**
 * One attempt at each address of a host, each a little after the one before or as soon as that has failed (RFC 8305
 * section 5), until one succeeds: the way that every kind goes which is given a host. Whatever is told of a host name says
 * which of its addresses said what, in few words however many there are.
 */
import { type Address, parseAddress } from "../../net/address.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { onAbort, untilAborted } from "../../time/abort.ts";
import type { Clock } from "../../time/clock.ts";
import { failureOf, NO_LOCAL_ADDRESS, OwnShortage, ProbeFailure } from "./failure.ts";
import { type HostAddresses, NO_ANSWER } from "./names.ts";
import { reachableFrom, sourceError } from "./source.ts";

/** What trying a host's addresses needs of the outside. */
export interface AddressPorts {
  readonly names: { addressesOf(host: string): Promise<HostAddresses> };
  readonly clock: Clock;
}

/** The bounds of all attempts together; a check's configuration is one. */
export interface AddressLimits {
  /** All that there is, so that every address has its turn within it. Default: for ever. */
  readonly timeoutMs?: number | undefined;
  /** Only addresses of its family are tried. Default: all. */
  readonly source?: Address | undefined;
}

/** What goes on at one address. */
export interface Attempt<T> {
  /** Ends soon after `signal` is aborted, and leaves nothing open where it throws; what it is at is told by `progress`. */
  run(address: Address, signal: AbortSignal, progress: (step: string) => void): Promise<T>;
  /** Closes what came after another address had succeeded. */
  discard?(late: T): void;
}

/** What the first address that succeeded gave. */
export interface Success<T> {
  readonly value: T;
  readonly address: Address;
}

/** An address has so much of a start over the next one at most (RFC 8305 section 8). */
const MAX_HEAD_START_MS = 250;
/** Of so many addresses in the same case each is named. */
const NAMED = 3;

/**
 * What `attempt` gives at the first address of `host` where it succeeds; the others are aborted then.
 * @throws {Error} of an address that was given itself: what the attempt threw
 * @throws {ProbeFailure} the name leads nowhere, or what each of its addresses said
 * @throws {OwnShortage} the same, where something of our own may be why
 */
export async function eachAddress<T>(
  host: string,
  attempt: Attempt<T>,
  { names, clock }: AddressPorts,
  signal: AbortSignal,
  progress: (step: string) => void,
  { timeoutMs = Infinity, source }: AddressLimits = {},
): Promise<Success<T>> {
  const itself = parseAddress(host);
  if (itself !== undefined) {
    return { value: await runFrom(source, attempt, itself, signal, progress), address: itself };
  }
  progress("looking up the host name");
  const startedMs = clock.now();
  const { addresses, leftOut } = await lookedUp(names.addressesOf(host), clock, timeoutMs, signal);
  const usable = reachableFrom(source, addresses, host);
  const leftMs = timeoutMs - (clock.now() - startedMs);
  const headStartMs = Math.min(MAX_HEAD_START_MS, Math.max(0, leftMs) / usable.length);
  const run: Attempt<T>["run"] = (...at) => runFrom(source, attempt, ...at);
  return await firstSuccess({
    addresses: usable,
    leftOut,
    headStartMs,
    attempt: { run, discard: (late) => attempt.discard?.(late) },
    clock,
    signal,
    progress,
  });
}

/** Of the timeout, which is a failure of the service where it is over, a look-up may take this part, as it is none. */
const LOOK_UP_PART = 0.9;

/** What a look-up finds in its part of the timeout. @throws {OwnShortage} nothing */
async function lookedUp(
  addresses: Promise<HostAddresses>,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HostAddresses> {
  if (timeoutMs === Infinity) return await untilAborted(addresses, signal);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.at(clock.now() + timeoutMs * LOOK_UP_PART, () => reject(new OwnShortage(NO_ANSWER)));
  try {
    return await untilAborted(Promise.race([addresses, late]), signal);
  } finally {
    timer[Symbol.dispose]();
  }
}

/** What an attempt at one address gives. @throws {OwnShortage} this host does not have the source */
export async function runFrom<T>(
  source: Address | undefined,
  attempt: Attempt<T>,
  ...at: Parameters<Attempt<T>["run"]>
): Promise<T> {
  try {
    return await attempt.run(...at);
  } catch (error) {
    throw sourceError(error, source);
  }
}

/** What is told of the address that was connected to: nothing where the host is one itself. */
export function answeredBy(host: string, address: Address | undefined): string {
  return address === undefined || parseAddress(host) !== undefined ? "" : ` (${address.text})`;
}

/** The same of a connection to `host`, which is looked at once: that most hosts are addresses shall cost a probe nothing. */
export function answeredOn(host: string): (stream: Pick<StreamSocket, "remote">) => string {
  if (parseAddress(host) !== undefined) return () => "";
  return ({ remote }) => answeredBy(host, remote?.address);
}

interface Race<T> {
  readonly addresses: readonly Address[];
  readonly leftOut: number;
  readonly headStartMs: number;
  readonly attempt: Attempt<T>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  progress(step: string): void;
}

function firstSuccess<T>(race: Race<T>): Promise<Success<T>> {
  const { attempt, clock, signal, headStartMs, leftOut } = race;
  const { promise, resolve, reject } = Promise.withResolvers<Success<T>>();
  const untried = [...race.addresses];
  const running = new Set<AbortController>();
  const steps = new Map<Address, string>();
  const errors = new Map<Address, unknown>();
  let timer: Disposable | undefined;
  let open = true;
  const abortAll = () => {
    for (const controller of running) controller.abort(signal.reason);
  };
  const close = () => {
    open = false;
    timer?.[Symbol.dispose]();
    aborting[Symbol.dispose]();
    abortAll();
  };
  const tell = () => {
    const failed = errors.size === 0 ? "" : `; before that ${grouped(detailsOf(errors), 0)}`;
    race.progress(`${grouped(steps, 0)}${failed}`);
  };
  const succeeded = (address: Address, value: T) => {
    if (!open) return attempt.discard?.(value);
    close();
    resolve({ value, address });
  };
  const failed = (address: Address, error: unknown) => {
    steps.delete(address);
    if (!open) return;
    errors.set(address, error);
    if (untried.length > 0 && !signal.aborted) return tryNext();
    if (running.size > 0) return tell();
    close();
    reject(signal.aborted ? signal.reason : failureOfAll(errors, leftOut));
  };
  const tryNext = () => {
    timer?.[Symbol.dispose]();
    const address = untried.shift();
    if (address === undefined) return;
    const controller = new AbortController();
    running.add(controller);
    const progress = (step: string) => {
      if (!open) return;
      steps.set(address, step);
      tell();
    };
    // What has ended is not aborted: what it gave stays.
    attempt.run(address, controller.signal, progress).finally(() => running.delete(controller))
      .then((value) => succeeded(address, value), (error) => failed(address, error));
    if (untried.length > 0) timer = clock.at(clock.now() + headStartMs, tryNext);
  };
  const aborting = onAbort(signal, abortAll);
  tryNext();
  return promise;
}

/** The service may be well where an attempt failed for something of our own; a family that this host lacks is no such thing. */
function failureOfAll(errors: ReadonlyMap<Address, unknown>, leftOut: number): Error {
  const failures = [...errors.values()].map(failureOf);
  const told = failures.some(({ kind }) => kind === "fail");
  const short = failures.some(({ kind, detail }) =>
    kind === "unknown" && !(told && detail === NO_LOCAL_ADDRESS)
  );
  const words = grouped(detailsOf(errors), leftOut);
  return short ? new OwnShortage(words) : new ProbeFailure(words);
}

function detailsOf(errors: ReadonlyMap<Address, unknown>): ReadonlyMap<Address, string> {
  return new Map([...errors].map(([address, error]) => [address, failureOf(error).detail]));
}

/** What is said by which addresses: `connection refused (192.0.2.1, 192.0.2.2); no route to host (2001:db8::1)`. */
function grouped(words: ReadonlyMap<Address, string>, leftOut: number): string {
  const byWords = Map.groupBy(words.keys(), (address) => words.get(address) ?? "");
  const groups = [...byWords].map(([text, addresses]) => `${text} (${listed(addresses)})`);
  const shown = groups.slice(0, NAMED);
  const unsaid = [...byWords.values()].slice(NAMED).reduce((sum, addresses) => sum + addresses.length, 0);
  if (unsaid > 0) shown.push(`${unsaid} more failed`);
  if (leftOut > 0) shown.push(`${leftOut} more addresses not tried`);
  return shown.join("; ");
}

function listed(addresses: readonly Address[]): string {
  const named = addresses.slice(0, NAMED).map(({ text }) => text).join(", ");
  const more = addresses.length - NAMED;
  return more > 0 ? `${named} and ${more} more` : named;
}
