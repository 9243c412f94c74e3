/** What of a mapping is there. */

/** Without the keys that are not set. Of many destinations each is one of these, so it is plain and fast. */
export function given(entries: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const kept: Record<string, unknown> = {};
  for (const key in entries) if (entries[key] !== undefined) kept[key] = entries[key];
  return kept;
}
