/**
 * What somebody else has taken away of interfaces, addresses and routes is back at once, whatever somebody fights over
 * meanwhile: the kernel tells of it.
 */
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { Inspector, View } from "./inspector.ts";

/** Notifications that come closely are answered together; that is how long the answer takes then. */
const AT_ONCE_MS = 100;
/** A process that has just begun has other things to do. */
const BEGUN_MS = 1000;

/** What repairs are judged by. */
export interface RepairPorts {
  readonly clock: VirtualClock;
  readonly view: View;
  readonly inspector: Inspector;
  /** An agent runs, and is not about to end. */
  isRunning(): boolean;
  isFoughtOver(address: string): boolean;
}

/** Judges repairs. */
export class Repairs {
  readonly #ports: RepairPorts;
  /** How often somebody took something away. */
  #count = 0;

  constructor(ports: RepairPorts) {
    this.#ports = ports;
  }

  /** Somebody has just meddled. What an address lacks since then is there soon. */
  expect(): void {
    const { clock, view, inspector, isFoughtOver } = this.#ports;
    const { process, configuredMs, nowMs } = view;
    const count = ++this.#count;
    const hurt = inspector.hurtNow.filter((text) => this.#isOfLink(text) && !isFoughtOver(text));
    if (!this.#isCalm() || nowMs < configuredMs + BEGUN_MS || hurt.length === 0) return;
    clock.at(nowMs + AT_ONCE_MS, () => {
      const isSame = view.process === process && view.configuredMs === configuredMs && this.#count === count;
      if (!isSame || !this.#isCalm()) return;
      for (const text of hurt.filter((each) => !isFoughtOver(each))) {
        const lack = this.#isOfLink(text) ? view.kernel.lack(view.config, text) : undefined;
        inspector.judge("repaired at once", lack && `${text} after ${AT_ONCE_MS} ms: ${lack}`);
      }
    });
  }

  #isOfLink(text: string): boolean {
    const { kernel, config } = this.#ports.view;
    return /interface|address/.test(kernel.lack(config, text) ?? "");
  }

  #isCalm(): boolean {
    const { view: { process }, inspector, isRunning } = this.#ports;
    return isRunning() && process?.stalled === false && inspector.isKernelWell;
  }
}
