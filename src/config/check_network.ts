/**
 * A check's way to what it probes: how it goes through the service, and what cannot be of its source, of that way and of
 * what is inverted.
 */
import { type Address, parseAddress } from "../net/address.ts";
import { DEFAULT_ADDRESS } from "./checks/endpoint.ts";
import type { Passage } from "./checks/base.ts";
import type { CheckConfig, FileCheck } from "./checks/kinds.ts";
import type { PortConfig, ServiceConfig } from "./config.ts";
import { reachableFrom } from "./families.ts";
import type { FileLocal } from "./schema/bgp.ts";
import type { Finding, Path } from "./values/finding.ts";

/** What is wrong with a check as it stands at `path`. */
export function networkProblems(file: FileCheck, config: CheckConfig, path: Path): readonly Finding[] {
  const { source, through, invert, tripwire } = config;
  const findings: Finding[] = [];
  const problem = (key: string, message: string) => void findings.push({ path: [...path, key], message });
  const goesThrough = "via" in file && file.via === "service";
  if (source !== undefined) {
    const other = (goesThrough ? [] : addressesOf(config)).find(({ family }) => family !== source.family);
    if (goesThrough && through.length === 0) {
      problem("source", `needs an IPv${source.family} address of the service`);
    } else if (other !== undefined) {
      problem("source", `must be an IPv${other.family} address, as ${other.text} is one that it probes`);
    }
  }
  if (goesThrough && "address" in config && config.address !== DEFAULT_ADDRESS) {
    problem("address", "has no meaning with via: service, which goes to the addresses of the service");
  }
  if (goesThrough && tripwire) {
    problem("tripwire", "has no meaning with via: service: IPVS forgets connections that are idle for long");
  } else if (invert && tripwire) {
    problem("tripwire", "has no meaning with invert: what should be down has nothing to watch");
  }
  if (invert && "weightHeader" in config && config.weightHeader !== undefined) {
    problem("weightHeader", "has no meaning with invert, where what answers has failed");
  }
  return findings;
}

/** The addresses that are probed, as far as they are given. */
function addressesOf(config: CheckConfig): readonly Address[] {
  const hosts = "addresses" in config ? config.addresses : "address" in config ? [config.address] : [];
  return hosts.flatMap((host) => parseAddress(host) ?? []);
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

/** The service whose data plane checks go through. */
export interface PassedService {
  readonly path: Path;
  readonly ports: readonly PortConfig[];
  /** Undefined where it could not be read. */
  readonly local: FileLocal | undefined;
}

/**
 * The checks with the ways of those that go through the service: what real servers answer that have its address themselves
 * (droute, tunnel) does not come back to that address but to one of this host alone; what is found by a mark needs the mark.
 */
export function withPassages(
  checks: readonly CheckConfig[],
  { path, ports, local }: PassedService,
  findings: Finding[],
): readonly CheckConfig[] {
  return checks.map((check, at) => {
    if (check.through.length === 0 || !("port" in check)) return check;
    const served = ports.filter(({ fwmark, port }) => fwmark === 0 && port === check.port);
    const marked = served.length > 0 ? [] : ports.filter(({ fwmark }) => fwmark !== 0);
    const problem = (key: string, message: string) => {
      findings.push({ path: [...path, "checks", at, key], message });
    };
    if (ports.length > 0 && served.length + marked.length === 0) {
      problem("port", "is no port of the service that it goes through");
    }
    const through = check.through.map((passage): Passage => {
      const { family } = passage.address;
      const [mark, ...otherMarks] = marked.filter(({ families }) => families.includes(family));
      if (otherMarks.length > 0) {
        problem(
          "port",
          "is not one of the service's ports, and it has several marks: none is known to lead there",
        );
      }
      const passed = mark === undefined ? served : [mark];
      const source = passage.source ??
        (answersItself(passed, family) ? ownAddress(local, family) : undefined);
      if (source === undefined && local !== undefined && answersItself(passed, family)) {
        problem(
          "via",
          `needs source, or bgp.local.address6, for destinations with droute or tunnel over IPv${family}`,
        );
      }
      return { ...passage, source, mark: mark?.fwmark };
    });
    return { ...check, through };
  });
}

/** Whether there are real servers that have the service's address themselves. */
function answersItself(ports: readonly PortConfig[], family: 4 | 6): boolean {
  return ports.some(({ destinations }) =>
    reachableFrom(family, destinations).some(({ forwarding }) => forwarding !== "masq")
  );
}

function ownAddress(local: FileLocal | undefined, family: 4 | 6): Address | undefined {
  return family === 4 ? local?.address ?? local?.routerID : local?.address6;
}
