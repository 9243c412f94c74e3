/** Peers: `bgp.defaults` merged in, passwords read, and what excludes each other among peers and with this host. */
import type { BfdConfig, FamilyName, PeerConfig, TcpAoKey } from "./config.ts";
import { isLinkLocal } from "../net/address.ts";
import type { Finding, Path } from "./values/finding.ts";
import type { Element, ValidParts } from "./validation.ts";
import { readPassword, type ReadSecretFile } from "./password.ts";
import { placeholderIn } from "./values/placeholder.ts";
import type { FileBfd, FileDefaults, FilePeer, FileTcpAoKey } from "./schema/bgp.ts";
import { peerKey } from "./session_difference.ts";
import { Duplicates } from "./duplicates.ts";
import { ownAddresses } from "./own_addresses.ts";
import { ownEndProblems } from "./check_own_end.ts";

/** `bgp.defaults` under the peer's own keys; of keys that exclude each other the peer's own one stays. */
function mergeDefaults(defaults: FileDefaults, peer: FilePeer): FilePeer {
  const merged = { ...defaults, ...peer };
  if (peer.password !== undefined) merged.passwordFile = merged.tcpAO = undefined;
  if (peer.passwordFile !== undefined) merged.password = merged.tcpAO = undefined;
  if (peer.tcpAO !== undefined) merged.password = merged.passwordFile = undefined;
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
  const { address, automatic } = peer.address;
  const zone = automatic ? merged.interface : peer.address.zone;
  const base: Path = ["bgp", "peers", index];
  const placeOf = (key: keyof FileDefaults) => placeOfKey(key, base, peer, defaults);
  const holdTimeSeconds = merged.holdTime ?? 90;
  const { keepaliveTime, sendHoldTime, localAddress, passwordFile } = merged;
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
  if (sendHoldTime !== undefined && sendHoldTime > 0 && sendHoldTime <= holdTimeSeconds) {
    const message = `must be 0, or longer than the hold time of ${holdTimeSeconds}s (RFC 9687 section 4.4)`;
    findings.push({ path: placeOf("sendHoldTime"), message });
  }
  if (automatic) findings.push(...automaticFindings(merged, base, placeOf));
  else if (localAddress !== undefined && localAddress.family !== address.family) {
    const message = `must be of the peer's family, IPv${address.family}`;
    findings.push({ path: placeOf("localAddress"), message });
  } else if (localAddress !== undefined && isLinkLocal(localAddress) && !isLinkLocal(address)) {
    const message = "is for a link-local peer alone: nothing says on which link it is";
    findings.push({ path: placeOf("localAddress"), message });
  }
  const placeholder = merged.password === undefined ? undefined : placeholderIn(merged.password);
  if (placeholder !== undefined) {
    const message =
      `looks like ${placeholder} and is taken as it stands; passwordFile names a file that holds the password`;
    findings.push({ path: placeOf("password"), message, severity: "warning" });
  }
  if (merged.multihop !== undefined && zone !== undefined) {
    findings.push({ path: placeOf("multihop"), message: "has no meaning for a link-local peer" });
  }
  if (merged.strictRole === true && merged.localRole === undefined) {
    findings.push({ path: placeOf("strictRole"), message: "has no effect without localRole" });
  }
  const keysOf = ({ sendID, receiveID, algorithm, password, passwordFile }: FileTcpAoKey, index: number) => ({
    sendId: sendID,
    receiveId: receiveID,
    algorithm,
    password: passwordFile === undefined
      ? password ?? ""
      : readPassword(passwordFile, [...placeOf("tcpAO"), index, "passwordFile"], readSecretFile, findings),
  });
  const tcpAo = (merged.tcpAO ?? []).map(keysOf);
  findings.push(...sameKeyIds(tcpAo, placeOf("tcpAO")));
  return {
    index,
    value: {
      name: peer.name ?? peerKey({ address, automatic, zone, device: merged.interface }),
      address,
      automatic,
      zone,
      device: merged.interface,
      as: merged.as ?? 0,
      localAs: merged.localAS,
      port: merged.port ?? 179,
      passive: merged.passive ?? false,
      localAddress,
      password: passwordFile === undefined
        ? merged.password
        : readPassword(passwordFile, placeOf("passwordFile"), readSecretFile, findings),
      tcpAo,
      tcpMss: merged.tcpMSS,
      ttlSecurity: merged.ttlSecurity,
      multihop: merged.multihop,
      holdTimeSeconds,
      keepaliveTimeSeconds: keepaliveTime,
      connectRetryTimeMs: merged.connectRetryTime ?? 5000,
      // RFC 9687 section 6.
      sendHoldTimeSeconds: sendHoldTime ?? Math.max(480, 2 * holdTimeSeconds),
      families: merged.families ?? families,
      nextHop: merged.nextHop,
      nextHop6: merged.nextHop6,
      linkLocalNextHop: merged.linkLocalNextHop ?? "auto",
      gracefulRestart: merged.gracefulRestart === undefined
        ? undefined
        : { restartTimeSeconds: merged.gracefulRestart.restartTime },
      capabilities: merged.capabilities ?? ALL_OFFERED,
      localRole: merged.localRole,
      strictRole: merged.strictRole ?? false,
      bfd: merged.bfd && bfdConfig(merged.bfd, (merged.multihop ?? merged.ttlSecurity ?? 1) > 1),
    },
  };
}

const ALL_OFFERED = {
  routeRefresh: true,
  enhancedRouteRefresh: true,
  extendedMessages: true,
  extendedNextHop: true,
};

function bfdConfig({ transmit, receive, multihop, ...rest }: FileBfd, farAway: boolean): BfdConfig {
  return { ...rest, transmitMs: transmit, receiveMs: receive, multihop: multihop ?? farAway };
}

/** What does not go with `address: auto`. */
function automaticFindings(
  merged: FilePeer,
  base: Path,
  placeOf: (key: keyof FileDefaults) => Path,
): readonly Finding[] {
  const found: Finding[] = [];
  if (merged.interface === undefined) {
    found.push({ path: [...base, "address"], message: "auto needs interface: the link that the peer is on" });
  }
  if (merged.localAddress !== undefined) {
    found.push({ path: placeOf("localAddress"), message: "has no meaning with address: auto" });
  }
  return found;
}

/** Keys of TCP-AO are told apart by their numbers, in either direction (RFC 5925 section 3.1). */
function sameKeyIds(keys: readonly TcpAoKey[], path: Path): readonly Finding[] {
  return keys.flatMap((key, index) =>
    (["sendId", "receiveId"] as const).flatMap((side) => {
      const first = keys.findIndex((other) => other[side] === key[side]);
      const name = side === "sendId" ? "sendID" : "receiveID";
      if (first === index) return [];
      return [{ path: [...path, index, name], message: `is the same as that of key ${first + 1}` }];
    })
  );
}

/** Where a key of the peer at `base` was given. */
function placeOfKey(
  key: keyof FileDefaults,
  base: Path,
  peer: FilePeer | undefined,
  defaults: FileDefaults | undefined,
): Path {
  return peer?.[key] === undefined && defaults?.[key] !== undefined
    ? ["bgp", "defaults", key]
    : [...base, key];
}

/** True where `path` is the AS that the peer at `base` would have. */
function isAsOf(path: Path, base: Path): boolean {
  return path.at(-1) === "as" &&
    (path[1] === "defaults" || base.every((step, index) => path[index] === step));
}

/** The rules between peers, and between them, this host and the services. */
export function checkPeers(
  peers: readonly Element<PeerConfig>[],
  { local, defaults, peers: written, services }: ValidParts,
  findings: Finding[],
): void {
  const duplicates = new Duplicates(findings);
  const own = local === undefined ? new Map<string, string>() : ownAddresses(local);
  // That this host's own address is a service's is told there.
  const serviceOf = new Map(
    services.flatMap(({ value: { name, addresses } }) =>
      addresses.filter(({ address }) => !own.has(address.text)).map(({ address }) => [address.text, name])
    ),
  );
  for (const { index, value: peer } of peers) {
    const path = ["bgp", "peers", index];
    const text = peerKey(peer);
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
    const file = written.find((each) => each.index === index)?.value;
    if (file?.localRole !== undefined && peer.as === (peer.localAs ?? local?.as)) {
      const message = `is for eBGP alone, and AS ${peer.as} is this host's own (RFC 9234 section 4)`;
      findings.push({ path: [...path, "localRole"], message });
    }
    if (owner === undefined) {
      findings.push(...ownEndProblems(peer, serviceOf, (key) => placeOfKey(key, path, file, defaults)));
    }
  }
}
