/** Every kind of check that the configuration knows, and what is done with a check of whatever kind it is. */
import * as z from "zod";
import type { Address } from "../../net/address.ts";
import { given } from "../values/given.ts";
import { lazily } from "../values/lazily.ts";
import { MAX_CHECK_NAME_LENGTH, renderBase, resolveBase } from "./base.ts";
import { dnsCheck } from "./dns.ts";
import { execCheck } from "./exec.ts";
import { fileCheck } from "./file.ts";
import { grpcCheck } from "./grpc.ts";
import { httpCheck } from "./http.ts";
import type { CheckKind, CheckNeeds, CheckTarget } from "./kind.ts";
import { pingCheck } from "./ping.ts";
import { processCheck } from "./process.ts";
import { tcpCheck } from "./tcp.ts";
import { tlsCheck } from "./tls.ts";
import { udpCheck } from "./udp.ts";
import type { Parsed } from "../../text/parsed.ts";

const REGISTRY = {
  http: httpCheck,
  ping: pingCheck,
  tcp: tcpCheck,
  tls: tlsCheck,
  udp: udpCheck,
  grpc: grpcCheck,
  dns: dnsCheck,
  exec: execCheck,
  file: fileCheck,
  process: processCheck,
} as const;

type Registry = typeof REGISTRY;
/** The name of a kind. */
export type CheckType = keyof Registry;
/** A complete check of the file, by kind. */
type FileOf = { readonly [Type in CheckType]: Parameters<Registry[Type]["resolve"]>[0] };
/** A check of destinations as the schema reads it, by kind. */
type UnaimedOf = { readonly [Type in CheckType]: Parameters<Registry[Type]["aim"]>[0] };
/** The checked configuration, by kind. */
export type CheckConfigOf = { readonly [Type in CheckType]: ReturnType<Registry[Type]["resolve"]> };
/** A complete check of the file. */
export type FileCheck = FileOf[CheckType];
/** A check of destinations, of which some may be left out. */
export type UnaimedCheck = UnaimedOf[CheckType];
/** A health check, told apart by `type`. */
export type CheckConfig = CheckConfigOf[CheckType];

/** The same registry, in a form where a check and its kind belong together for whatever kind it is. */
const KINDS: {
  readonly [Type in CheckType]: CheckKind<FileOf[Type], UnaimedOf[Type], CheckConfigOf[Type]>;
} = REGISTRY;

/** One check of a service. */
export const checkSchema = lazily(() => {
  const [first = schemaOfKind("http", REGISTRY.http.schema), ...more] = Object.entries(REGISTRY).map(
    ([type, kind]) => schemaOfKind(type, () => kind.schema()),
  );
  return z.discriminatedUnion("type", [first, ...more]);
});

/** One check of a destination, or of each destination of a port. */
export const destinationCheckSchema = lazily(() => {
  const [first = schemaOfKind("http", REGISTRY.http.destinationSchema), ...more] = Object.entries(REGISTRY)
    .map(
      ([type, kind]) => schemaOfKind(type, () => kind.destinationSchema()),
    );
  return z.discriminatedUnion("type", [first, ...more]);
});

/** The schema of one kind, built where a check is of that kind: most files have few of them. */
export function schemaOfKind<T extends z.ZodType>(type: string, schema: () => T): z.ZodLazy<T> {
  const lazy = z.lazy(schema);
  // What tells the kinds apart, which the library would build each of them to find out.
  lazy._zod.propValues = { type: new Set([type]) };
  return lazy;
}

/** The names of all kinds. */
export const CHECK_TYPES: readonly string[] = Object.keys(REGISTRY);

/** The names of the kinds that have `key`. */
export function checkTypesWith(key: string): readonly string[] {
  return Object.entries(REGISTRY).filter(([, kind]) => {
    const whole: z.core.$ZodType = kind.schema();
    const schema = whole instanceof z.ZodPipe ? whole.in : whole;
    return schema instanceof z.ZodObject && Object.hasOwn(schema.shape, key);
  }).map(([type]) => type);
}

/** The check of that destination: what was left out is the destination's. Or what it lacks. */
export function aimCheck<Type extends CheckType>(
  check: UnaimedOf[Type] & { readonly type: Type },
  target: CheckTarget,
): Parsed<FileOf[Type]> {
  return KINDS[check.type].aim(check, target);
}

/** What is checked and where, in a few words. */
export function placeOf<Type extends CheckType>(check: FileOf[Type] & { readonly type: Type }): string {
  return KINDS[check.type].place(check);
}

/** The checked configuration of a check by that name, of the service that has these addresses. */
export function resolveCheck<Type extends CheckType>(
  check: FileOf[Type] & { readonly type: Type },
  name: string,
  service: readonly Address[],
): CheckConfigOf[Type] {
  return KINDS[check.type].resolve(check, resolveBase(check, name, service));
}

/** One check as the file spells it, every default spelled out. */
export function renderCheck<Type extends CheckType>(
  check: CheckConfigOf[Type] & { readonly type: Type },
): Readonly<Record<string, unknown>> {
  const { name: _, ...timing } = renderBase(check);
  const { name } = check;
  // One that is too long to be given is made again of kind and place.
  const own = [...name].length > MAX_CHECK_NAME_LENGTH ? undefined : name;
  return given({ type: check.type, name: own, ...KINDS[check.type].render(check), ...timing });
}

/** What a check must find to pass, in words; as if it went straight to its own address, and were not inverted. */
export function straightExpectation<Type extends CheckType>(
  check: CheckConfigOf[Type] & { readonly type: Type },
): string {
  return KINDS[check.type].expectation(check);
}

/** The addresses and host names that a check's probes go to by the network where they go straight. */
export function hostsOf<Type extends CheckType>(
  check: CheckConfigOf[Type] & { readonly type: Type },
): readonly string[] {
  return KINDS[check.type].hosts?.(check) ?? [];
}

/** What a check needs of this process that the runtime or the host may deny. */
export function needsOf<Type extends CheckType>(
  check: CheckConfigOf[Type] & { readonly type: Type },
): CheckNeeds {
  return KINDS[check.type].needs?.(check) ?? {};
}

/** What it lacks in a process that may not use FFI: `ping checks need --allow-ffi`; undefined: nothing. */
export function lackWithoutFfi<Type extends CheckType>(
  check: CheckConfigOf[Type] & { readonly type: Type },
): string | undefined {
  const ffi = KINDS[check.type].needs?.(check).ffi;
  return ffi && `${check.type} checks need ${ffi}`;
}
