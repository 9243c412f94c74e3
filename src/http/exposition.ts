/**
 * The Prometheus text exposition format 0.0.4: families of samples to text. Pure. By hand, as the library that is usual for
 * it loads half of node: (an HTTP server, a cluster, zlib) to write these lines.
 */

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

/** The media type of `exposition`. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The text of all families, one after the other. */
export function exposition(families: readonly MetricFamily[]): string {
  return families.map(familyText).join("\n");
}

function familyText({ name, help, type, samples }: MetricFamily): string {
  const lines = samples.map(({ suffix = "", labels, value }) =>
    `${name}${suffix}${labelsText(labels)} ${numberText(value)}\n`
  );
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelsText(labels: Sample["labels"]): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${escaped(value).replaceAll('"', '\\"')}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** As Go reads it, which has another word for infinity. */
function numberText(value: number): string {
  return String(value).replace("Infinity", "Inf").replace(/^Inf/, "+Inf");
}
