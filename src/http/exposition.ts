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

/** The text of all families, one after the other, and its media type. */
export async function exposition(
  families: readonly MetricFamily[],
): Promise<{ readonly contentType: string; readonly body: string }> {
  const registry: PrometheusRegistry & Registrable = new Registry();
  for (const { name, help, type, samples } of families) {
    const values = samples.map(({ labels, value, suffix = "" }) => ({
      labels,
      value,
      metricName: name + suffix,
    }));
    registry.registerMetric({ name, get: () => Promise.resolve({ name, help, type, values }) });
  }
  return { contentType: registry.contentType, body: await registry.metrics() };
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
