/**
 * Every field of virtual services and destinations that is ours to set, as rows: by them they are compared, and by them
 * what differs is put in words. IP_VS_SVC_F_HASHED is the kernel's own.
 */
import { IP_VS_SVC_F } from "../netlink/constants.ts";
import type { ActualDestination, Destination, VirtualService } from "./state.ts";

/** One that is there, or was. */
export type KnownDestination = Destination & Pick<ActualDestination, "foreign">;

interface Field<T> {
  readonly name: string;
  readonly of: (object: T) => string | number | boolean;
  /** The value in words, where it does not stand for itself. */
  readonly words?: (object: T) => string;
}

const FIELDS_OF_SERVICE: readonly Field<VirtualService>[] = [
  { name: "scheduler", of: ({ scheduler }) => scheduler },
  { name: "flags", of: flagsOf, words: flagWords },
  // Without persistence neither its timeout nor its granularity means anything, and programs leave different ones.
  { name: "persistence", of: persistenceOf },
  {
    name: "persistence engine",
    of: ({ persistenceEngine }) => persistenceEngine,
    words: ({ persistenceEngine }) => persistenceEngine === "" ? "none" : persistenceEngine,
  },
];

/** The encapsulation of a tunnel that says nothing of it. */
const IPIP = { type: "ipip", port: 0, checksum: false } as const;

const FIELDS_OF_DESTINATION: readonly Field<Destination>[] = [
  { name: "weight", of: ({ weight }) => weight },
  { name: "forwarding", of: ({ forwarding }) => forwarding },
  { name: "upper threshold", of: ({ upperThreshold }) => upperThreshold },
  { name: "lower threshold", of: ({ lowerThreshold }) => lowerThreshold },
  { name: "tunnel", of: ({ tunnel = IPIP }) => tunnel.type },
  { name: "tunnel port", of: ({ tunnel = IPIP }) => tunnel.port },
  {
    name: "tunnel checksum",
    of: ({ tunnel = IPIP }) => tunnel.checksum,
    words: ({ tunnel = IPIP }) => tunnel.checksum ? "on" : "off",
  },
];

/** Whether a virtual service is as it should be, apart from its destinations. */
export function sameService(want: VirtualService, have: VirtualService): boolean {
  return same(FIELDS_OF_SERVICE, want, have);
}

/** Whether a destination is as it should be, and has nothing that we never set. */
export function sameDestination(want: Destination, have: KnownDestination): boolean {
  return have.foreign === undefined && same(FIELDS_OF_DESTINATION, want, have);
}

/** What differs of a virtual service, such as `scheduler rr, was wlc`. */
export function serviceDifferences(want: VirtualService, have: VirtualService): readonly string[] {
  return differences(FIELDS_OF_SERVICE, want, have);
}

/** What differs of a destination, such as `weight 1, was 3`. */
export function destinationDifferences(want: Destination, have: KnownDestination): readonly string[] {
  const foreign = have.foreign === undefined ? [] : [`no ${have.foreign}`];
  return [...differences(FIELDS_OF_DESTINATION, want, have), ...foreign];
}

function same<T>(fields: readonly Field<T>[], want: T, have: T): boolean {
  return fields.every(({ of }) => of(want) === of(have));
}

function differences<T>(fields: readonly Field<T>[], want: T, have: T): readonly string[] {
  return fields.filter(({ of }) => of(want) !== of(have)).map((
    { name, of, words = (object) => `${of(object)}` },
  ) => `${name} ${words(want)}, was ${words(have)}`);
}

function persistenceOf({ flags, timeoutSeconds, netmask }: VirtualService): string {
  return (flags & IP_VS_SVC_F.PERSISTENT) === 0 ? "off" : `${timeoutSeconds} s by /${netmask}`;
}

function flagsOf({ flags }: VirtualService): number {
  return flags & ~(IP_VS_SVC_F.HASHED | IP_VS_SVC_F.PERSISTENT);
}

/** By the words of ipvsadm(8). */
function flagWords(service: VirtualService): string {
  const rest = flagsOf(service);
  const hashes = service.scheduler === "sh" || service.scheduler === "mh";
  const named: readonly (readonly [number, string])[] = [
    [IP_VS_SVC_F.ONEPACKET, "ops"],
    [IP_VS_SVC_F.SCHED1, hashes ? `${service.scheduler}-fallback` : "flag-1"],
    [IP_VS_SVC_F.SCHED2, hashes ? `${service.scheduler}-port` : "flag-2"],
    [IP_VS_SVC_F.SCHED3, "flag-3"],
  ];
  const words = named.filter(([bit]) => (rest & bit) !== 0).map(([, word]) => word);
  const unnamed = named.reduce((left, [bit]) => left & ~bit, rest) >>> 0;
  if (unnamed !== 0) words.push(`0x${unnamed.toString(16)}`);
  return words.length === 0 ? "none" : words.join("+");
}
