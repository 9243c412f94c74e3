/** Peers: `bgp.defaults` merged in, passwords read, and what excludes each other among peers and with this host. */
import type { FamilyName, PeerConfig } from "./config.ts";
import type { Finding, Path } from "./issue.ts";
import type { Element, ValidParts } from "./validation.ts";
import { type FileDefaults, type FilePeer, MAX_PASSWORD_OCTETS } from "./schema/bgp.ts";
import { Duplicates } from "./duplicates.ts";
import { ownAddresses } from "./own_addresses.ts";
import { formatZoned } from "./values/address.ts";

/** Reads a file that holds a secret. @throws {Error} with a message for people, such as "does not exist" */
export type ReadSecretFile = (path: string) => string;

/** `bgp.defaults` under the peer's own keys; of keys that exclude each other the peer's own one stays. */
function mergeDefaults(defaults: FileDefaults, peer: FilePeer): FilePeer {
  const merged = { ...defaults, ...peer };
  if (peer.password !== undefined) merged.passwordFile = undefined;
  if (peer.passwordFile !== undefined) merged.password = undefined;
  if (peer.ttlSecurity !== undefined) merged.multihop = undefined;
  if (peer.multihop !== undefined) merged.ttlSecurity = undefined;
  return merged;
}

/** The peer as it will be run; what is wrong goes to `findings`. */
export function resolvePeer(
  { index, value: peer }: Element<FilePeer>,
  defaults: FileDefaults,
  families: readonly FamilyName[],
  readSecretFile: ReadSecretFile,
  findings: Finding[],
): Element<PeerConfig> {
  const merged = mergeDefaults(defaults, peer);
  const { address, zone } = peer.address;
  const base: Path = ["bgp", "peers", index];
  /** Where a key of this peer was given. */
  const placeOf = (key: keyof FileDefaults): Path =>
    peer[key] === undefined && defaults[key] !== undefined ? ["bgp", "defaults", key] : [...base, key];
  const holdTimeSeconds = merged.holdTime ?? 90;
  const { keepaliveTime, localAddress, passwordFile } = merged;
  if (merged.as === undefined && !findings.some(({ path }) => isAsOf(path, base))) {
    findings.push({ path: [...base, "as"], message: "is required" });
  }
  if (keepaliveTime !== undefined && holdTimeSeconds > 0 && keepaliveTime >= holdTimeSeconds) {
    const message = `must be shorter than the hold time of ${holdTimeSeconds}s`;
    findings.push({ path: placeOf("keepaliveTime"), message });
  }
  if (keepaliveTime !== undefined && holdTimeSeconds === 0) {
    findings.push({ path: placeOf("keepaliveTime"), message: "has no meaning with a hold time of 0" });
  }
  if (localAddress !== undefined && localAddress.family !== address.family) {
    const message = `must be of the peer's family, IPv${address.family}`;
    findings.push({ path: placeOf("localAddress"), message });
  }
  if (merged.multihop !== undefined && zone !== undefined) {
    findings.push({ path: placeOf("multihop"), message: "has no meaning for a link-local peer" });
  }
  return {
    index,
    value: {
      name: peer.name ?? formatZoned(address, zone),
      address,
      zone,
      as: merged.as ?? 0,
      port: merged.port ?? 179,
      passive: merged.passive ?? false,
      localAddress,
      password: passwordFile === undefined
        ? merged.password
        : readPassword(passwordFile, placeOf("passwordFile"), readSecretFile, findings),
      ttlSecurity: merged.ttlSecurity,
      multihop: merged.multihop,
      holdTimeSeconds,
      keepaliveTimeSeconds: keepaliveTime,
      connectRetryTimeMs: merged.connectRetryTime ?? 5000,
      families: merged.families ?? families,
      nextHop: merged.nextHop,
      nextHop6: merged.nextHop6,
      gracefulRestart: merged.gracefulRestart === undefined
        ? undefined
        : { restartTimeSeconds: merged.gracefulRestart.restartTime },
    },
  };
}

/** True where `path` is the AS that the peer at `base` would have. */
function isAsOf(path: Path, base: Path): boolean {
  return path.at(-1) === "as" &&
    (path[1] === "defaults" || base.every((step, index) => path[index] === step));
}

/** The first line's end is not part of the password: editors and `echo` write one. */
function readPassword(file: string, path: Path, readSecretFile: ReadSecretFile, findings: Finding[]): string {
  let password: string;
  try {
    password = readSecretFile(file).replace(/\r?\n$/, "");
  } catch (error) {
    findings.push({
      path,
      message: `names a file that ${error instanceof Error ? error.message : "cannot be read"}`,
    });
    return "";
  }
  const octets = new TextEncoder().encode(password).byteLength;
  const lines = password.includes("\n") || password.includes("\r");
  if (octets === 0) findings.push({ path, message: "names a file that is empty" });
  else if (lines) findings.push({ path, message: "names a file with more than one line" });
  else if (octets > MAX_PASSWORD_OCTETS) {
    const message = `names a file with ${octets} bytes, TCP-MD5 takes at most ${MAX_PASSWORD_OCTETS}`;
    findings.push({ path, message });
  }
  return password;
}

/** The rules between peers, and between them and this host. */
export function checkPeers(
  peers: readonly Element<PeerConfig>[],
  { local }: ValidParts,
  findings: Finding[],
): void {
  const duplicates = new Duplicates(findings);
  const own = local === undefined ? new Map<string, string>() : ownAddresses(local);
  for (const { index, value: peer } of peers) {
    const path = ["bgp", "peers", index];
    const text = formatZoned(peer.address, peer.zone);
    const fresh = duplicates.add("address", text, [...path, "address"]);
    if (fresh || peer.name !== text) duplicates.add("name", peer.name, [...path, "name"]);
    const owner = own.get(peer.address.text);
    if (owner !== undefined) {
      findings.push({ path: [...path, "address"], message: `is this host's own address (${owner})` });
    }
    if (peer.passive && local?.listenPort === -1) {
      const message = "cannot be true while bgp.local.listenPort is -1: nobody would connect";
      findings.push({ path: [...path, "passive"], message });
    }
  }
}
