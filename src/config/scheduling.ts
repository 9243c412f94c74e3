/** How a port is scheduled: its own `ipvs` over the service's, and the rules that the two together must keep. */
import type { IpvsConfig, PortConfig } from "./config.ts";
import type { FileIpvs, FilePortIpvs } from "./schema/ipvs.ts";
import type { Finding, Path } from "./values/finding.ts";

/** An `ipvs` and where it stands. */
export interface PlacedIpvs<T> {
  readonly value: T;
  readonly path: Path;
}

/** The largest weight of a destination. */
export const MAX_WEIGHT = 65535;

/** Schedulers to which every weight but 0 is the same. */
const WITHOUT_WEIGHTS: readonly string[] = ["rr", "lc", "dh"];

/** Whether `scheduler` gives a destination of more weight more connections. */
export function heedsWeights(scheduler: string): boolean {
  return !WITHOUT_WEIGHTS.includes(scheduler);
}

/** The port's scheduling; each key that the port has goes over the service's. */
export function schedulingOf(service: FileIpvs, port: FilePortIpvs = {}): IpvsConfig {
  // `off` is the port's own, too.
  const persistence = Object.hasOwn(port, "persistence") ? port.persistence : service.persistence;
  return {
    scheduler: port.scheduler ?? service.scheduler,
    flags: port.flags ?? service.flags,
    persistence: persistence && {
      timeoutSeconds: persistence.timeout,
      netmask: persistence.netmask,
      netmask6: persistence.netmask6,
    },
  };
}

/** Finds flags that do not go with the scheduler or the protocol of the port at `path`, where the one of them stands that was given last. */
export function checkFlags(
  { protocol, fwmark, ipvs }: Pick<PortConfig, "protocol" | "fwmark" | "ipvs">,
  service: PlacedIpvs<FileIpvs>,
  port: PlacedIpvs<FilePortIpvs>,
  findings: Finding[],
): void {
  const { scheduler, flags } = ipvs;
  const own = port.value.flags !== undefined;
  for (const [index, flag] of flags.entries()) {
    const path = [...(own ? port : service).path, "flags", index];
    if (flag !== "ops") {
      const needs = schedulerOf(flag);
      if (needs === scheduler) continue;
      findings.push(
        own || port.value.scheduler === undefined
          ? {
            path,
            message: `needs scheduler ${needs}, not ${
              own && port.value.scheduler === undefined ? "the service's " : ""
            }${scheduler}`,
          }
          : {
            path: [...port.path, "scheduler"],
            message: `does not go with the service's flag ${flag}: give the port flags of its own`,
          },
      );
    } else if (protocol !== "udp" && fwmark === 0) {
      const message = "needs protocol udp or a fwmark";
      findings.push(
        own ? { path, message: `${message}, not protocol ${protocol}` } : {
          path,
          message: `${message} in every port without flags of its own, unlike`,
          other: port.path.slice(0, -1),
        },
      );
    }
  }
}

/** The same for a service without ports. */
export function checkUnusedFlags({ value, path }: PlacedIpvs<FileIpvs>, findings: Finding[]): void {
  for (const [index, flag] of value.flags.entries()) {
    const place = [...path, "flags", index];
    if (flag === "ops") findings.push({ path: place, message: "needs a port with protocol udp or a fwmark" });
    else if (schedulerOf(flag) !== value.scheduler) {
      const message = `needs scheduler ${schedulerOf(flag)}, not ${value.scheduler}`;
      findings.push({ path: place, message });
    }
  }
}

/** `sh` of `sh-port`. */
function schedulerOf(flag: string): string {
  return flag.split("-", 1)[0] ?? flag;
}
