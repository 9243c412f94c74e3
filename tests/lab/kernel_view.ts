/** What a host's kernel has, seen from outside the agent: by `ip -j` and ipvsadm, whose answers are parsed here. */
import { z } from "zod";
import { runOrThrow } from "../support/process.ts";

const link = z.object({
  ifindex: z.number(),
  ifname: z.string(),
  flags: z.array(z.string()),
  ifalias: z.string().optional(),
  linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  addr_info: z.array(z.object({
    local: z.string().optional(),
    prefixlen: z.number().optional(),
    /** IFA_F_DEPRECATED; with it, ip prints the lifetimes of IPv4 as endless. */
    deprecated: z.boolean().optional(),
    nodad: z.boolean().optional(),
  })),
});

/** An interface. */
export interface LinkView {
  readonly index: number;
  readonly name: string;
  readonly kind: string | undefined;
  readonly alias: string | undefined;
  readonly up: boolean;
  /** With length, without the kernel's own link-local ones. */
  readonly addresses: readonly string[];
  /** Those of `addresses` that the kernel never chooses as a source. */
  readonly deprecated: readonly string[];
  /** The IPv6 ones of `addresses` whose use waited for no duplicate address detection. */
  readonly nodad: readonly string[];
}

/** A host's interfaces, and its IPVS table as `ipvsadm -Sn` writes it. */
export interface KernelView {
  readonly links: readonly LinkView[];
  readonly ipvs: readonly string[];
}

/** Reads the kernel of the namespace `node`. */
export async function viewKernel(node: string): Promise<KernelView> {
  const [links, ipvs] = await Promise.all([
    runOrThrow("ip", ["-n", node, "-j", "-d", "addr", "show"]),
    runOrThrow("ip", ["netns", "exec", node, "ipvsadm", "-Sn"]),
  ]);
  return {
    links: parseLinks(links),
    ipvs: ipvs.split("\n").map((line) => line.trim()).filter((line) => line !== ""),
  };
}

/** The interfaces in an answer to `ip -j -d addr show`. */
export function parseLinks(json: string): LinkView[] {
  return z.array(link).parse(JSON.parse(json)).map((each) => {
    const addresses = each.addr_info.flatMap(({ local, prefixlen, deprecated = false, nodad = false }) =>
      local === undefined || local.startsWith("fe80:")
        ? []
        : [{ text: `${local}/${prefixlen}`, deprecated, nodad }]
    );
    return {
      index: each.ifindex,
      name: each.ifname,
      kind: each.linkinfo?.info_kind,
      alias: each.ifalias,
      up: each.flags.includes("UP"),
      addresses: addresses.map(({ text }) => text),
      deprecated: addresses.filter(({ deprecated }) => deprecated).map(({ text }) => text),
      nodad: addresses.filter(({ nodad }) => nodad).map(({ text }) => text),
    };
  });
}

/** A connection that a kernel forwards. */
export interface IpvsEntry {
  readonly protocol: string;
  readonly state: string;
  /** ADDRESS:PORT of the client, of the virtual service and of the destination. */
  readonly client: string;
  readonly virtual: string;
  readonly destination: string;
}

/** The connections that the kernel of the namespace `node` forwards, whatever their state. */
export async function ipvsEntries(node: string): Promise<IpvsEntry[]> {
  return parseEntries(await runOrThrow("ip", ["netns", "exec", node, "ipvsadm", "-Lnc"]));
}

/** The rows of an answer to `ipvsadm -Lnc`. */
export function parseEntries(text: string): IpvsEntry[] {
  return text.split("\n").flatMap((line) => {
    const [protocol = "", , state = "", client = "", virtual = "", destination = ""] = line.trim().split(
      /\s+/,
    );
    return /^(TCP|UDP|SCTP)$/.test(protocol) ? [{ protocol, state, client, virtual, destination }] : [];
  });
}

/** Connections that each virtual service has counted since it exists, by `ADDRESS:PORT`. */
export async function ipvsConnections(node: string): Promise<ReadonlyMap<string, number>> {
  const args = ["netns", "exec", node, "ipvsadm", "-Ln", "--stats", "--exact"];
  return parseConnections(await runOrThrow("ip", args));
}

/** The `Conns` column of virtual services in an answer to `ipvsadm -Ln --stats --exact`. */
export function parseConnections(text: string): ReadonlyMap<string, number> {
  const rows = [...text.matchAll(/^(?:TCP|UDP|SCTP)\s+(\S+)\s+(\d+)/gm)];
  return new Map(rows.map(([, service = "", count]) => [service, Number(count)]));
}
