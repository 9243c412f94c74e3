/**
 * What every kind of check has: a name, the beat, the time limit, the threshold and how flapping is taken; and what those
 * have that go over the network.
 */
import * as z from "zod";
import { type Address, isLinkLocal } from "../../net/address.ts";
import { parseHostAddress } from "../values/address.ts";
import { lazily } from "../values/lazily.ts";
import { PATTERNS } from "../values/patterns.ts";
import { duration, optionalPart, text, whole } from "../values/rules.ts";
import { nameProblem } from "../../text/characters.ts";
import type { Parsed } from "../../text/parsed.ts";
import { formatDuration } from "../../time/duration.ts";

/** The beat and the threshold that every kind of check has. */
export interface CheckTiming {
  readonly intervalMs: number;
  /** While the verdict is changing. */
  readonly fastIntervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive passes that make it healthy. */
  readonly rise: number;
  /** Consecutive failures that make it unhealthy. */
  readonly fall: number;
  /** Two of its probes never run at once; absent: they may, where one hangs. */
  readonly alone?: true;
}

/** More than `limit` changes of outcome within `windowMs` keep a check unhealthy, until `holdMs` without more of it. */
export interface FlapLimits {
  readonly limit: number;
  readonly windowMs: number;
  readonly holdMs: number;
}

/** A way through the data plane: to an address of the service, as a client goes. */
export interface Passage {
  readonly address: Address;
  /** The local address: the check's own, or the one without which no answer would come; undefined: the kernel's choice. */
  readonly source: Address | undefined;
  /** Of its packets, where the port is found by a firewall mark. */
  readonly mark: number | undefined;
}

/** What every checked check has. */
export interface CheckBase extends CheckTiming {
  /** Unique within the service, and what a check is known by: across reloads, in status, log and metrics. */
  readonly name: string;
  /** A failure counts as a pass, and a pass as a failure. */
  readonly invert: boolean;
  /** Undefined: however often outcomes change. */
  readonly flap: FlapLimits | undefined;
  /** The local address of its probes; undefined: the kernel's choice. */
  readonly source: Address | undefined;
  /** Its ways through the data plane, one for each service address; none: it goes straight to its own address. */
  readonly through: readonly Passage[];
  /** A standing watch beside the interval, whose end starts a probe at once. */
  readonly tripwire: boolean;
}

/** Keys of every kind. */
export const baseSchema = lazily(() => {
  return {
    name: text(parseCheckName, PATTERNS.checkName).optional().describe(
      "Unique within the service. Default: kind and place, such as http 127.0.0.1:8080/healthz",
    ),
    interval: duration(50, 3_600_000).prefault("1s").describe("Time between the starts of two probes"),
    fastInterval: duration(50, 3_600_000).optional().describe(
      "The same while the verdict is changing. Default: the interval",
    ),
    timeout: duration(10, 600_000).prefault("1s").describe("A probe that takes longer has failed"),
    rise: whole(1, 1000).default(2).describe("Passes in a row that make it healthy"),
    fall: whole(1, 1000).default(3).describe("Failures in a row that make it unhealthy"),
    invert: z.boolean().default(false).describe("true: a failure counts as a pass, and a pass as a failure"),
    flap: optionalPart(z.lazy(flapSchema)).describe(
      "Unhealthy while outcomes change too often. Default: off",
    ),
  } as const;
});

const flapSchema = lazily(() =>
  z.strictObject({
    limit: whole(1, 1000).default(5).describe("So many changes of outcome are no flapping"),
    window: duration(1000, 86_400_000).prefault("60s").describe("Within this time"),
    hold: duration(1000, 86_400_000).prefault("120s").describe(
      "Unhealthy until so long after the last of it",
    ),
  }, { error: ({ code }) => code === "invalid_type" ? FLAP_FORM : undefined }).describe(
    "What counts as flapping, and for how long the check is unhealthy then",
  )
);

const FLAP_FORM = "must be off, or a mapping such as {limit: 5, window: 60s, hold: 2m}";

/** Keys of the kinds that go over the network. */
export const networkSchema = lazily(() => {
  return {
    source: text(parseSource, PATTERNS.hostAddress).optional().describe(
      "Local address of the probes: what is probed is of the same family. Default: the kernel's choice",
    ),
  } as const;
});

/** The key of checks of a service that can go through its addresses. */
export const viaSchema = lazily(() => {
  return {
    via: z.enum(["local", "service"]).optional().describe(
      "local: to its own address. service: to each address of the service, through IPVS, as clients go. Default: local",
    ),
  } as const;
});

/** The key of the kinds that have something to watch. */
export const tripwireSchema = lazily(() => {
  return {
    tripwire: z.boolean().default(false).describe(
      "true: a standing watch beside the interval, whose end starts a probe at once",
    ),
  } as const;
});

/** The same keys of one check, as the schema read them. */
export interface FileBase {
  readonly name?: string | undefined;
  readonly interval: number;
  readonly fastInterval?: number | undefined;
  readonly timeout: number;
  readonly rise: number;
  readonly fall: number;
  readonly invert: boolean;
  readonly flap?: { readonly limit: number; readonly window: number; readonly hold: number } | undefined;
  readonly source?: Address | undefined;
  readonly via?: "local" | "service" | undefined;
  readonly tripwire?: boolean | undefined;
}

/** The rule between the keys of every kind. */
export function checkBase({ interval, fastInterval }: FileBase, context: z.RefinementCtx): void {
  if (fastInterval === undefined || fastInterval <= interval) return;
  context.addIssue({
    code: "custom",
    path: ["fastInterval"],
    message: "must not be longer than the interval",
  });
}

/** The base of the checked configuration, of a check of the service that has these addresses. */
export function resolveBase(file: FileBase, name: string, service: readonly Address[]): CheckBase {
  const { flap } = file;
  return {
    name,
    intervalMs: file.interval,
    fastIntervalMs: file.fastInterval ?? file.interval,
    timeoutMs: file.timeout,
    rise: file.rise,
    fall: file.fall,
    invert: file.invert,
    flap: flap && { limit: flap.limit, windowMs: flap.window, holdMs: flap.hold },
    source: file.source,
    through: file.via === "service" ? throughOf(file, service) : [],
    tripwire: file.tripwire ?? false,
  };
}

/** The addresses of the service that probes from the check's source reach. */
function throughOf({ source }: FileBase, service: readonly Address[]): readonly Passage[] {
  const reached = source === undefined ? service : service.filter(({ family }) => family === source.family);
  return reached.map((address) => ({ address, source, mark: undefined }));
}

/** What every kind has as the file spells it. */
export function renderBase(base: CheckBase): Readonly<Record<string, unknown>> {
  const { flap } = base;
  return {
    name: base.name,
    interval: formatDuration(base.intervalMs),
    fastInterval: formatDuration(base.fastIntervalMs),
    timeout: formatDuration(base.timeoutMs),
    rise: base.rise,
    fall: base.fall,
    invert: base.invert,
    flap: flap === undefined
      ? "off"
      : { limit: flap.limit, window: formatDuration(flap.windowMs), hold: formatDuration(flap.holdMs) },
  };
}

/** The end of an expectation: `within 1s`. */
export function within({ timeoutMs }: CheckTiming): string {
  return `within ${formatDuration(timeoutMs)}`;
}

/** A link-local address means something on one link only. */
function parseSource(input: string): Parsed<Address> {
  const host = parseHostAddress(input);
  if ("problem" in host || !isLinkLocal(host.value)) return host;
  return { problem: "must not be a link-local address: a probe has no interface that it would be on" };
}

/** The longest name of a check. */
export const MAX_CHECK_NAME_LENGTH = 100;

function parseCheckName(input: string): Parsed<string> {
  if (input.trim() !== input || input === "") {
    return { problem: "must not be empty, nor begin or end with a space" };
  }
  const problem = nameProblem(input);
  if (problem !== undefined) return { problem };
  const { length } = [...input];
  return length > MAX_CHECK_NAME_LENGTH
    ? { problem: `must have at most ${MAX_CHECK_NAME_LENGTH} characters, and has ${length}` }
    : { value: input };
}
