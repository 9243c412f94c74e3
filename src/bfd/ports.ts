/**
 * Ports of BFD over UDP: those that are listened on (RFC 5881 section 4, RFC 5883 section 5), and the source ports, of which
 * each session has one of its own, the same for all of its packets.
 */
import type { Random } from "../time/clock.ts";

/** Where control packets are sent to. */
export const CONTROL_PORT = { single: 3784, multihop: 4784 } as const;

/** The range of source ports. */
export const SOURCE_PORTS = { first: 49_152, last: 65_535 } as const;
const COUNT = SOURCE_PORTS.last - SOURCE_PORTS.first + 1;

/** Which source ports are in use by sessions here. */
export class SourcePorts {
  readonly #random: Random;
  readonly #used = new Set<number>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** One that no session has. @throws {Error} all are in use */
  acquire(): number {
    if (this.#used.size >= COUNT) throw new Error(`all ${COUNT} source ports of BFD are in use`);
    let port = SOURCE_PORTS.first + Math.floor(this.#random() * COUNT);
    while (this.#used.has(port)) port = port === SOURCE_PORTS.last ? SOURCE_PORTS.first : port + 1;
    this.#used.add(port);
    return port;
  }

  /** The session has ended. */
  release(port: number): void {
    this.#used.delete(port);
  }
}
