/**
 * TLS connections to one place, verified against the certificates that the host, the runtime or the configuration
 * trusts. To verify against all of a host's store takes ten times as long as the rest of a handshake: so the root that
 * led to trust is tried alone the next time, which can never trust more than all do, and all again where it will not do.
 */
import type { Address } from "../../net/address.ts";
import { messageOf } from "../../text/error_message.ts";
import { ANSWER_LIMITS, boundedStream } from "./bounded_stream.ts";
import { dial, type DialPorts } from "./dial.ts";
import { isUntrusted, OwnShortage } from "./failure.ts";
import type { Roots, Tls, TlsSession, Trust, TrustStore } from "./ports.ts";

/** What TLS needs of the outside. */
export interface TlsPorts {
  readonly tls: Tls;
  readonly trustStore: TrustStore;
}

/** Where to, and whom to believe. */
export interface TlsTarget {
  readonly host: string;
  readonly port: number;
  /** The local address; undefined: the kernel's choice. */
  readonly source?: Address | undefined;
  readonly trust: "anyone" | { readonly caFile: string | undefined };
  readonly protocols: readonly string[];
}

/** The root that was enough, of which certificates it is one, and whether it alone was found to be. */
interface Shortcut {
  readonly roots: Roots;
  readonly pem: string;
  readonly works: boolean;
}

/** Connects to one target; keeps nothing open. */
export class TlsDialer {
  readonly #target: TlsTarget;
  readonly #ports: DialPorts & TlsPorts;
  #shortcut: Shortcut | undefined;

  constructor(target: TlsTarget, ports: DialPorts & TlsPorts) {
    this.#target = target;
    this.#ports = ports;
  }

  /** @throws {Error} of the first connection that could not be had, or the last handshake */
  async dial(signal: AbortSignal, progress: (step: string) => void): Promise<TlsSession> {
    const { trust } = this.#target;
    if (trust === "anyone") return await this.#attempt("anyone", signal, progress);
    const roots = await this.#roots(trust.caFile);
    if (this.#shortcut?.roots !== roots) this.#shortcut = undefined;
    if (this.#shortcut?.works) {
      const session = await this.#ifTrusted({ pem: this.#shortcut.pem }, signal, progress);
      if (session !== undefined) return session;
      this.#shortcut = { ...this.#shortcut, works: false };
    }
    if (roots.pem === "") return await this.#attempt("runtime", signal, progress);
    const session = await this.#ifTrusted({ pem: roots.pem }, signal, progress);
    if (session === undefined) return await this.#attempt("runtime", signal, progress);
    // A root that was not enough by itself is not tried again, until the server shows another or the store changes.
    if (session.root !== undefined && session.root !== this.#shortcut?.pem) {
      this.#shortcut = { roots, pem: session.root, works: true };
    }
    return session;
  }

  async #roots(caFile: string | undefined): Promise<Roots> {
    try {
      return await this.#ports.trustStore.roots(caFile);
    } catch (error) {
      throw new OwnShortage(`caFile ${caFile}: ${messageOf(error)}`);
    }
  }

  /** Undefined: the issuer is not one of those. */
  async #ifTrusted(
    trust: Trust,
    signal: AbortSignal,
    progress: (step: string) => void,
  ): Promise<TlsSession | undefined> {
    try {
      return await this.#attempt(trust, signal, progress);
    } catch (error) {
      if (isUntrusted(error)) return undefined;
      throw error;
    }
  }

  async #attempt(trust: Trust, signal: AbortSignal, progress: (step: string) => void): Promise<TlsSession> {
    const { host, port, protocols, source } = this.#target;
    const socket = await dial(host, port, this.#ports, signal, progress, source);
    progress("in the TLS handshake");
    const bounded = boundedStream(socket, this.#ports.clock, ANSWER_LIMITS);
    return await this.#ports.tls.secure(bounded, { host, trust, protocols }, signal);
  }
}
