/** A real server of the lab: its network, its application, and what it counts. */
import { runOrThrow } from "../support/process.ts";
import { ApplicationProcess } from "./application_process.ts";
import {
  countersOf,
  counterTable,
  parseCounters,
  planeServices,
  serverBatch,
  serverBatch6,
  serverSysctls,
} from "./data_plane.ts";
import type { Wrap } from "./router.ts";
import { addressesOf, type ServerNode } from "./topology.ts";

const PORT = 8080;

/** One real server, with its application. */
export class RealServer implements AsyncDisposable {
  readonly application: ApplicationProcess;

  constructor(readonly node: ServerNode, wrap: Wrap) {
    const others = planeServices.filter(({ way }) => way !== "masq").flatMap(addressesOf);
    const addresses = [...addressesOf(node), ...others];
    this.application = new ApplicationProcess(wrap, node.name, "::", PORT, addresses);
  }

  get name(): string {
    return this.node.name;
  }

  /** Prepares its network, and starts its application. */
  async start(): Promise<void> {
    const { name } = this.node;
    await runOrThrow("ip", ["-n", name, "-batch", "-"], lines(serverBatch(this.node)));
    await runOrThrow("ip", ["-n", name, "-6", "-batch", "-"], lines(serverBatch6(this.node)));
    await writeSysctls(name, serverSysctls);
    const counters = countersOf(this.node);
    await restoreTables(name, (family) => counterTable(counters, family));
    await this.application.start();
  }

  /** Packets so far, by counter. */
  async counters(): Promise<ReadonlyMap<string, number>> {
    const script = "iptables-legacy-save -c -t mangle; ip6tables-legacy-save -c -t mangle";
    return parseCounters(await runOrThrow("ip", ["netns", "exec", this.name, "sh", "-c", script]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.application[Symbol.asyncDispose]();
  }
}

/** Gives a node's packet filter a table for each family. */
export async function restoreTables(
  node: string,
  table: (family: 4 | 6) => readonly string[],
): Promise<void> {
  for (
    const [restore, family] of [["iptables-legacy-restore", 4], ["ip6tables-legacy-restore", 6]] as const
  ) {
    await runOrThrow("ip", ["netns", "exec", node, restore], lines(table(family)));
  }
}

/** Writes sysctls in a node's namespace. @throws where one of them is not there */
export async function writeSysctls(node: string, values: Readonly<Record<string, string>>): Promise<void> {
  const writes = Object.entries(values).map(([name, value]) => `echo ${value} >/proc/sys/${name}`);
  await runOrThrow("ip", ["netns", "exec", node, "sh", "-ec", writes.join("\n")]);
}

function lines(all: readonly string[]): { readonly input: string } {
  return { input: all.map((line) => `${line}\n`).join("") };
}
