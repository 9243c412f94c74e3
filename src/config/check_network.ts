/** What cannot be of a check's way to what it probes: the families of its source, what goes through the service, and what is inverted. */
import type { Address } from "../net/address.ts";
import { parseAddress } from "../net/address.ts";
import type { CheckConfig, FileCheck } from "./checks/kinds.ts";
import type { ServiceConfig } from "./config.ts";
import type { Finding, Path } from "./values/finding.ts";

/** What is wrong with a check as it stands at `path`. */
export function networkProblems(file: FileCheck, config: CheckConfig, path: Path): readonly Finding[] {
  const { source, through, invert, tripwire } = config;
  const findings: Finding[] = [];
  const goesThrough = "via" in file && file.via === "service";
  if (source !== undefined) {
    const other = (goesThrough ? [] : addressesOf(config)).find(({ family }) => family !== source.family);
    if (goesThrough && through.length === 0) {
      findings.push({
        path: [...path, "source"],
        message: `needs an IPv${source.family} address of the service`,
      });
    } else if (other !== undefined) {
      const message = `must be an IPv${other.family} address, as ${other.text} is one that it probes`;
      findings.push({ path: [...path, "source"], message });
    }
  }
  if (invert && tripwire) {
    const message = "has no meaning with invert: what should be down has nothing to watch";
    findings.push({ path: [...path, "tripwire"], message });
  }
  if (invert && "weightHeader" in config && config.weightHeader !== undefined) {
    const message = "has no meaning with invert, where what answers has failed";
    findings.push({ path: [...path, "weightHeader"], message });
  }
  return findings;
}

/** The addresses that are probed, as far as they are given. */
function addressesOf(config: CheckConfig): readonly Address[] {
  if ("addresses" in config) return config.addresses;
  const address = "address" in config ? parseAddress(config.address) : undefined;
  return address === undefined ? [] : [address];
}

/** Checks of the service at `path` whose probes would come from an address of the fleet. */
export function sourceProblems(
  { checks, ports }: Pick<ServiceConfig, "checks" | "ports">,
  path: Path,
  serviceAddresses: ReadonlySet<string>,
): readonly Finding[] {
  const message = "must not be a service address: answers to it go to whichever host routers choose";
  const isAnycast = ({ source }: CheckConfig) => source !== undefined && serviceAddresses.has(source.text);
  const of = (place: Path, each: readonly CheckConfig[]) =>
    each.flatMap((check, at) => isAnycast(check) ? [{ path: [...place, at, "source"], message }] : []);
  return [
    ...of([...path, "checks"], checks),
    ...ports.flatMap(({ destinations }, at) =>
      destinations.flatMap((destination) => destination.checks).filter(isAnycast).slice(0, 1)
        .map(({ name }) => ({ path: [...path, "ports", at], message: `source of check ${name} ${message}` }))
    ),
  ];
}
