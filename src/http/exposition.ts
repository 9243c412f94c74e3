/**
 * Families of samples as the text that Prometheus reads. The client library writes it; of that only the registry is taken,
 * for what its other parts load (an HTTP server, a cluster, zlib) would cost more than all else at start.
 */
import type { Registry as PrometheusRegistry } from "prom-client";
import Registry from "prom-client/lib/registry.js";

/** One sample. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** What the name of the family goes on with: a histogram's `_bucket`, `_sum`, `_count`. */
  readonly suffix?: string;
}

/** A family and its samples. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly samples: readonly Sample[];
}

/** So many samples are written in one turn: some milliseconds of it. */
const SAMPLES_PER_TURN = 2000;

/**
 * The text of all families, one after the other, and its media type. Where there is much to write, `pause` is called in
 * between, which comes back in a later turn; a family is asked for when it is written.
 */
export async function exposition(
  families: Iterable<MetricFamily>,
  pause: () => Promise<void>,
): Promise<{ readonly contentType: string; readonly body: string }> {
  const texts: string[] = [];
  let room = SAMPLES_PER_TURN;
  for (const { samples, ...family } of families) {
    let at = 0;
    do {
      const part = samples.slice(at, at + room);
      const text = await textOf({ ...family, samples: part });
      texts.push(at === 0 ? `${texts.length === 0 ? "" : "\n"}${text}` : text.replace(HEAD, ""));
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      await pause();
      room = SAMPLES_PER_TURN;
    } while (at < samples.length);
  }
  return { contentType: new Registry().contentType, body: texts.join("") };
}

/** What stands before the samples of a family: its help and its type. */
const HEAD = /^(#.*\n)+/;

async function textOf({ name, help, type, samples }: MetricFamily): Promise<string> {
  const registry: PrometheusRegistry & Registrable = new Registry();
  const values = samples.map(({ labels, value, suffix = "" }) => ({
    labels,
    value,
    metricName: name + suffix,
  }));
  registry.registerMetric({ name, get: () => Promise.resolve({ name, help, type, values }) });
  return await registry.metrics();
}

/** What a registry asks of a metric: its name and, at each scrape, its values. */
interface Registrable {
  registerMetric(metric: {
    readonly name: string;
    get(): Promise<{
      readonly name: string;
      readonly help: string;
      readonly type: MetricFamily["type"];
      readonly values: readonly {
        readonly labels: Sample["labels"];
        readonly value: number;
        readonly metricName: string;
      }[];
    }>;
  }): void;
}
