/** What a scrape asks: the status, the metrics that go by it, and the kernel for what goes through IPVS. */
import type { Exposition } from "../http/exposition.ts";
import type { Metrics } from "../http/metrics.ts";
import type { Traffic } from "../kernel/kernel.ts";
import type { Status } from "../status/status.ts";
import type { Clock } from "../time/clock.ts";
import { Slices } from "../time/slices.ts";
import { within } from "./within.ts";

/** Whoever asks goes without what the kernel does not tell by then. */
const TRAFFIC_LIMIT_MS = 1000;

/** What is scraped. */
export interface Scraped {
  readonly metrics: Metrics;
  readonly clock: Clock;
  status(): Promise<Status>;
  traffic(): Promise<readonly Traffic[]>;
}

/** The text of all metrics. */
export async function scrape({ metrics, clock, status, traffic }: Scraped): Promise<Exposition> {
  const told = await traffic();
  return await metrics.render(await status(), told, new Slices(clock));
}

/** What goes through IPVS; nothing where the kernel fails or hangs. */
export async function toldTraffic(
  read: () => Promise<readonly Traffic[]>,
  clock: Clock,
): Promise<readonly Traffic[]> {
  return await within(read(), clock, TRAFFIC_LIMIT_MS).catch(() => []) ?? [];
}
