/** What a scrape asks: the status, the metrics that go by it, and the kernel for what goes through IPVS. */
import type { Exposition } from "../http/exposition.ts";
import type { Metrics } from "../http/metrics.ts";
import type { Traffic } from "../kernel/kernel.ts";
import type { Status } from "../status/status.ts";
import type { Loop } from "../time/loop.ts";
import type { Clock } from "../time/clock.ts";
import { Slices } from "../time/slices.ts";
import { Liveness } from "./liveness.ts";
import { within } from "./within.ts";

/** A scrape goes without what the kernel does not tell by then. */
const TRAFFIC_LIMIT_MS = 1000;

/** The agent that is scraped. */
export interface Scraped {
  statusInSlices(): Promise<Status>;
  /** Everything that goes on by itself. */
  loops(): readonly Loop[];
}

/** What its metrics are made of. */
export interface ScrapeParts {
  readonly metrics: Metrics;
  readonly clock: Clock;
  traffic(): Promise<readonly Traffic[]>;
}

/** Answers scrapes. */
export class Scrapes {
  readonly #liveness = new Liveness();
  readonly #scraped: Scraped;
  readonly #parts: ScrapeParts;

  constructor(scraped: Scraped, parts: ScrapeParts) {
    this.#scraped = scraped;
    this.#parts = parts;
  }

  /** The text of all metrics. A kernel that fails or hangs keeps nobody from all the rest. */
  async answer(): Promise<Exposition> {
    const { metrics, clock } = this.#parts;
    const traffic = await within(this.#parts.traffic(), clock, TRAFFIC_LIMIT_MS).catch(() => []) ?? [];
    const standing = this.#liveness.look(this.#scraped.loops(), clock.now()).length;
    return await metrics.render(
      await this.#scraped.statusInSlices(),
      { traffic, standing },
      new Slices(clock),
    );
  }
}
