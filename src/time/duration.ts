/** Durations as people write them: `500ms`, `1m30s`, `2h`, or a number of seconds. Pure. */

/** `500ms`, `3s`, `2m`, `1h`, or a number of seconds, in milliseconds; undefined for anything else. */
export function parseDuration(text: string | number): number | undefined {
  const match = /^([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h)?$/.exec(String(text));
  if (match === null) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? "s"];
  return unit === undefined ? undefined : Math.round(Number(match[1]) * unit * 1000) / 1000;
}

/** The shortest text that `parseDuration` reads back as `ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0 && ms > 60_000) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
