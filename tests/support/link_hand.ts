/** The hand of somebody else on a host's interfaces, down to what few people ever set, and what is there to be seen. */

/** One interface as other eyes see it, without the kernel's own link-local addresses. */
export interface WholeLinkView {
  readonly index: number;
  readonly alias: string | undefined;
  readonly group: number;
  readonly up: boolean;
  readonly carrier: boolean;
  readonly master: string | undefined;
  readonly mtu: number;
  readonly ipv6: boolean;
  /** `10.99.0.1/32 host deprecated`, sorted: address, ` peer …`, ` brd …`, scope, then flags. */
  readonly addresses: readonly string[];
  /** The destinations of its routes of type `local` in table `local`, sorted. */
  readonly localRoutes: readonly string[];
}

/** How an address is added by hand beside its length. */
export interface AddressOptions {
  readonly scope?: "global" | "host";
  readonly broadcast?: string;
  readonly peer?: string;
}

/** Somebody else on the host, who knows ip(8) well. */
export interface LinkHand {
  view(name: string): Promise<WholeLinkView>;
  /** Creates a dummy in a group, as one is whose maker was ended before the next system call. */
  addDummy(name: string, group: number): Promise<void>;
  /** Makes a master of a kind and puts the interface into it. */
  enslave(name: string, kind: "vrf" | "bridge"): Promise<AsyncDisposable>;
  setMtu(name: string, mtu: number): Promise<void>;
  setCarrier(name: string, on: boolean): Promise<void>;
  setIpv6(name: string, on: boolean): Promise<void>;
  /** What a new interface has. */
  setIpv6Default(on: boolean): Promise<void>;
  /** Preferred and valid for ever, with duplicate address detection where there is one. */
  addAddress(name: string, address: string, options?: AddressOptions): Promise<void>;
  deleteAddress(name: string, address: string): Promise<void>;
  deleteLocalRoute(name: string, address: string): Promise<void>;
  /** Puts a route of type blackhole in the place of the local one (IPv4). */
  blackhole(address: string): Promise<AsyncDisposable>;
}
