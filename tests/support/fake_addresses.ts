/** The addresses of a host in memory, that come and go. */
import type {
  AddressState,
  HostAddress,
  HostAddresses,
  KnownAddresses,
} from "../../src/net/host_addresses.ts";
import { address } from "./bgp.ts";

/** `eth0 192.0.2.1/24`, and behind it `tentative`, `duplicate`, `service` or `fleeting` (temporary or deprecated). */
export function hostAddress(text: string): HostAddress {
  const [name = "", place = "", ...words] = text.split(" ");
  const [at = "", length = ""] = place.split("/");
  const state = words.find((word): word is AddressState => word === "tentative" || word === "duplicate");
  return {
    interface: name,
    address: address(at),
    prefixLength: Number(length),
    state: state ?? "usable",
    ofService: words.includes("service"),
    lasting: !words.includes("fleeting"),
  };
}

/** A host whose addresses are told as they are set. */
export class FakeAddresses implements HostAddresses {
  known: KnownAddresses;
  readonly #callbacks = new Set<() => void>();

  constructor(...texts: readonly string[]) {
    this.known = texts.map(hostAddress);
  }

  current(): KnownAddresses {
    return this.known;
  }

  watch(onChange: () => void): Disposable {
    this.#callbacks.add(onChange);
    return { [Symbol.dispose]: () => void this.#callbacks.delete(onChange) };
  }

  /** The addresses that there are from now on. */
  set(...texts: readonly string[]): void {
    this.known = texts.map(hostAddress);
    for (const callback of this.#callbacks) callback();
  }
}
