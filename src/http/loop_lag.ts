/** How late the event loop does what is due, as metrics: the distribution, and the worst of the last minute or two. */
import type { MetricFamily } from "./exposition.ts";
import { Histogram } from "./tally.ts";

const LAG_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** The worst is forgotten after one to two of these, whoever scrapes how often. */
const WINDOW_MS = 60_000;

/** Collects lags. */
export class LoopLagMetrics {
  readonly #histogram = new Histogram(LAG_SECONDS);
  #windowMs = 0;
  #worst = 0;
  #worstBefore = 0;

  constructor() {
    this.#histogram.begin({});
  }

  /** Counts one. */
  observe(nowMs: number, lagMs: number): void {
    this.#histogram.observe({}, lagMs / 1000);
    const windows = Math.floor((nowMs - this.#windowMs) / WINDOW_MS);
    if (windows >= 1) {
      this.#worstBefore = windows === 1 ? this.#worst : 0;
      this.#worst = 0;
      this.#windowMs += windows * WINDOW_MS;
    }
    this.#worst = Math.max(this.#worst, lagMs);
  }

  /** As of now. */
  families(): readonly MetricFamily[] {
    const worstSeconds = Math.max(this.#worst, this.#worstBefore) / 1000;
    return [
      {
        name: "bgp_lb_event_loop_lag_seconds",
        help: "How late a timer came, measured each second.",
        type: "histogram",
        samples: this.#histogram.samples(),
      },
      {
        name: "bgp_lb_event_loop_lag_max_seconds",
        help: "The worst of them in the last one to two minutes.",
        type: "gauge",
        samples: [{ labels: {}, value: worstSeconds }],
      },
    ];
  }
}
