/** Values that take a while to build and never change: built when they are first asked for, not when they are imported. */

/** What `build` returns, built once. */
export function lazily<T>(build: () => T): () => T {
  let built: { readonly value: T } | undefined;
  return () => (built ??= { value: build() }).value;
}
