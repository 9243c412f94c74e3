/** The hand of somebody else on a real host, by iproute2 and ipvsadm. Only for a host that is there for the test. */
import type { ForeignHand, HostView } from "./host_view.ts";
import { eventually, PATIENCE_MS } from "./until.ts";

interface IpAddress {
  readonly local?: string;
  readonly prefixlen?: number;
  readonly deprecated?: boolean;
  readonly valid_life_time?: number;
}

interface IpLink {
  readonly ifname: string;
  readonly ifindex: number;
  readonly ifalias?: string;
  readonly flags: readonly string[];
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info: readonly IpAddress[];
}

/** Uses the tools that people use. */
export class ToolHand implements ForeignHand {
  /**
   * Removes every dummy interface and every virtual service.
   * @throws where there is any other interface than loopback: that is no host made for tests
   */
  async clear(): Promise<void> {
    const { links } = await this.view();
    const others = links.filter(({ kind }) => kind !== "dummy").map(({ name }) => name);
    if (others.length > 0) throw new Error(`this host was not made for tests: it has ${others.join(", ")}`);
    for (const { name } of links) await this.deleteLink(name);
    await this.ipvsadm("-C");
  }

  async view(): Promise<HostView> {
    const parsed: readonly IpLink[] = JSON.parse(await run("ip", ["-d", "-j", "addr", "show"]));
    const links = parsed.filter(({ ifname }) => ifname !== "lo").map((link) => ({
      name: link.ifname,
      index: link.ifindex,
      kind: link.linkinfo?.info_kind,
      alias: link.ifalias,
      up: link.flags.includes("UP"),
      addresses: link.addr_info.map(addressText).filter((text) => !text.startsWith("fe80:")).sort(),
    }));
    const ipvs = (await run("ipvsadm", ["-Sn"])).split("\n").map((line) =>
      line.replace(" --tun-type ipip", "").trim()
    );
    return {
      links: links.sort((a, b) => a.name < b.name ? -1 : 1),
      ipvs: ipvs.filter((line) => line !== "").sort(),
    };
  }

  async thresholds(): Promise<readonly string[]> {
    const lines = (await run("ipvsadm", ["-Ln", "--thresholds"])).split("\n");
    return lines.flatMap((line) => {
      const [, endpoint, upper, lower] = /^ {2}-> (\S+) +(\d+) +(\d+) +\d+ +\d+ *$/.exec(line) ?? [];
      return endpoint === undefined || (upper === "0" && lower === "0")
        ? []
        : [`${endpoint} ${upper} ${lower}`];
    }).sort();
  }

  async syncDaemon(start: boolean): Promise<void> {
    const args = start
      ? ["--start-daemon", "master", "--mcast-interface", "lo"]
      : ["--stop-daemon", "master"];
    await this.ipvsadm(...args);
  }

  /** The kernel adds up what its processors counted every two seconds. */
  async use(address: string, port: number): Promise<void> {
    const before = (await this.counters()).join();
    await run("bash", ["-c", `echo >/dev/udp/${address}/${port}`]);
    const isCounted = (counters: readonly string[]) => counters.join() !== before;
    await eventually(() => this.counters(), isCounted, "the kernel counts a datagram", PATIENCE_MS, 200);
  }

  async counters(): Promise<readonly string[]> {
    const lines = (await run("ipvsadm", ["-Ln", "--stats", "--exact"])).split("\n").slice(3);
    return lines.map((line) => line.trim().replaceAll(/ +/g, " ")).filter((line) => line !== "");
  }

  async addLink(name: string, kind: string, alias?: string): Promise<void> {
    await run("ip", ["link", "add", "dev", name, "type", kind]);
    if (alias !== undefined) await this.setAlias(name, alias);
  }

  async deleteLink(name: string): Promise<void> {
    await run("ip", ["link", "delete", "dev", name]);
  }

  async setDown(name: string): Promise<void> {
    await run("ip", ["link", "set", "dev", name, "down"]);
  }

  async setAlias(name: string, alias: string): Promise<void> {
    await run("ip", ["link", "set", "dev", name, "alias", alias]);
  }

  async addAddress(name: string, address: string): Promise<void> {
    await run("ip", ["address", "add", address, "dev", name]);
  }

  async endAddress(name: string, address: string): Promise<void> {
    const lifetimes = ["valid_lft", "1000", "preferred_lft", "0"];
    await run("ip", ["address", "change", address, "dev", name, ...lifetimes]);
  }

  async deleteAddress(name: string, address: string): Promise<void> {
    await run("ip", ["address", "delete", address, "dev", name]);
  }

  async ipvsadm(...args: readonly string[]): Promise<void> {
    await run("ipvsadm", args);
  }
}

function addressText({ local, prefixlen, deprecated, valid_life_time }: IpAddress): string {
  const forEver = valid_life_time === 0xffff_ffff ? "" : " ends";
  return `${local}/${prefixlen}${deprecated === true ? " deprecated" : ""}${forEver}`;
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
