/** The router at the other end of a link, where nobody has configured its address: the port to whoever finds it out. */
import type { Address } from "./address.ts";

/** What is known of the router on a link. */
export interface Neighbour {
  /** Its link-local address; undefined: it has not been heard of, or not for long. */
  readonly address: Address | undefined;
  /** What is waited for, or what else is worth knowing, in words. */
  readonly words: string;
}

/** Who finds neighbours. */
export interface Neighbours {
  /** Looks on these interfaces from now on, and on no others. */
  follow(links: readonly string[]): void;
  /** As of now. */
  on(link: string): Neighbour;
  /** Whether the neighbour of now is spoken with: then it stays, whatever is advertised. */
  keep(link: string, inUse: boolean): void;
  /** Calls back, in a turn of its own, when the address of a link's neighbour is another. */
  watch(onChange: (link: string) => void): Disposable;
}

/** Where nobody can be found. */
export const NO_NEIGHBOURS: Neighbours = {
  follow() {},
  on: (link) => ({
    address: undefined,
    words: `nobody can be looked for on ${link}: that needs --allow-ffi`,
  }),
  keep() {},
  watch: () => ({ [Symbol.dispose]() {} }),
};
