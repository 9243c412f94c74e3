/**
 * TLS connections to one place, verified against the certificates that the host, the runtime or the configuration
 * trusts. To verify against all of a host's store takes ten times as long as the rest of a handshake: so the root that
 * led to trust is tried alone the next time, which can never trust more than all do, and all again where it will not do.
 */
import type { KeyPairFiles, TlsConfig } from "../../config/checks/tls_keys.ts";
import { messageOf } from "../../text/error_message.ts";
import { ANSWER_LIMITS, boundedStream } from "./bounded_stream.ts";
import { certificateProblem } from "./certificate.ts";
import type { DialPorts } from "./dial.ts";
import { type AddressLimits, answeredBy } from "./each_address.ts";
import { failureOf, OwnShortage, ProbeFailure } from "./failure.ts";
import type { KeyPair, Roots, Tls, TlsSession, Trust, TrustStore } from "./ports.ts";
import { reach } from "./reach.ts";

/** What TLS needs of the outside. */
export interface TlsPorts {
  readonly tls: Tls;
  readonly trustStore: TrustStore;
}

/** Whom to believe, and whom to come as. */
export interface TlsTrust {
  readonly trust: "anyone" | { readonly caFile: string | undefined };
  readonly keyPair?: KeyPairFiles | undefined;
  /** Of the server's certificate; default: it may end at any time. */
  readonly minDaysLeft?: number;
}

/** Where to, and whom to believe. */
export interface TlsTarget extends TlsTrust {
  readonly host: string;
  readonly port: number;
  /** Connected to in place of host and port. */
  readonly unixSocket?: string | undefined;
  /** The name of SNI and of the certificate. Default: the host. */
  readonly serverName?: string | undefined;
  readonly protocols: readonly string[];
  /** Of all addresses together. */
  readonly limits: AddressLimits;
}

/** What a check's keys say of trust. */
export function tlsTarget({ insecureSkipVerify, caFile, keyPair, minDaysLeft }: TlsConfig): TlsTrust {
  return { trust: insecureSkipVerify ? "anyone" : { caFile }, keyPair, minDaysLeft };
}

const UNTRUSTED =
  "certificate is not from a trusted issuer: add the CA to the host's store (update-ca-certificates) or name it with caFile";

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

  /** @throws {Error} of the first connection that could not be had, the last handshake, or what is wrong with the certificate */
  async dial(signal: AbortSignal, progress: (step: string) => void): Promise<TlsSession> {
    const { trust } = this.#target;
    const keyPair = await this.#keyPair();
    const attempt = (trust: Trust) => this.#attempt(trust, keyPair, signal, progress);
    if (trust === "anyone") return await attempt("anyone") ?? neverTrusted();
    const roots = await this.#roots(trust.caFile);
    if (this.#shortcut?.roots !== roots) this.#shortcut = undefined;
    if (this.#shortcut?.works) {
      const session = await attempt({ pem: this.#shortcut.pem });
      if (session !== undefined) return session;
      this.#shortcut = { ...this.#shortcut, works: false };
    }
    if (roots.pem === "") return await attempt("runtime") ?? neverTrusted();
    const session = await attempt({ pem: roots.pem });
    if (session === undefined) return await attempt("runtime") ?? neverTrusted();
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
      const { kind, detail } = failureOf(error);
      const words = kind === "unknown" ? detail : messageOf(error);
      const place = caFile === undefined ? "the certificates that this host trusts" : `caFile ${caFile}`;
      throw new OwnShortage(`${place}: ${words}`);
    }
  }

  async #keyPair(): Promise<KeyPair | undefined> {
    const { keyPair } = this.#target;
    if (keyPair === undefined) return undefined;
    try {
      return await this.#ports.trustStore.keyPair(keyPair.certFile, keyPair.keyFile);
    } catch (error) {
      throw new OwnShortage(messageOf(error));
    }
  }

  /** Undefined: the issuer is not one of those. @throws {Error} */
  async #attempt(
    trust: Trust,
    keyPair: KeyPair | undefined,
    signal: AbortSignal,
    progress: (step: string) => void,
  ): Promise<TlsSession | undefined> {
    const { host, port, unixSocket, protocols, serverName = host, minDaysLeft = 0, limits } = this.#target;
    const place = { address: host, port, unixSocket };
    const socket = await reach(place, this.#ports, signal, progress, limits);
    progress(`in the TLS handshake${answeredBy(host, socket.remote?.address)}`);
    const bounded = boundedStream(socket, this.#ports.clock, ANSWER_LIMITS);
    const options = { host: serverName, trust, keyPair, protocols };
    const session = await this.#ports.tls.secure(bounded, options, signal);
    const name = trust === "anyone" ? undefined : serverName;
    const problem = certificateProblem(session, { name, minDaysLeft }, this.#ports.clock.wallTime());
    const trusted = trust === "anyone" || session.distrust === undefined;
    if (problem === undefined && trusted) return session;
    session.stream[Symbol.dispose]();
    if (problem !== undefined) throw problem;
    return undefined;
  }
}

function neverTrusted(): never {
  throw new ProbeFailure(UNTRUSTED);
}
