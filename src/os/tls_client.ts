/** TLS as a client, by the runtime's own library; loaded only where a check needs it, for it takes 11 MB. */
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { parseAddress } from "../net/address.ts";
import type { StreamSocket } from "../net/sockets.ts";
import { onAbort } from "../time/abort.ts";
import { fromNodeStream, toNodeStream } from "./node_stream.ts";

/** Whom a client believes: anyone, the runtime's own roots, or these certificates (PEM) alone. */
type Trust = "anyone" | "runtime" | { readonly pem: string };

interface Options {
  /** The name or address that the certificate must be for. */
  readonly host: string;
  readonly trust: Trust;
  /** Our own certificate and its key (PEM). */
  readonly keyPair?: { readonly cert: string; readonly key: string } | undefined;
  readonly protocols: readonly string[];
}

/** Satisfies the port `Tls` of src/health. */
export const nodeTls = { secure };

async function secure(socket: StreamSocket, options: Options, signal: AbortSignal) {
  const disposal = () => socket[Symbol.dispose]();
  using _abort = onAbort(signal, disposal);
  try {
    const { connect } = await import("node:tls");
    const { host, trust, keyPair, protocols } = options;
    const stream = await toNodeStream(socket);
    const tls = connect({
      socket: stream,
      // Names alone go into SNI (RFC 6066 section 3); the certificate is for `host` in both cases.
      ...(parseAddress(host) === undefined ? { servername: host } : {}),
      host,
      ALPNProtocols: [...protocols],
      // What is wrong with a certificate is told with the certificate: the handshake goes on, and whoever asked decides
      // before anything is sent. Said aloud, so that no variable of the environment does.
      rejectUnauthorized: false,
      ...(typeof trust === "object" ? { ca: trust.pem } : {}),
      ...keyPair,
    });
    await handshake(tls, signal);
    const distrust = distrustOf(tls);
    return {
      stream: fromNodeStream(tls, socket),
      distrust,
      // Both take certificates apart, which costs more than the handshake, and most look at neither.
      get certificate() {
        const leaf = tls.getPeerX509Certificate();
        return leaf && {
          notBeforeMs: Date.parse(leaf.validFrom),
          notAfterMs: Date.parse(leaf.validTo),
          names: leaf.subjectAltName ?? "",
        };
      },
      version: tls.getProtocol() ?? undefined,
      protocol: tls.alpnProtocol || undefined,
      get root() {
        const trusted = trust !== "anyone" && distrust === undefined;
        return trusted ? rootOf(tls.getPeerCertificate(true)) : undefined;
      },
    };
  } catch (error) {
    disposal();
    if (signal.aborted) throw signal.reason;
    throw options.keyPair !== undefined && isOfOwnFiles(error) ? new OwnFilesError(error) : error;
  }
}

/** Our own certificate or key is none: whoever is at the other end has not been asked. */
class OwnFilesError extends Error {
  override readonly name = "OwnFilesError";

  constructor(cause: unknown) {
    super("certFile and keyFile do not go together, or cannot be read", { cause });
  }
}

/** The library's name for a session that it could not set up; versions that a server lacks are alerts. */
function isOfOwnFiles(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_SSL_UNSUPPORTED_PROTOCOL";
}

/** Nothing but `authorized` means that it is to be believed. */
function distrustOf({ authorized, authorizationError }: TLSSocket): "chain" | "name" | undefined {
  if (authorized) return undefined;
  return String(authorizationError) === "ERR_TLS_CERT_ALTNAME_INVALID" ? "name" : "chain";
}

async function handshake(tls: TLSSocket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  using _abort = onAbort(signal, () => tls.destroy());
  // What comes after the handshake is heard by the stream's own listener.
  tls.once("secureConnect", resolve);
  tls.once("error", reject);
  tls.once("close", () => reject(new Error("connection closed before secure TLS was established")));
  await promise;
}

/** A chain has this many certificates at most. */
const MAX_CHAIN = 16;

function rootOf(leaf: DetailedPeerCertificate): string | undefined {
  let certificate = leaf;
  for (let step = 0; step < MAX_CHAIN; step++) {
    const issuer = certificate.issuerCertificate;
    if (
      issuer === undefined || issuer === certificate || issuer.fingerprint256 === certificate.fingerprint256
    ) {
      return certificate.raw === undefined ? undefined : pemOf(certificate.raw);
    }
    certificate = issuer;
  }
  return undefined;
}

function pemOf(der: Uint8Array): string {
  const base64 = new Uint8Array(der).toBase64().replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}
