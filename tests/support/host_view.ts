/** A host's interfaces and IPVS table as people see them, and the hand of somebody else on that host. */

/** An interface, without the kernel's own link-local addresses. */
export interface LinkView {
  readonly name: string;
  readonly index: number;
  readonly kind: string | undefined;
  readonly alias: string | undefined;
  readonly up: boolean;
  /** `10.99.0.1/32`, with ` deprecated` behind one that is never preferred. */
  readonly addresses: readonly string[];
}

/** What is there: interfaces without loopback, and the lines of `ipvsadm -Sn`, both sorted. */
export interface HostView {
  readonly links: readonly LinkView[];
  readonly ipvs: readonly string[];
}

/** Somebody else on the host, who uses the tools that people use. */
export interface ForeignHand {
  view(): Promise<HostView>;
  /** Adds an interface of a kind, with an alias where one is given. */
  addLink(name: string, kind: string, alias?: string): Promise<void>;
  deleteLink(name: string): Promise<void>;
  setDown(name: string): Promise<void>;
  /** "" takes the alias away. */
  setAlias(name: string, alias: string): Promise<void>;
  /** `address` with its length; preferred and valid for ever. */
  addAddress(name: string, address: string): Promise<void>;
  /** Gives an address that is there a lifetime that ends, preferred for no time of it. */
  endAddress(name: string, address: string): Promise<void>;
  deleteAddress(name: string, address: string): Promise<void>;
  /** Thresholds of destinations that have any, such as `10.0.0.1:8080 10 5`: `ipvsadm -Sn` does not tell them. */
  thresholds(): Promise<readonly string[]>;
  /** Starts or stops the IPVS sync daemon. */
  syncDaemon(run: boolean): Promise<void>;
  /** Sends a datagram to a virtual service, and waits until the kernel tells that it counted it. */
  use(address: string, port: number): Promise<void>;
  /** What the kernel counted of virtual services and destinations: lost with an object that is made anew. */
  counters(): Promise<readonly string[]>;
  /** The arguments of one ipvsadm command. */
  ipvsadm(...args: readonly string[]): Promise<void>;
}
