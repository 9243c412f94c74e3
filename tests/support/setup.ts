/**
 * What tests need on the machine: which programs and libraries are missing, and how they come. Packages are
 * installed only by root and only where something is missing; everybody else gets the exact command.
 */
import { run } from "./process.ts";

/** A Debian package and one file of it that shows that it is there. */
export interface Requirement {
  readonly package: string;
  /** A program on PATH (or in an sbin folder), or a shared library by its soname. */
  readonly provides: { readonly command: string } | { readonly library: string };
}

/** Every requirement that tests have, by package name. */
export const requirements = {
  "user-mode-linux": { package: "user-mode-linux", provides: { command: "linux.uml" } },
  "bird2": { package: "bird2", provides: { command: "bird" } },
  "frr": { package: "frr", provides: { command: "vtysh" } },
  "gobgpd": { package: "gobgpd", provides: { command: "gobgpd" } },
  "procps": { package: "procps", provides: { command: "sysctl" } },
  "nginx-light": { package: "nginx-light", provides: { command: "nginx" } },
  "openssl": { package: "openssl", provides: { command: "openssl" } },
  "curl": { package: "curl", provides: { command: "curl" } },
  "nftables": { package: "nftables", provides: { command: "nft" } },
  "tcpdump": { package: "tcpdump", provides: { command: "tcpdump" } },
  "iproute2": { package: "iproute2", provides: { command: "ip" } },
  "tmux": { package: "tmux", provides: { command: "tmux" } },
  "zsh": { package: "zsh", provides: { command: "zsh" } },
  "fish": { package: "fish", provides: { command: "fish" } },
  "dnsmasq-base": { package: "dnsmasq-base", provides: { command: "dnsmasq" } },
  "tcc": { package: "tcc", provides: { command: "tcc" } },
  "exabgp": { package: "exabgp", provides: { command: "exabgp" } },
  "iptables": { package: "iptables", provides: { command: "iptables-legacy-restore" } },
  "keepalived": { package: "keepalived", provides: { command: "keepalived" } },
  "kmod": { package: "kmod", provides: { command: "modprobe" } },
  "ipvsadm": { package: "ipvsadm", provides: { command: "ipvsadm" } },
  "chromium": { package: "chromium", provides: { command: "chromium" } },
  "debootstrap": { package: "debootstrap", provides: { command: "debootstrap" } },
  "mandoc": { package: "mandoc", provides: { command: "mandoc" } },
  "prometheus": { package: "prometheus", provides: { command: "promtool" } },
  "systemd": { package: "systemd", provides: { command: "systemd-analyze" } },
  "systemd-container": { package: "systemd-container", provides: { command: "systemd-nspawn" } },
  "libnl-3-200": { package: "libnl-3-200", provides: { library: "libnl-3.so.200" } },
  "libnl-genl-3-200": { package: "libnl-genl-3-200", provides: { library: "libnl-genl-3.so.200" } },
} as const satisfies Record<string, Requirement>;

export type PackageName = keyof typeof requirements;

/** What `ensurePackages` found and did. `missing` is empty where all is there now. */
export interface SetupResult {
  readonly installed: readonly string[];
  readonly missing: readonly string[];
  /** The command that would bring what is missing, and why it was not run or did not help. */
  readonly advice: string | undefined;
}

/** Installs what is missing of `names`: by apt-get as root; otherwise it says which command to run. */
export async function ensurePackages(
  names: readonly PackageName[],
  say: (text: string) => void,
): Promise<SetupResult> {
  const missing = missingPackages(names);
  if (missing.length === 0) return { installed: [], missing: [], advice: undefined };
  const command = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  const apt = findCommand("apt-get");
  if (apt === undefined) {
    return {
      installed: [],
      missing,
      advice: `no apt-get here; needed Debian packages: ${missing.join(" ")}`,
    };
  }
  if (Deno.uid() !== 0) return { installed: [], missing, advice: `as root: ${command}` };
  say(`installing ${missing.join(" ")} (apt-get)`);
  const options = { env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" }, timeoutMs: 300_000 };
  const lock = [
    "-o",
    "DPkg::Lock::Timeout=120",
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=20",
    "-qq",
  ];
  const update = await run(apt, ["update", ...lock], options);
  const install = await run(apt, ["install", "-y", "--no-install-recommends", ...lock, ...missing], options);
  const still = missingPackages(missing);
  const words = [update, install].filter((answer) => answer.code !== 0).map((answer) => answer.stderr.trim());
  return {
    installed: missing.filter((name) => !still.includes(name)),
    missing: still,
    advice: still.length === 0 ? undefined : [`${command}: failed`, ...words.map(lastLines)].join("\n"),
  };
}

/** Those of `names` that are not here. */
export function missingPackages(names: readonly PackageName[]): PackageName[] {
  return names.filter((name) => {
    const { provides }: Requirement = requirements[name];
    return "command" in provides
      ? findCommand(provides.command) === undefined
      : findLibrary(provides.library) === undefined;
  });
}

/** The path of a program, searched on PATH and in the sbin folders that a user's PATH leaves out. */
export function findCommand(name: string): string | undefined {
  const folders = [
    ...(Deno.env.get("PATH") ?? "").split(":"),
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
    "/usr/bin",
  ];
  return folders.filter((folder) => folder !== "").map((folder) => `${folder}/${name}`).find(isFile);
}

/** The path of a shared library in the folders where distributions put them. */
export function findLibrary(soname: string): string | undefined {
  const folders = ["/usr/lib", "/lib", "/usr/lib64", "/lib64", "/usr/local/lib"];
  const multiarch = ["/usr/lib", "/lib"].flatMap((folder) =>
    namesIn(folder).filter((name) => name.endsWith("-linux-gnu")).map((name) => `${folder}/${name}`)
  );
  return [...multiarch, ...folders].map((folder) => `${folder}/${soname}`).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map((entry) => entry.name);
  } catch {
    return [];
  }
}

function lastLines(text: string): string {
  return text.split("\n").slice(-6).join("\n");
}
