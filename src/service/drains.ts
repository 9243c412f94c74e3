/** Which services operators want out of service, until when, and why; as data, and as the file that outlives a process. Pure. */
import { isRecord } from "../bytes/json.ts";
import { seal, unseal } from "../bytes/sealed.ts";

/** One operator's word. Moments are on the clock's scale, which is this process's own. */
export interface Drained {
  readonly reason: string;
  readonly sinceMs: number;
  /** When it ends by itself; Infinity: it does not. */
  readonly untilMs: number;
  /** ID of the event that ordered it; undefined where an earlier process had the order. */
  readonly because?: number | undefined;
}

/** All of them. */
export interface Drains {
  /** All services, also those that come later. */
  readonly all: Drained | undefined;
  /** By name. */
  readonly services: ReadonlyMap<string, Drained>;
  /** In service though all others are not. */
  readonly except: ReadonlySet<string>;
}

/** Everything is in service. */
export const NO_DRAINS: Drains = { all: undefined, services: new Map(), except: new Set() };

/** Why a service is out of service; undefined: no operator wants it so. */
export function drainOf({ all, services, except }: Drains, service: string): Drained | undefined {
  return services.get(service) ?? (except.has(service) ? undefined : all);
}

/** With `names` out of service; with none, all. */
export function withDrain(drains: Drains, names: readonly string[], drained: Drained): Drains {
  // What was said of one service stays said: it does not end with what is said of all.
  if (names.length === 0) return { ...drains, all: drained, except: new Set() };
  const services = new Map([...drains.services, ...names.map((name) => [name, drained] as const)]);
  const except = new Set([...drains.except].filter((name) => !names.includes(name)));
  return { ...drains, services, except };
}

/** With `names` in service again; with none, all. */
export function withoutDrain(drains: Drains, names: readonly string[]): Drains {
  if (names.length === 0) return NO_DRAINS;
  const services = new Map([...drains.services].filter(([name]) => !names.includes(name)));
  const except = drains.all === undefined ? drains.except : new Set([...drains.except, ...names]);
  return { ...drains, services, except };
}

/** Without those that have ended by `nowMs`. */
export function unexpired(drains: Drains, nowMs: number): Drains {
  const { all, services, except } = drains;
  const ended = all !== undefined && all.untilMs <= nowMs;
  return {
    all: ended ? undefined : all,
    services: new Map([...services].filter(([, { untilMs }]) => untilMs > nowMs)),
    except: ended ? new Set() : except,
  };
}

/** When the first of them ends; Infinity: none does. */
export function firstEnd({ all, services }: Drains): number {
  const ends = [...services.values(), ...all === undefined ? [] : [all]].map(({ untilMs }) => untilMs);
  return ends.reduce((first, end) => Math.min(first, end), Infinity);
}

/** What wall clock time is now, and where the clock's scale is then. */
export interface Moment {
  readonly wallMs: number;
  readonly nowMs: number;
}

const FORM = { what: "drains", version: 1 } as const;

/** The file. */
export function encodeDrains({ all, services, except }: Drains, { wallMs, nowMs }: Moment): Uint8Array {
  const plain = ({ reason, sinceMs, untilMs }: Drained) => ({
    reason,
    since: new Date(wallMs + sinceMs - nowMs).toISOString(),
    ...untilMs === Infinity ? {} : { until: new Date(wallMs + untilMs - nowMs).toISOString() },
  });
  return seal(FORM, {
    ...all === undefined ? {} : { all: plain(all) },
    services: Object.fromEntries([...services].map(([name, drained]) => [name, plain(drained)])),
    except: [...except],
  });
}

/** What `encodeDrains` wrote, those left out that have ended since. @throws {Error} what is wrong with the file */
export function decodeDrains(file: Uint8Array, { wallMs, nowMs }: Moment): Drains {
  const { all, services, except } = unseal(FORM, file);
  if (!isRecord(services)) throw new Error("it is of another version");
  const drainedOf = (value: unknown): Drained => {
    const { reason, since, until } = isRecord(value) ? value : {};
    const sinceMs = Date.parse(String(since));
    const untilMs = until === undefined ? Infinity : Date.parse(String(until));
    if (typeof reason !== "string" || Number.isNaN(sinceMs) || Number.isNaN(untilMs)) {
      throw new Error("a drain in it has no reason or no time");
    }
    // A clock that was set back makes nothing longer than it was ordered.
    const leftMs = Math.min(untilMs - wallMs, untilMs - sinceMs);
    return { reason, sinceMs: nowMs - (wallMs - sinceMs), untilMs: nowMs + leftMs };
  };
  return unexpired({
    all: all === undefined ? undefined : drainedOf(all),
    services: new Map(Object.entries(services).map(([name, value]) => [name, drainedOf(value)])),
    except: new Set(Array.isArray(except) ? except.map(String) : []),
  }, nowMs);
}
