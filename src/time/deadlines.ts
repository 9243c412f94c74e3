/**
 * When each of many wants to be called: the first of all is known without a look at the others, so that one more or less
 * among thousands costs next to nothing. A binary heap; what is in it and counts no more is dropped when its turn comes.
 */

interface Due {
  readonly key: string;
  readonly atMs: number;
  /** Of several at one time the one that was set first is the first. */
  readonly order: number;
}

/** So many that count no more are kept at most, beside as many as do. */
const SPARE = 64;

/** Deadlines by key. */
export class Deadlines {
  readonly #atMs = new Map<string, number>();
  /** No one is due before the one at half its place. */
  #heap: Due[] = [];
  #order = 0;

  /** The first of all; Infinity: there is none. */
  get nextMs(): number {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#counts(first)) return first.atMs;
      this.#drop();
    }
    return Infinity;
  }

  /** From now on `key` is due at `atMs`, and at no other time; Infinity: never. */
  set(key: string, atMs: number): void {
    if ((this.#atMs.get(key) ?? Infinity) === atMs) return;
    if (atMs === Infinity) return void this.#atMs.delete(key);
    this.#atMs.set(key, atMs);
    this.#add({ key, atMs, order: this.#order++ });
    if (this.#heap.length > 2 * this.#atMs.size + SPARE) this.#rebuild();
  }

  /** Those that are due at `nowMs`, each once: they have no deadline any more. */
  take(nowMs: number): readonly string[] {
    const due: string[] = [];
    while (this.nextMs <= nowMs) {
      const first = this.#drop();
      if (first === undefined) break;
      this.#atMs.delete(first.key);
      due.push(first.key);
    }
    return due;
  }

  #counts({ key, atMs }: Due): boolean {
    return this.#atMs.get(key) === atMs;
  }

  #rebuild(): void {
    const counting = new Map(this.#heap.filter((due) => this.#counts(due)).map((due) => [due.key, due]));
    this.#heap = [];
    for (const due of counting.values()) this.#add(due);
  }

  #add(due: Due): void {
    const heap = this.#heap;
    let place = heap.push(due) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = heap[above];
      if (other === undefined || isBefore(other, due)) break;
      heap[place] = other;
      place = above;
    }
    heap[place] = due;
  }

  #drop(): Due | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below++;
      const least = heap[below] ?? left;
      if (isBefore(last, least)) break;
      heap[place] = least;
      place = below;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
