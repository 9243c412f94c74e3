/**
 * Chooses where the lab runs, and says why: network namespaces where this kernel has dummy interfaces and IPVS and we are
 * root; else user-mode Linux, an ordinary process with a kernel of its own; else loopback, announcing only.
 */
import { run } from "../support/process.ts";
import { ensurePackages, findCommand, missingPackages, type PackageName } from "../support/setup.ts";
import { labModules, type Place } from "./boot.ts";
import { findCompiler, hasWideXstate } from "./wide_xstate.ts";

/** A place, and why it is not a better one. */
export interface Choice {
  readonly place: Place;
  /** One sentence for each place that was passed over. */
  readonly passedOver: readonly string[];
}

/** What a real kernel's network needs besides the kernel. */
const labPackages: readonly PackageName[] = [
  "bird2",
  "iproute2",
  "kmod",
  "ipvsadm",
  "iptables",
  "frr",
  "libnl-3-200",
  "libnl-genl-3-200",
];

/** The places in the words of people. */
export const placeNames: Readonly<Record<Place, string>> = {
  namespaces: "network namespaces of this kernel",
  uml: "user-mode Linux (this kernel's own network is not touched)",
  loopback: "loopback, announcing only (no interface, address or IPVS)",
};

/** The best place here; installs what it needs where that is possible. `wanted` limits the choice to one place. */
export async function choosePlace(say: (text: string) => void, wanted?: string): Promise<Choice> {
  const passedOver: string[] = [];
  const mayBe = (place: Place) => wanted === undefined || wanted === place;
  if (mayBe("namespaces")) {
    const fault = await namespacesFault(say);
    if (fault === undefined) return { place: "namespaces", passedOver };
    passedOver.push(`not in namespaces: ${fault}`);
  }
  if (mayBe("uml")) {
    const fault = await umlFault(say);
    if (fault === undefined) return { place: "uml", passedOver };
    passedOver.push(`not in user-mode Linux: ${fault}`);
  }
  if (!mayBe("loopback")) {
    throw new Error(`${wanted} was asked for: ${passedOver.join("; ") || "no such place"}`);
  }
  return { place: "loopback", passedOver };
}

/** Tries it in a throw-away namespace. The sysctls of the real network stay what they are. */
async function namespacesFault(say: (text: string) => void): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "we are not root";
  if (missingPackages(["iproute2"]).length === 0) {
    const modprobe = findCommand("modprobe");
    if (modprobe !== undefined) await run(modprobe, ["-q", "-a", ...labModules]);
    const unshare = await run("unshare", ["--net", "--mount", "--pid", "--fork", "true"]);
    if (unshare.code !== 0) return `no namespaces may be made here (${firstLine(unshare.stderr)})`;
    const dummy = await run("unshare", ["--net", "ip", "link", "add", "name", "probe", "type", "dummy"]);
    if (dummy.code !== 0) return `this kernel has no dummy interfaces (${firstLine(dummy.stderr)})`;
    const ipv6 = await run("unshare", [
      "--net",
      "ip",
      "addr",
      "add",
      "2001:db8::1/128",
      "dev",
      "lo",
      "nodad",
    ]);
    if (ipv6.code !== 0) return `this kernel has no IPv6 (${firstLine(ipv6.stderr)})`;
    const file = await run("unshare", ["--net", "test", "-e", "/proc/net/ip_vs"]);
    if (file.code !== 0) return "this kernel has no IPVS, and no module ip_vs could be loaded";
  }
  const { advice } = await ensurePackages(labPackages, say);
  if (advice !== undefined) return advice;
  const script = "ip link add name probe type dummy && ipvsadm -A -t 192.0.2.1:1 -s rr && ip netns list";
  const probe = await run("unshare", ["--net", "--mount", "--pid", "--fork", "sh", "-c", script]);
  return probe.code === 0 ? undefined : firstLine(probe.stderr);
}

async function umlFault(say: (text: string) => void): Promise<string | undefined> {
  if (Deno.build.arch !== "x86_64") {
    return `the package user-mode-linux is for x86-64, this is ${Deno.build.arch}`;
  }
  const compiler: readonly PackageName[] = await hasWideXstate() && findCompiler() === undefined
    ? ["tcc"]
    : [];
  const { advice } = await ensurePackages(["user-mode-linux", ...compiler, ...labPackages], say);
  if (advice !== undefined) return advice;
  const version = await run(findCommand("linux.uml") ?? "linux.uml", ["--version"]);
  return version.code === 0 ? undefined : `linux.uml does not run here: ${firstLine(version.stderr)}`;
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
