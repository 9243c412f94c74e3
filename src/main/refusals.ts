/** What of a configuration this process cannot do, for want of a permission of the runtime, and the cure. */
import { destinationChecks } from "../agent/check_identity.ts";
import { refuseUnsupported } from "../bgp/transport/transport_streams.ts";
import type { CheckConfig, CheckType } from "../config/checks/kinds.ts";
import type { Config, ServiceConfig } from "../config/config.ts";
import { messageOf } from "../text/error_message.ts";

/** What the runtime lets this process do. */
export interface Permissions {
  readonly ffi: boolean;
  readonly programs: boolean;
}

/** One line for each, with the cure; none: all of it can be done. */
export function refusals(config: Config, { ffi, programs }: Permissions): readonly string[] {
  const { bgp, services } = config;
  return [
    ...ffi ? [] : bgp.peers.flatMap(refusalOfPeer),
    ...ffi ? [] : services.flatMap(withoutFfi),
    ...programs ? [] : services.flatMap(withoutPrograms),
  ];
}

function refusalOfPeer(peer: Config["bgp"]["peers"][number]): readonly string[] {
  try {
    refuseUnsupported(peer);
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

/** Kinds of checks that only the C library makes possible. */
const FFI_TYPES: readonly CheckType[] = ["ping", "udp", "file", "process"];

function needsFfi(check: CheckConfig): boolean {
  return FFI_TYPES.includes(check.type) || (check.type === "dns" && check.protocol === "udp");
}

function isPrepared({ source, through }: CheckConfig): boolean {
  return source !== undefined || through.some((way) => way.source !== undefined || way.mark !== undefined);
}

function withoutFfi(service: ServiceConfig): readonly string[] {
  const checks = checksOf(service);
  const types = new Set(checks.filter(needsFfi).map(({ type }) => type));
  const kinds = [...types].map((type) =>
    `service ${service.name}: ${type} checks need --allow-ffi${type === "dns" ? ", or protocol: tcp" : ""}`
  );
  if (!checks.some(isPrepared)) return kinds;
  const what = "source of a check, and via: service to droute, tunnel or fwmark, need --allow-ffi";
  return [...kinds, `service ${service.name}: ${what}`];
}

function withoutPrograms(service: ServiceConfig): readonly string[] {
  const { name, onChange } = service;
  const all = "needs --allow-run, for all programs: what hangs is ended with all that it started";
  const [check] = checksOf(service).filter(runsProgram);
  return [
    ...onChange === undefined ? [] : [`service ${name}: onChange ${all}`],
    ...check === undefined ? [] : [`service ${name}: check ${check.name} ${all}`],
  ];
}

function runsProgram(check: CheckConfig): boolean {
  return check.type === "exec" || (check.type === "process" && check.unit !== undefined);
}

function checksOf(service: ServiceConfig): readonly CheckConfig[] {
  return [...service.checks, ...destinationChecks([service])];
}
