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

/** Whoever asks goes without what the kernel does not tell by then. */
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

  /** The text of all metrics. */
  async answer(): Promise<Exposition> {
    const { metrics, clock } = this.#parts;
    const traffic = await this.#parts.traffic();
    const standing = this.#liveness.look(this.#scraped.loops(), clock.now()).length;
    const status = await this.#scraped.statusInSlices();
    return await metrics.render(status, { traffic, standing }, new Slices(clock));
  }
}

/** What goes through IPVS; nothing where the kernel fails or hangs, which keeps nobody from all the rest. */
export async function toldTraffic(
  read: () => Promise<readonly Traffic[]>,
  clock: Clock,
): Promise<readonly Traffic[]> {
  return await within(read(), clock, TRAFFIC_LIMIT_MS).catch(() => []) ?? [];
}
