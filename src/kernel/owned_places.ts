/**
 * The places at which virtual services are ours, addresses and marks, and the file in which the next process finds them: a
 * virtual service carries no mark of ours, and where no interface of ours has its address nothing else tells whose it is. Pure.
 */
import { isRecord } from "../bytes/json.ts";
import { seal, unseal } from "../bytes/sealed.ts";
import { parseAddress } from "../net/address.ts";
import { merge, NOTHING } from "./merge.ts";
import type { DesiredKernel, VirtualServiceId } from "./state.ts";
import { fwmarkId, virtualServiceKey } from "./state.ts";

/** Addresses and marks. */
export type OwnedPlaces = Pick<DesiredKernel, "ownedAddresses" | "ownedFwmarks">;

/** None. */
export const NO_PLACES: OwnedPlaces = { ownedAddresses: [], ownedFwmarks: [] };

/** Where these virtual services are. */
export function placesOf(services: readonly VirtualServiceId[]): OwnedPlaces {
  return together([{
    ownedAddresses: services.filter(({ fwmark }) => fwmark === 0).map(({ address }) => address),
    ownedFwmarks: services.filter(({ fwmark }) => fwmark > 0),
  }]);
}

/** All of them, each once. */
export function together(parts: readonly OwnedPlaces[]): OwnedPlaces {
  const { ownedAddresses, ownedFwmarks } = merge(parts.map((part) => ({ ...NOTHING, ...part })));
  return { ownedAddresses, ownedFwmarks };
}

/** The same for the same places, in whatever order. */
export function placesKey({ ownedAddresses, ownedFwmarks }: OwnedPlaces): string {
  return [...ownedAddresses.map(({ text }) => text), ...ownedFwmarks.map(virtualServiceKey)].sort().join(
    "\n",
  );
}

/** Where the file is, in `state.directory`. */
export function placesPath(directory: string): string {
  return `${directory}/ipvs`;
}

const FORM = { what: "ipvs", version: 1 } as const;

/** The file. */
export function encodePlaces({ ownedAddresses, ownedFwmarks }: OwnedPlaces): Uint8Array {
  return seal(FORM, {
    addresses: ownedAddresses.map(({ text }) => text),
    marks: ownedFwmarks.map(({ fwmark, address: { family } }) => ({ fwmark, family })),
  });
}

/** What `encodePlaces` wrote. @throws {Error} what is wrong with the file */
export function decodePlaces(file: Uint8Array): OwnedPlaces {
  const { addresses = [], marks = [] } = unseal(FORM, file);
  return {
    ownedAddresses: rowOf(addresses).map((text) => parseAddress(String(text)) ?? refuse("an address")),
    ownedFwmarks: rowOf(marks).map(markOf),
  };
}

function rowOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : refuse("a list");
}

function markOf(value: unknown): VirtualServiceId {
  const { fwmark, family } = isRecord(value) ? value : {};
  if (
    typeof fwmark !== "number" || !Number.isInteger(fwmark) || fwmark <= 0 || (family !== 4 && family !== 6)
  ) {
    return refuse("a mark");
  }
  return fwmarkId(fwmark, family);
}

function refuse(what: string): never {
  throw new Error(`${what} in it is none`);
}
