/**
 * Who it may be that changes an object of ours. Of IPv4 addresses the kernel tells the netlink port of whoever asked for a
 * change, which mostly is the number of its process; of IPVS it tells nothing, and there it may be one of the known programs
 * that runs now.
 */
import { type Clock, sleep } from "../time/clock.ts";
import { type KernelObject, objectText } from "./kernel_object.ts";

/** The processes of this host. None of it throws; what cannot be known is undefined, or none. */
export interface Processes {
  /** The name of a process (/proc/PID/comm). */
  name(pid: number): string | undefined;
  /** The numbers of those that run. */
  pids(): readonly number[];
}

/** What it needs. */
export interface SuspectsOptions {
  readonly processes: Processes;
  readonly clock: Clock;
  /** Of this process, which is none. */
  readonly pid: number;
}

/** Programs that change IPVS. */
const IPVS_TOOLS: ReadonlySet<string> = new Set([
  "cilium-agent",
  "dockerd",
  "ipvsadm",
  "keepalived",
  "kube-proxy",
  "kube-router",
  "ldirectord",
  "seesaw_ncc",
]);
/** They are looked for once in this time, so many processes in a turn, and no more than this. */
const LOOK_MS = 30_000;
const SLICE = 32;
const MAX_PROCESSES = 8_192;
/** Objects of which is known who changed them. */
const MAX_NOTES = 1_024;

/** What is known of who changes what. */
export class Suspects {
  readonly #options: SuspectsOptions;
  /** In words, by `objectText`. */
  readonly #notes = new Map<string, string>();
  #tools: readonly string[] = [];
  #lookedMs = -Infinity;

  constructor(options: SuspectsOptions) {
    this.#options = options;
  }

  /**
   * Somebody with this netlink port has changed an object (by `objectText`). 0 tells nothing: the kernel says so of what it
   * does itself, and of every link and IPv6 address, whoever asked for it.
   */
  note(object: string, port: number): void {
    if (
      port === 0 || port === this.#options.pid || this.#notes.size >= MAX_NOTES || this.#notes.has(object)
    ) return;
    this.#notes.set(object, this.#wordsOf(port));
  }

  /** The notes are of one pass. */
  forget(): void {
    this.#notes.clear();
  }

  /** Who it may be, in words; undefined: that cannot be known. */
  of(object: KernelObject): string | undefined {
    if (object.virtualService === undefined) return this.#notes.get(objectText(object));
    return this.#tools.length === 0 ? undefined : `${this.#tools.join(" or ")}, which runs on this host`;
  }

  /** Finds out which programs run that may have changed IPVS. */
  lookForTools(): void {
    const { clock } = this.#options;
    if (clock.now() < this.#lookedMs + LOOK_MS) return;
    this.#lookedMs = clock.now();
    void this.#look();
  }

  async #look(): Promise<void> {
    const { processes, clock, pid: own } = this.#options;
    const pids = processes.pids().slice(0, MAX_PROCESSES);
    const tools: string[] = [];
    for (const [index, pid] of pids.entries()) {
      if (index % SLICE === SLICE - 1) await sleep(clock);
      const name = pid === own ? undefined : processes.name(pid);
      if (name !== undefined && IPVS_TOOLS.has(name)) tools.push(`${name} (process ${pid})`);
    }
    this.#tools = tools.slice(0, 5);
  }

  #wordsOf(port: number): string {
    const name = this.#options.processes.name(port);
    return name === undefined
      ? `a program that has ended, or whose process number is not its netlink port ${port}`
      : `${name} (process ${port})`;
  }
}
