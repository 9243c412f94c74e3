/** What is looked at all along: kernels, processes, requests; and what must never be, such as an agent that ends by itself. */
import { run } from "../../support/process.ts";
import type { Host } from "../host.ts";
import { pause } from "./agent_surface.ts";
import type { Scene } from "./scene.ts";

const KERNEL_EVERY_MS = 1_500;
const PROCESS_EVERY_MS = 5_000;
const REQUESTS_EVERY_MS = 5_000;
/** Beside the fast interval, so that they do not fall into the same moment of it; enough for a machine that is busy otherwise. */
const CALM_LOOKS = 16;
const CALM_EVERY_MS = 310;

/** Looks on until it is disposed. What a look throws is thrown then. */
export class Watches implements AsyncDisposable {
  readonly #over = new AbortController();
  readonly #going: readonly Promise<void>[];

  constructor(readonly scene: Scene) {
    this.#going = [
      this.#again(KERNEL_EVERY_MS, async () => {
        for (const host of scene.hosts) scene.notes.kernels.push(await scene.look(host));
      }),
      this.#again(PROCESS_EVERY_MS, () => this.processes()),
      this.#again(REQUESTS_EVERY_MS, () => this.requests()),
    ];
  }

  async #again(everyMs: number, look: () => Promise<void>): Promise<void> {
    while (!this.#over.signal.aborted) {
      await look();
      await pause(everyMs, this.#over.signal);
    }
  }

  /** Every agent's process now. */
  async processes(): Promise<void> {
    for (const host of this.scene.hosts) {
      const figures = host.agentRunning ? await figuresOf(host) : undefined;
      if (figures !== undefined) {
        this.scene.notes.processes.push({ atMs: Date.now(), host: host.name, calm: false, ...figures });
      }
    }
  }

  /** The same while nothing is going on: the least of some looks, as probes come and go. */
  async calmProcesses(): Promise<void> {
    await Promise.all(this.scene.hosts.map(async (host) => {
      const looks: Figures[] = [];
      for (let count = 0; count < CALM_LOOKS && host.agentRunning; count++) {
        const figures = await figuresOf(host);
        if (figures !== undefined) looks.push(figures);
        await pause(CALM_EVERY_MS, this.#over.signal);
      }
      const [first] = looks;
      if (first === undefined) return;
      const least = (of: (look: Figures) => number) => Math.min(...looks.map(of));
      this.scene.notes.processes.push({
        ...{ atMs: Date.now(), host: host.name, calm: true, pid: first.pid },
        residentKiB: least(({ residentKiB }) => residentKiB),
        descriptors: least(({ descriptors }) => descriptors),
        children: least(({ children }) => children),
      });
    }));
  }

  /** Takes what has come of the client's requests. */
  async requests(): Promise<void> {
    this.scene.notes.requests.push(...await this.scene.client.taken());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#going);
  }
}

/** What an agent has open, in words: its connections, each kind of the rest with its number. */
export async function openOf({ name, agentPid: pid }: Host): Promise<string[]> {
  try {
    const kinds = [...Deno.readDirSync(`/proc/${pid}/fd`)].map((each) =>
      Deno.readLinkSync(`/proc/${pid}/fd/${each.name}`).replace(/:?\[\d+\]$/, "")
    );
    const counts = [...Map.groupBy(kinds, (kind) => kind)].map(([kind, all]) => `${kind} ${all.length}`);
    const sockets = await run("ip", ["netns", "exec", name, "ss", "-Htuanp"]);
    const own = sockets.stdout.split("\n").filter((line) => line.includes(`pid=${pid},`));
    return [`open: ${counts.join(", ")}`, ...own.map((line) => line.replace(/\s+/g, " "))]
      .map((line) => `${name}: ${line}`);
  } catch {
    return [];
  }
}

interface Figures {
  readonly pid: number;
  readonly residentKiB: number;
  readonly descriptors: number;
  readonly children: number;
}

/** Undefined: it has just ended. */
async function figuresOf({ agentPid: pid }: Host): Promise<Figures | undefined> {
  if (pid === undefined) return undefined;
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const residentKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? NaN);
    if (Number.isNaN(residentKiB)) return undefined;
    const descriptors = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    return { pid, residentKiB, descriptors, children: childrenOf(pid) };
  } catch {
    return undefined;
  }
}

/** Those that have ended and were not waited for, too. */
function childrenOf(pid: number): number {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).filter(({ name }) => {
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid;
    } catch {
      return false;
    }
  }).length;
}
