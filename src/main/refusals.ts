/** What of a configuration this process cannot do, for want of a permission of the runtime, and the cure. */
import { destinationChecks } from "../agent/check_identity.ts";
import { refuseUnsupported } from "../bgp/transport/transport_streams.ts";
import { type CheckConfig, lackWithoutFfi, needsOf } from "../config/checks/kinds.ts";
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
  if (peer.automatic) return [`peer ${peer.name}: address: auto needs --allow-ffi, for a raw ICMPv6 socket`];
  try {
    refuseUnsupported(peer);
    return peer.bfd === undefined ? [] : [`peer ${peer.name}: bfd needs --allow-ffi`];
  } catch (error) {
    return [messageOf(error)];
  }
}

function isPrepared({ source, through }: CheckConfig): boolean {
  return source !== undefined || through.some((way) => way.source !== undefined || way.mark !== undefined);
}

function withoutFfi(service: ServiceConfig): readonly string[] {
  const checks = checksOf(service);
  const lacks = new Set(checks.flatMap((check) => lackWithoutFfi(check) ?? []));
  const kinds = [...lacks].map((lack) => `service ${service.name}: ${lack}`);
  if (!checks.some(isPrepared)) return kinds;
  const what = "source of a check, and via: service to droute, tunnel or fwmark, need --allow-ffi";
  return [...kinds, `service ${service.name}: ${what}`];
}

function withoutPrograms(service: ServiceConfig): readonly string[] {
  const { name, onChange } = service;
  const all = "needs --allow-run, for all programs: what hangs is ended with all that it started";
  const check = checksOf(service).find((check) => needsOf(check).program !== undefined);
  return [
    ...onChange === undefined ? [] : [`service ${name}: onChange ${all}`],
    ...check === undefined ? [] : [`service ${name}: check ${check.name} ${all}`],
  ];
}

function checksOf(service: ServiceConfig): readonly CheckConfig[] {
  return [...service.checks, ...destinationChecks([service])];
}
