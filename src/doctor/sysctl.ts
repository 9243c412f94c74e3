/** Kernel settings by their names of sysctl(8), the kernel's version, and how a setting is mended. */
import type { Cure } from "./finding.ts";
import { type Host, NotSeenError } from "./host.ts";

/** A number under /proc/sys; undefined where this kernel does not have it. @throws {NotSeenError} */
export function sysctl(host: Host, name: string): number | undefined {
  const text = host.read(fileOf(name));
  if (text === undefined) return undefined;
  const value = Number(text.trim());
  if (!Number.isFinite(value)) throw new NotSeenError(`${name} is no number`);
  return value;
}

/** A setting of an interface, such as `net.ipv4.conf.eth0.rp_filter`. */
export function linkSetting(family: 4 | 6, link: string, key: string): string {
  // The dots of a name such as eth0.100 are slashes in sysctl(8).
  return `net.ipv${family}.conf.${link.replaceAll(".", "/")}.${key}`;
}

/** Sets it until the next boot. */
export function setting(name: string, value: number, cure?: string): Cure {
  return { command: `sysctl -w ${name}=${value}`, ...cure === undefined ? {} : { cure } };
}

/** Whether the kernel is older than this version. @throws {NotSeenError} */
export function olderThan(host: Host, major: number, minor: number): boolean {
  const [ours, theirs] = kernelVersion(host);
  return ours < major || (ours === major && theirs < minor);
}

/** Major and minor number. @throws {NotSeenError} */
export function kernelVersion(host: Host): readonly [number, number] {
  const release = kernelRelease(host);
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (match === null) throw new NotSeenError(`the kernel's release has no version: ${release}`);
  return [Number(match[1]), Number(match[2])];
}

/** The kernel's release, such as `6.1.0-18-amd64`. @throws {NotSeenError} */
export function kernelRelease(host: Host): string {
  const release = host.read("/proc/sys/kernel/osrelease")?.trim();
  if (release === undefined) throw new NotSeenError("/proc is not there");
  return release;
}

/** The file of a setting. */
export function fileOf(name: string): string {
  return `/proc/sys/${name.split(".").map((part) => part.replaceAll("/", ".")).join("/")}`;
}
