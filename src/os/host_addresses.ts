/**
 * The addresses of this host as Deno lists them, for an agent without FFI. It lists those of interfaces that are up, and does
 * not say of one that it is tentative; nobody tells of changes, so they are looked at again and again.
 */
import { hostBits, parseAddress } from "../net/address.ts";
import type { HostAddress, HostAddresses, KnownAddresses } from "../net/host_addresses.ts";
import type { InterfaceAddress } from "../net/on_link.ts";
import type { Clock } from "../time/clock.ts";

const LOOK_MS = 5000;

/** Addresses that are looked at every five seconds while somebody watches. */
export function listedAddresses(
  list: () => readonly InterfaceAddress[] | undefined,
  clock: Clock,
): HostAddresses {
  let known: KnownAddresses = read();
  function read(): readonly HostAddress[] | undefined {
    return list()?.flatMap(({ name, address, cidr }): readonly HostAddress[] => {
      const parsed = parseAddress(address);
      if (parsed === undefined) return [];
      const prefixLength = Number(cidr.split("/")[1] ?? hostBits(parsed));
      const common = { state: "usable", ofService: false, lasting: true } as const;
      return [{ interface: name, address: parsed, prefixLength, ...common }];
    });
  }
  return {
    current: () => known,
    watch(onChange) {
      let timer: Disposable;
      const look = () => {
        timer = clock.at(clock.now() + LOOK_MS, look);
        const now = read();
        if (textOf(now) === textOf(known)) return;
        known = now;
        onChange();
      };
      look();
      return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
    },
  };
}

function textOf(known: KnownAddresses): string {
  if (typeof known !== "object") return String(known);
  return known.map(({ interface: name, address, prefixLength }) => `${name} ${address.text}/${prefixLength}`)
    .join();
}
