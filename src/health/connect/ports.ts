/** The ports to names, TLS and trust: what probes need of the network beside `Streams`. */
import type { Address } from "../../net/address.ts";
import type { StreamSocket } from "../../net/sockets.ts";

/** One question to the resolver. It must not hold a thread that others wait for. */
export interface LookUp {
  /**
   * The addresses of one family; none where the name has none.
   * @throws {Error} the resolver does not answer, or cannot be asked
   */
  (name: string, family: 4 | 6, signal: AbortSignal): Promise<readonly Address[]>;
}

/** Whom a TLS client believes: nobody in particular, the runtime's own roots, or these certificates (PEM) alone. */
export type Trust = "anyone" | "runtime" | { readonly pem: string };

/** Our own certificate and its key (PEM). */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** How a TLS session begins. */
export interface TlsOptions {
  /** The name or address that the certificate must be for. */
  readonly host: string;
  readonly trust: Trust;
  /** Whom we come as; undefined: nobody in particular. */
  readonly keyPair?: KeyPair | undefined;
  /** Application protocols (ALPN), the one that is liked best first. */
  readonly protocols: readonly string[];
}

/** What the server's certificate says of itself. */
export interface PeerCertificate {
  /** Milliseconds since 1970; NaN where they cannot be read. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Names and addresses that it is for, as it lists them: `DNS:a.example, IP Address:192.0.2.1`. */
  readonly names: string;
}

/** A TLS session over a stream. */
export interface TlsSession {
  readonly stream: StreamSocket;
  /** Why the certificate is not to be believed, whoever was to be: its chain, or the name; undefined: it is. */
  readonly distrust: "chain" | "name" | undefined;
  readonly certificate: PeerCertificate | undefined;
  /** `TLSv1.3`; undefined where it is not known. */
  readonly version: string | undefined;
  /** What was agreed on by ALPN; undefined: nothing. */
  readonly protocol: string | undefined;
  /** The last certificate of the chain that was verified (PEM): trusting it alone leads to the same result. */
  readonly root: string | undefined;
}

/** Makes TLS sessions. */
export interface Tls {
  /**
   * Shakes hands as a client, and tells what there is to say against the certificate: whoever asks decides. Disposing
   * the session's stream disposes `socket`, and so does a failure.
   * @throws {Error} in the words of the library; `code` where it has one
   */
  secure(socket: StreamSocket, options: TlsOptions, signal: AbortSignal): Promise<TlsSession>;
}

/** Certificates of one kind of trust; the same object as long as they are the same. */
export interface Roots {
  /** PEM; "" where there are none. */
  readonly pem: string;
}

/** The certificates that this host trusts. */
export interface TrustStore {
  /**
   * Those of the host, and of `caFile` where one is given.
   * @throws {Error} where `caFile` cannot be read, or has no certificate
   */
  roots(caFile: string | undefined): Promise<Roots>;
  /**
   * The certificates and the key in these files.
   * @throws {Error} where one cannot be read, or has none
   */
  keyPair(certFile: string, keyFile: string): Promise<KeyPair>;
}
