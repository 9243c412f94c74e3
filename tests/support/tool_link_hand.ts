/** The hand of somebody else on the interfaces of a real host, by iproute2. Only for a host that is there for the test. */
import type { AddressOptions, LinkHand, WholeLinkView } from "./link_hand.ts";
import { run, runOrThrow } from "./process.ts";

interface IpAddress {
  readonly family: string;
  readonly local: string;
  readonly address?: string;
  readonly prefixlen: number;
  readonly broadcast?: string;
  readonly scope: string;
  readonly deprecated?: boolean;
  readonly nodad?: boolean;
  readonly tentative?: boolean;
  readonly dadfailed?: boolean;
}

interface IpLink {
  readonly ifindex: number;
  readonly ifalias?: string;
  readonly group: string;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly mtu: number;
  readonly addr_info: readonly IpAddress[];
}

/** Uses `ip`, and sysctls by their files. */
export class ToolLinkHand implements LinkHand {
  async view(name: string): Promise<WholeLinkView> {
    const [link]: readonly IpLink[] = JSON.parse(
      await runOrThrow("ip", ["-d", "-N", "-j", "addr", "show", name]),
    );
    if (link === undefined) throw new Error(`no interface ${name}`);
    return {
      index: link.ifindex,
      alias: link.ifalias,
      group: link.group === "default" ? 0 : Number(link.group),
      up: link.flags.includes("UP"),
      carrier: !link.flags.includes("NO-CARRIER"),
      master: link.master,
      mtu: link.mtu,
      ipv6: (await run("cat", [disableIpv6(name)])).stdout.trim() === "0",
      addresses: link.addr_info.map(addressText).filter((text) => !text.startsWith("fe80:")).sort(),
      localRoutes: [...await localRoutes(name, "-4"), ...await localRoutes(name, "-6")].sort(),
    };
  }

  async addDummy(name: string, group: number): Promise<void> {
    await runOrThrow("ip", ["link", "add", name, "group", `${group}`, "type", "dummy"]);
  }

  async enslave(name: string, kind: "vrf" | "bridge"): Promise<AsyncDisposable> {
    const master = `${kind}9`;
    await runOrThrow("ip", ["link", "add", master, "type", kind, ...kind === "vrf" ? ["table", "99"] : []]);
    await runOrThrow("ip", ["link", "set", master, "up"]);
    await runOrThrow("ip", ["link", "set", name, "master", master]);
    return { [Symbol.asyncDispose]: async () => void await run("ip", ["link", "delete", master]) };
  }

  async setMtu(name: string, mtu: number): Promise<void> {
    await runOrThrow("ip", ["link", "set", name, "mtu", `${mtu}`]);
  }

  async setCarrier(name: string, on: boolean): Promise<void> {
    await runOrThrow("ip", ["link", "set", name, "carrier", on ? "on" : "off"]);
  }

  async setIpv6(name: string, on: boolean): Promise<void> {
    await runOrThrow("sh", ["-c", `echo ${on ? 0 : 1} > ${disableIpv6(name)}`]);
  }

  async setIpv6Default(on: boolean): Promise<void> {
    await this.setIpv6("default", on);
  }

  async addAddress(name: string, address: string, options: AddressOptions = {}): Promise<void> {
    const { scope, broadcast, peer } = options;
    const [local = "", length = ""] = address.split("/");
    await runOrThrow("ip", [
      ...["address", "add"],
      ...peer === undefined ? [address] : [local, "peer", `${peer}/${length}`],
      ...broadcast === undefined ? [] : ["broadcast", broadcast],
      ...scope === undefined ? [] : ["scope", scope],
      ...["dev", name],
    ]);
  }

  async deleteAddress(name: string, address: string): Promise<void> {
    await runOrThrow("ip", ["address", "delete", address, "dev", name]);
  }

  async deleteLocalRoute(name: string, address: string): Promise<void> {
    const family = address.includes(":") ? "-6" : "-4";
    await runOrThrow("ip", [family, "route", "delete", "local", address, "table", "local", "dev", name]);
  }

  async blackhole(address: string): Promise<AsyncDisposable> {
    await runOrThrow("ip", ["route", "replace", "blackhole", address, "table", "local", "scope", "host"]);
    return {
      [Symbol.asyncDispose]: async () => {
        await runOrThrow("ip", ["route", "delete", "blackhole", address, "table", "local"]);
      },
    };
  }
}

function disableIpv6(name: string): string {
  return `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
}

function addressText(
  { family, local, address, prefixlen, broadcast, scope, deprecated, nodad, tentative, dadfailed }: IpAddress,
): string {
  // Numbers (ip -N) where this program does not know a name.
  const scopes: Readonly<Record<string, string>> = { "0": "global", "253": "link", "254": "host" };
  return [
    `${local}/${prefixlen}`,
    address === undefined ? "" : ` peer ${address}`,
    broadcast === undefined ? "" : ` brd ${broadcast}`,
    // An IPv6 address has the scope of its kind.
    family === "inet" ? ` ${scopes[scope] ?? scope}` : "",
    deprecated === true ? " deprecated" : "",
    nodad === true ? " nodad" : "",
    tentative === true ? " tentative" : "",
    dadfailed === true ? " dadfailed" : "",
  ].join("");
}

async function localRoutes(name: string, family: "-4" | "-6"): Promise<readonly string[]> {
  const args = [family, "-j", "route", "show", "table", "local", "type", "local", "dev", name];
  const routes: readonly { readonly dst: string }[] = JSON.parse(await runOrThrow("ip", args) || "[]");
  return routes.map(({ dst }) => dst).filter((dst) => !dst.startsWith("fe80:"));
}
