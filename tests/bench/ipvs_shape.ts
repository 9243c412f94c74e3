/** What the IPVS benchmark programs: virtual services of ten destinations each, as every subject takes them. */
import type { DesiredKernel, VirtualService } from "../../src/kernel/state.ts";
import { type Address, addressOf } from "../../src/net/address.ts";
import { BY_ADDRESS, NONE, PLAIN } from "../support/kernel_objects.ts";

/** Destinations of a virtual service. */
const DESTINATIONS = 10;

/** Virtual services of ten destinations each, `destinations` in all; the last destination has `weight`. */
export function services(destinations: number, weight = 1): readonly VirtualService[] {
  const count = destinations / DESTINATIONS;
  return Array.from({ length: count }, (_, index) =>
    service(
      serviceAddress(index),
      Array.from(
        { length: DESTINATIONS },
        (_, at) => server(at, index === count - 1 && at === DESTINATIONS - 1 ? weight : 1),
      ),
    ));
}

/** One virtual service with so many destinations. */
export function largeService(scheduler: string, count: number): VirtualService {
  const destinations = Array.from({ length: count }, (_, index) => server(index));
  return { ...service(serviceAddress(0), destinations), scheduler };
}

/** Those virtual services alone, as something else brings their addresses. */
export function withoutAddresses(virtualServices: readonly VirtualService[]): DesiredKernel {
  return {
    ...NONE,
    virtualServices,
    ownedAddresses: virtualServices.map(({ address }) => address),
  };
}

/** So many interfaces with an address each, as services have them. */
export function addresses(count: number): DesiredKernel {
  const all = Array.from({ length: count }, (_, index) => serviceAddress(index));
  const interfaces = all.map((address, index) => {
    const name = `bench${index}`;
    return { name, service: name, addresses: [address] };
  });
  return { ...NONE, interfaces, ownedAddresses: all };
}

/** The virtual services with an interface for each. */
export function withAddresses(virtualServices: readonly VirtualService[]): DesiredKernel {
  return { ...addresses(virtualServices.length), virtualServices };
}

function service(address: Address, destinations: VirtualService["destinations"]): VirtualService {
  return {
    ...{ protocol: "tcp", address, port: 80, ...BY_ADDRESS },
    ...{ scheduler: "wrr", flags: 0, timeoutSeconds: 0, netmask: 32, destinations },
  };
}

function serviceAddress(index: number): Address {
  return addressOf(Uint8Array.of(10, 98, index >> 8, index & 0xff));
}

function server(index: number, weight = 1): VirtualService["destinations"][number] {
  const address = addressOf(Uint8Array.of(10, 1, index >> 8, index & 0xff));
  return { address, port: 8080, weight, forwarding: "masq", ...PLAIN };
}
