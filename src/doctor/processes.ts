/** Which programs run, and which of them listens where: read from /proc, as ss(8) does. */
import { type Address, addressOf } from "../net/address.ts";
import { isUnspecified } from "../net/address_kind.ts";
import type { Host } from "./host.ts";

/** A socket that connections of TCP, or any packets of UDP, come in by. */
export interface Listener {
  readonly address: Address;
  readonly port: number;
  readonly inode: string;
}

/** Who holds a socket. */
export interface Holder {
  readonly pid: number;
  /** Its name, at most 15 octets. */
  readonly name: string;
  /** The service unit that it belongs to, such as `bird.service`. */
  readonly unit: string | undefined;
}

/** Of <net/tcp_states.h>: TCP_LISTEN, and TCP_CLOSE, which of UDP is a socket that is not connected. */
const LISTEN = { tcp: "0A", udp: "07" } as const;

/** The sockets that listen in this network namespace. */
export function listeners(host: Host, protocol: keyof typeof LISTEN = "tcp"): readonly Listener[] {
  return [protocol, `${protocol}6`].flatMap((table) =>
    (host.read(`/proc/self/net/${table}`) ?? "").split("\n").slice(1).flatMap((line) => {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      const [octets = "", port = ""] = local.split(":");
      if (state !== LISTEN[protocol] || !/^([0-9A-F]{8}){1,4}$/i.test(octets)) return [];
      return [{ address: addressOfWords(octets), port: Number.parseInt(port, 16), inode }];
    })
  );
}

/** Whether somebody who listens at `taken` keeps others from listening at `wanted`. A socket of `::` may be one of IPv4, too. */
export function overlaps(taken: Address, wanted: Address): boolean {
  if (taken.family !== wanted.family) return taken.family === 6 && isUnspecified(taken);
  return isUnspecified(taken) || isUnspecified(wanted) || taken.text === wanted.text;
}

/** Who holds a socket; undefined where this process may not know. */
export function holderOf(host: Host, inode: string): Holder | undefined {
  for (const pid of pids(host)) {
    const folder = `/proc/${pid}/fd`;
    if (!host.list(folder).some((fd) => host.target(`${folder}/${fd}`) === `socket:[${inode}]`)) continue;
    const unit = /\/([^/]+\.service)\s*$/m.exec(host.read(`/proc/${pid}/cgroup`) ?? "")?.[1];
    return { pid, name: nameOf(host, pid), unit };
  }
  return undefined;
}

/** The programs of these names that run. */
export function running(host: Host, names: readonly string[]): readonly string[] {
  // The kernel keeps 15 octets of a name.
  const short = new Map(names.map((name) => [name.slice(0, 15), name]));
  const found = pids(host).map((pid) => short.get(nameOf(host, pid)));
  return [...new Set(found.filter((name) => name !== undefined))];
}

function pids(host: Host): readonly number[] {
  return host.list("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

function nameOf(host: Host, pid: number): string {
  return host.read(`/proc/${pid}/comm`)?.trim() ?? "";
}

/** The kernel prints addresses as numbers of 32 bits in its own byte order. */
function addressOfWords(hex: string): Address {
  const octets = hex.match(/../g)?.map((octet) => Number.parseInt(octet, 16)) ?? [];
  const words = Array.from(
    { length: octets.length / 4 },
    (_, index) => octets.slice(index * 4, index * 4 + 4),
  );
  return addressOf(Uint8Array.from(words.flatMap((word) => word.toReversed())));
}
