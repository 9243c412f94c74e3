/** Arithmetic of times: union, difference, and how long something was so at a stretch. Pure. */
import type { Span } from "./observed.ts";

/** The same times, in order, where none touches another. */
export function union(spans: readonly Span[]): Span[] {
  const joined: { fromMs: number; untilMs: number }[] = [];
  for (const { fromMs, untilMs } of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (untilMs <= fromMs) continue;
    if (last !== undefined && fromMs <= last.untilMs) last.untilMs = Math.max(last.untilMs, untilMs);
    else joined.push({ fromMs, untilMs });
  }
  return joined;
}

/** What of `spans` is in none of `others`. */
export function without(spans: readonly Span[], others: readonly Span[]): Span[] {
  let left = union(spans);
  for (const other of union(others)) {
    left = left.flatMap(({ fromMs, untilMs }) =>
      [
        { fromMs, untilMs: Math.min(untilMs, other.fromMs) },
        { fromMs: Math.max(fromMs, other.untilMs), untilMs },
      ].filter((span) => span.untilMs > span.fromMs)
    );
  }
  return left;
}

/** What is in some of `spans` and in some of `others`. */
export function common(spans: readonly Span[], others: readonly Span[]): Span[] {
  return without(spans, without([{ fromMs: -Infinity, untilMs: Infinity }], others));
}

/** The same times, each longer by so much at its end, and earlier at its beginning. */
export function stretched<S extends Span>(spans: readonly S[], byMs: number, earlierMs = 0): S[] {
  return spans.map((span) => ({
    ...span,
    fromMs: span.fromMs - earlierMs,
    untilMs: span.untilMs + byMs,
  }));
}

/** Milliseconds in all. */
export function total(spans: readonly Span[]): number {
  return union(spans).reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0);
}

/** Is that moment in one of them? */
export function covers(spans: readonly Span[], atMs: number): boolean {
  return spans.some(({ fromMs, untilMs }) => fromMs <= atMs && atMs <= untilMs);
}

/** When a thing that changes was as `holds` wants it; each value counts from its moment to the next one's. */
export function spansWhere<T extends { readonly atMs: number }>(
  changes: readonly T[],
  untilMs: number,
  holds: (value: T) => boolean,
): Span[] {
  return union(
    changes.flatMap((change, index) =>
      holds(change)
        ? [{ fromMs: change.atMs, untilMs: Math.min(untilMs, changes[index + 1]?.atMs ?? untilMs) }]
        : []
    ),
  );
}
