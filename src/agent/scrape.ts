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

/** What is scraped. */
export interface Scraped {
  readonly metrics: Metrics;
  readonly clock: Clock;
  status(): Promise<Status>;
  traffic(): Promise<readonly Traffic[]>;
  /** Everything that goes on by itself. */
  loops(): readonly Loop[];
}

/** Answers scrapes. */
export class Scrapes {
  readonly #liveness = new Liveness();
  readonly #scraped: Scraped;

  constructor(scraped: Scraped) {
    this.#scraped = scraped;
  }

  /** The text of all metrics. A kernel that fails or hangs keeps nobody from all the rest. */
  async answer(): Promise<Exposition> {
    const { metrics, clock, status, traffic: ask, loops } = this.#scraped;
    const traffic = await within(ask(), clock, TRAFFIC_LIMIT_MS).catch(() => []) ?? [];
    const standing = this.#liveness.look(loops(), clock.now()).length;
    return await metrics.render(await status(), { traffic, standing }, new Slices(clock));
  }
}
