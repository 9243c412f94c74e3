/**
 * Families of samples as the text that Prometheus reads. The client library writes it; of that only the registry is taken,
 * for what its other parts load (an HTTP server, a cluster, zlib) would cost more than all else at start.
 */
import type { Registry as PrometheusRegistry } from "prom-client";
import Registry from "prom-client/lib/registry.js";
import { concat } from "../bytes/concat.ts";

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
  readonly samples: Iterable<Sample>;
}

/** So many samples are made and written at once: well below a millisecond. */
const SAMPLES_AT_ONCE = 100;

/** Says when others are to run: what is to be waited for before the next samples; undefined: nothing, as yet. */
export interface Pauses {
  pause(): Promise<void> | undefined;
}

/** A text and its media type. */
export interface Exposition {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * The text of all families, one after the other, in UTF-8. Where there is much to write, others run in between,
 * as `pauses` says; a family is asked for when it is written.
 */
export async function exposition(
  families: Iterable<MetricFamily>,
  pauses: Pauses,
): Promise<Exposition> {
  // As octets at once: a text that lives for some turns grows old, and what grew old is collected in one long piece.
  const encoder = new TextEncoder();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const { samples, ...family } of families) {
    const rest = Iterator.from(samples);
    let part: readonly Sample[];
    let isFirst = true;
    do {
      part = upTo(SAMPLES_AT_ONCE, rest);
      const text = isFirst || part.length > 0 ? await textOf({ ...family, samples: part }) : "";
      const lines = isFirst ? `${parts.length === 0 ? "" : "\n"}${text}` : text.replace(HEAD, "");
      parts.push(encoder.encode(lines));
      isFirst = false;
      const pause = pauses.pause();
      if (pause !== undefined) await pause;
    } while (part.length === SAMPLES_AT_ONCE);
  }
  return { contentType: new Registry().contentType, body: concat(parts) };
}

/** What stands before the samples of a family: its help and its type. */
const HEAD = /^(#.*\n)+/;

function upTo(count: number, samples: Iterator<Sample>): readonly Sample[] {
  const part: Sample[] = [];
  while (part.length < count) {
    const next = samples.next();
    if (next.done === true) break;
    part.push(next.value);
  }
  return part;
}

async function textOf(
  { name, help, type, samples }: MetricFamily & { readonly samples: readonly Sample[] },
): Promise<string> {
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
