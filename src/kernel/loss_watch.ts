/** Tells in the same turn that a way from this host is lost. */
import { HostWatch, type HostWatchPorts } from "./host_watch.ts";
import { WaysOut } from "./ways_out.ts";

/** What it stands on. */
export interface LossWatchOptions extends HostWatchPorts {
  /** Something was lost, or may have been, as the kernel could not tell all of it; once for what is heard together. */
  readonly onLoss: () => void;
}

/** Watches until it is disposed. Nothing of it throws. */
export class LossWatch implements Disposable {
  readonly #watch: HostWatch;

  constructor({ onLoss, ...ports }: LossWatchOptions) {
    const table = new WaysOut();
    this.#watch = new HostWatch({ ...ports, table, what: "ways out", onNews: onLoss, onRead: () => {} });
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}
