/** TLS as a client, by the runtime's own library; loaded only where a check needs it, for it takes 11 MB. */
import type { TLSSocket } from "node:tls";
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
  readonly protocols: readonly string[];
}

/** Satisfies the port `Tls` of src/health. */
export const nodeTls = { secure };

async function secure(socket: StreamSocket, options: Options, signal: AbortSignal) {
  const disposal = () => socket[Symbol.dispose]();
  using _abort = onAbort(signal, disposal);
  try {
    const { connect } = await import("node:tls");
    const { host, trust, protocols } = options;
    const stream = await toNodeStream(socket);
    const tls = connect({
      socket: stream,
      // Names alone go into SNI (RFC 6066 section 3); the certificate is for `host` in both cases.
      ...(parseAddress(host) === undefined ? { servername: host } : {}),
      host,
      ALPNProtocols: [...protocols],
      // Said aloud, so that no variable of the environment decides.
      rejectUnauthorized: trust !== "anyone",
      ...(typeof trust === "object" ? { ca: trust.pem } : {}),
    });
    await handshake(tls, signal);
    return {
      stream: fromNodeStream(tls, socket),
      protocol: tls.alpnProtocol || undefined,
      root: trust === "anyone" ? undefined : rootOf(tls),
    };
  } catch (error) {
    disposal();
    throw signal.aborted ? signal.reason : error;
  }
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

function rootOf(tls: TLSSocket): string | undefined {
  let certificate = tls.getPeerCertificate(true);
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
