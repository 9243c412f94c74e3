/**
 * The certificates that this host trusts: its own store, wherever its distribution keeps it, and files that checks name;
 * and the certificates and keys that checks come with. They are read within bounds, kept, and looked at again after a
 * while; whoever asks meanwhile gets what is known.
 */
import { messageOf } from "../text/error_message.ts";
import { type BoundedFiles, FileSystemBusyError, type FileVersion } from "./bounded_files.ts";

/** Where distributions keep all certificates in one file; the first that there is counts. */
const STORES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Gentoo
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, RHEL
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
  "/var/lib/ca-certificates/ca-bundle.pem", // SUSE
  "/etc/ssl/ca-bundle.pem", // SUSE, older
  "/etc/ssl/cert.pem", // Alpine
] as const;

/** A store has some 250 KiB. */
const MAX_FILE_OCTETS = 4 * 1024 * 1024;
/** What is known is looked at again where it is this old. */
const FRESH_MS = 10_000;

/** Certificates that go together; the same object as long as they are the same. */
interface Roots {
  readonly host: string;
  readonly own: string;
  /** All of them. */
  readonly pem: string;
}

/** What is looked for in a file: certificates, or a private key. */
type Kind = "certificate" | "key";

interface Known {
  readonly pem: string;
  readonly version: FileVersion;
  readonly checkedMs: number;
}

/** What the store needs of the outside. */
export interface TrustPorts {
  readonly files: BoundedFiles;
  /** Monotonic milliseconds. */
  now(): number;
  /** Other places of the host's store, for tests. */
  readonly stores?: readonly string[];
}

/** Satisfies the port `TrustStore` of src/health. */
export class HostTrustStore {
  readonly #ports: TrustPorts;
  readonly #stores: readonly string[];
  /** By kind and path: one file may have both. */
  readonly #known = new Map<string, Known>();
  /** The store that was found: its path, or "" for none. */
  #store: { readonly path: string; readonly checkedMs: number } | undefined;
  /** By `caFile`; "" is none. */
  readonly #roots = new Map<string, Roots>();

  constructor(ports: TrustPorts) {
    this.#ports = ports;
    this.#stores = ports.stores ?? STORES;
  }

  /** @throws {Error} in words: `caFile` cannot be read, or has no certificate; or the host's store cannot be read for now */
  async roots(caFile: string | undefined): Promise<Roots> {
    const own = caFile === undefined ? "" : await this.#pem(caFile, "certificate");
    const host = await this.#hostCertificates();
    const key = caFile ?? "";
    const known = this.#roots.get(key);
    if (known !== undefined && known.own === own && known.host === host) return known;
    const roots = { own, host, pem: `${host}${own}` };
    this.#roots.set(key, roots);
    return roots;
  }

  /** @throws {Error} in words: a file cannot be read, or has nothing of its kind in it */
  async keyPair(certFile: string, keyFile: string): Promise<{ readonly cert: string; readonly key: string }> {
    const [cert, key] = await Promise.all([
      this.#pem(certFile, "certificate").catch((error) => refuse(`certFile ${certFile}`, error)),
      this.#pem(keyFile, "key").catch((error) => refuse(`keyFile ${keyFile}`, error)),
    ]);
    return { cert, key };
  }

  async #hostCertificates(): Promise<string> {
    const { now } = this.#ports;
    const old = this.#store === undefined || now() - this.#store.checkedMs > FRESH_MS;
    if (this.#store === undefined || (this.#store.path === "" && old)) {
      this.#store = { path: await this.#findStore(), checkedMs: now() };
    }
    return this.#store.path === "" ? "" : await this.#pem(this.#store.path, "certificate");
  }

  /** @throws {Error} one may be there, and what this process is short of keeps it from being read */
  async #findStore(): Promise<string> {
    let shortage: unknown;
    for (const path of this.#stores) {
      try {
        await this.#pem(path, "certificate");
        return path;
      } catch (error) {
        if (isShortage(error)) shortage ??= error;
      }
    }
    if (shortage !== undefined) throw shortage;
    return "";
  }

  /** Of one file; what is known is given at once, and looked at again where it is old. */
  async #pem(path: string, kind: Kind): Promise<string> {
    const known = this.#known.get(`${kind} ${path}`);
    if (known === undefined) return (await this.#read(path, kind, undefined)).pem;
    if (this.#ports.now() - known.checkedMs > FRESH_MS) {
      this.#known.set(`${kind} ${path}`, { ...known, checkedMs: this.#ports.now() });
      // A file that is being replaced is not there for a moment: what was good stays until there is something else.
      this.#read(path, kind, known).catch(() => {});
    }
    return known.pem;
  }

  async #read(path: string, kind: Kind, before: Known | undefined): Promise<Known> {
    const { octets, version } = await this.#ports.files.read(path, {
      limitOctets: MAX_FILE_OCTETS,
      unless: before?.version,
    });
    const checkedMs = this.#ports.now();
    const known = octets === undefined && before !== undefined
      ? { ...before, checkedMs }
      : { pem: blocksIn(octets, kind), version, checkedMs };
    this.#known.set(`${kind} ${path}`, known);
    return known;
  }
}

/** What is wrong with a file itself has words; what the kernel says beside (EMFILE, EIO) has its code. */
function isShortage(error: unknown): boolean {
  if (error instanceof FileSystemBusyError) return true;
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

const BLOCKS: Readonly<Record<Kind, RegExp>> = {
  certificate: /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
  key: /-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----[^-]+-----END \1-----/g,
};
const LACK: Readonly<Record<Kind, string>> = {
  certificate: "has no certificate in it",
  key: "has no private key in it, or one that is encrypted",
};

/** What stands beside them in such files (comments, the other kind) is left out. */
function blocksIn(octets: Uint8Array | undefined, kind: Kind): string {
  const text = new TextDecoder().decode(octets);
  const blocks = text.match(BLOCKS[kind]) ?? [];
  if (blocks.length === 0) throw new Error(LACK[kind]);
  const broken = blocks.findIndex((block) => !isSequence(block));
  if (broken >= 0) throw new Error(`has a ${kind} in it that cannot be read (number ${broken + 1})`);
  return blocks.map((block) => `${block}\n`).join("");
}

/** Whether a block has one DER sequence (X.690 section 8.9), as certificates and keys of every format are. */
function isSequence(block: string): boolean {
  try {
    const der = Uint8Array.fromBase64(block.replace(/-----[^-]+-----/g, ""));
    const [tag, first = 0] = der;
    const lengthOctets = first > 0x80 ? first - 0x80 : 0;
    const length = first < 0x80
      ? first
      : der.subarray(2, 2 + lengthOctets).reduce((sum, octet) => sum * 256 + octet, 0);
    return tag === 0x30 && length > 0 && length === der.length - 2 - lengthOctets;
  } catch {
    return false;
  }
}

function refuse(what: string, error: unknown): never {
  throw new Error(`${what}: ${messageOf(error)}`, { cause: error });
}
