/**
 * A Debian system in a folder, for tests that install packages or boot one: made once by debootstrap from the mirror that
 * this machine's apt knows, kept under the system's temporary folder, and copied for each test. Programs run in it by
 * chroot, in namespaces of mounts, processes and network of their own: nothing stays mounted, running or reachable.
 */
import { type Answer, run, type RunOptions, runOrThrow } from "./process.ts";
import { findCommand } from "./setup.ts";

/** What a host has that runs the agent under systemd, a router for it, and not more. */
export const BOOTABLE: readonly string[] = [
  "bird2",
  "systemd",
  "systemd-sysv",
  "udev",
  "dbus",
  "iproute2",
  "kmod",
  "procps",
  "libnl-3-200",
  "libnl-genl-3-200",
];

/** The first one takes so long at most; it was seen to take 40 s. */
const BOOTSTRAP_MS = 600_000;
const COPY_MS = 120_000;

/** Programs in it start with these variables alone. */
const VARIABLES = [
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "HOME=/root",
  "LC_ALL=C.UTF-8",
  "DEBIAN_FRONTEND=noninteractive",
];

/** Only the one who waits for it makes it; `mv` makes it whole or not at all. */
const BOOTSTRAP = `
test -d "$1" && exit
rm -rf --one-file-system "$1.new"
debootstrap --variant=minbase --include="$2" "$3" "$1.new" "$4" || { tail -n 20 "$1.new/debootstrap/debootstrap.log"; exit 1; } >&2
rm -f "$1.new"/var/cache/apt/archives/*.deb
mv "$1.new" "$1"
`;

/** In the namespaces of `run`. */
const ENTER = `
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
root=$1
shift
exec chroot "$root" env -i "$@"
`;

/** How a program runs in it. */
export interface InsideOptions extends RunOptions {
  /** With this machine's network; it has none otherwise. */
  readonly network?: boolean;
}

/** One such system, to be changed at will. Disposing removes it. */
export class DebianRoot implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  /** @throws {Error} in words: `debianRootProblem`, or what debootstrap says */
  static async create(include: readonly string[] = BOOTABLE): Promise<DebianRoot> {
    const cached = await debianRootFolder(include);
    const folder = await Deno.makeTempDir({ prefix: "bgp-lb-debian-" });
    const root = new DebianRoot(folder);
    try {
      await runOrThrow("cp", ["-a", "--reflink=auto", `${cached}/.`, folder], { timeoutMs: COPY_MS });
    } catch (error) {
      await root[Symbol.asyncDispose]();
      throw error;
    }
    return root;
  }

  /** Runs a program of it as its root to the end; all that it started ends with it. */
  run(argv: readonly string[], options: InsideOptions = {}): Promise<Answer> {
    const { network = false, env = {}, ...rest } = options;
    const namespaces = ["--mount", "--propagation=private", "--pid", "--fork", "--kill-child"];
    const variables = [...VARIABLES, ...Object.entries(env).map((pair) => pair.join("="))];
    const enter = ["sh", "-e", "-c", ENTER, "sh", this.folder, ...variables, ...argv];
    return run("unshare", [...namespaces, ...network ? [] : ["--net"], ...enter], rest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runOrThrow("rm", ["-rf", "--one-file-system", this.folder], { timeoutMs: COPY_MS });
  }
}

/** Why there can be none here, with the cure; undefined: there can. */
export function debianRootProblem(): string | undefined {
  if (Deno.uid() !== 0) return "a Debian system in a folder is for root alone to make";
  for (const [name, of] of [["debootstrap", "debootstrap"], ["flock", "util-linux"], ["apt-get", "apt"]]) {
    if (findCommand(name ?? "") === undefined) return `${name} is not here: apt-get install ${of}`;
  }
  return undefined;
}

/** The folder of such a system, which others copy or lay over: nobody changes it. @throws {Error} as `DebianRoot.create` */
export async function debianRootFolder(include: readonly string[] = BOOTABLE): Promise<string> {
  const problem = debianRootProblem();
  if (problem !== undefined) throw new Error(problem);
  const { codename, mirror } = await release();
  const folder = await cacheFolder();
  const packages = [...include].sort().join(",");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(packages));
  const root = `${folder}/${codename}-${new Uint8Array(digest).toHex().slice(0, 12)}`;
  const make = ["sh", "-e", "-c", BOOTSTRAP, "sh", root, packages, codename, mirror];
  await runOrThrow("flock", [`${root}.lock`, ...make], { timeoutMs: BOOTSTRAP_MS });
  return root;
}

/** Of this machine: its release, and where apt has it from. */
async function release(): Promise<{ readonly codename: string; readonly mirror: string }> {
  const os = await Deno.readTextFile("/etc/os-release");
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(os)?.[1];
  if (codename === undefined) {
    throw new Error("/etc/os-release has no VERSION_CODENAME: this is no Debian release");
  }
  const format = ["--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"];
  const targets = await runOrThrow("apt-get", ["indextargets", ...format]);
  const mirror = targets.split("\n").map((line) => line.split(" ")).find(([name]) => name === codename)?.[1];
  if (mirror === undefined) throw new Error(`apt has no source of ${codename}: see /etc/apt/sources.list`);
  return { codename, mirror };
}

/** Under the temporary folder, where nobody else may have put one of that name. */
async function cacheFolder(): Promise<string> {
  const folder = `${Deno.env.get("TMPDIR") ?? "/tmp"}/bgp-lb-debian-roots`;
  await Deno.mkdir(folder, { mode: 0o700 }).catch((error) => {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  });
  const { isDirectory, uid, mode } = await Deno.lstat(folder);
  if (!isDirectory || uid !== 0 || ((mode ?? 0) & 0o077) !== 0) {
    throw new Error(`${folder} must be a folder of root with mode 0700: remove it`);
  }
  return folder;
}
