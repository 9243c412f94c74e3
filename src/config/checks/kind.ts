/** What one kind of check brings to the configuration; its probe is in src/health/kinds, under the same name. */
import type * as z from "zod";
import type { Address } from "../../net/address.ts";
import type { Parsed } from "../../text/parsed.ts";
import type { CheckBase } from "./base.ts";

/** The destination that a check is made for. */
export interface CheckTarget {
  readonly address: Address;
  /** 0: none of its own. */
  readonly port: number;
}

/** What a check lacks that needs a port and is made for a destination that has none. */
export const NEEDS_PORT = "needs a port, as the destination has none of its own";

/** What a check needs of this process that the runtime or the host may deny. */
export interface CheckNeeds {
  /** The permission for FFI, and what will do instead of it: `--allow-ffi, or protocol: tcp`; undefined: it needs none. */
  readonly ffi?: string;
  /** What it runs; undefined: nothing. */
  readonly program?: {
    readonly path: string;
    /** Undefined: the agent's own. */
    readonly user: string | undefined;
  };
}

/** One kind: how the file spells it, and what the checked configuration has of it. */
export interface CheckKind<File, Unaimed, Config extends CheckBase> {
  /** A strict object; its `type` is the name of the kind. */
  schema(): z.ZodType<File>;
  /** The same for checks of destinations: what is the destination's own may be left out. */
  destinationSchema(): z.ZodType<Unaimed>;
  /** The check of that destination: what was left out is the destination's. Or what it lacks. */
  aim(check: Unaimed, target: CheckTarget): Parsed<File>;
  /** What is checked and where, in a few words: the name of a check that was given none. */
  place(file: File): string;
  /** The checked configuration. */
  resolve(file: File, base: CheckBase): Config;
  /** Its own keys as the file spells them, without `type`; undefined ones are left out. */
  render(config: Config): Readonly<Record<string, unknown>>;
  /** What must be so for a pass, in words: `127.0.0.1:80 accepts a TCP connection within 1s`. */
  expectation(config: Config): string;
  /** The addresses and host names that its probes go to by the network. Default: none. */
  hosts?(config: Config): readonly string[];
  /** Default: nothing. */
  needs?(config: Config): CheckNeeds;
}
