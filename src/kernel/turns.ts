/** Works that may not overlap, one after the other in the order in which they were asked for. */

/** A row of them. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** What `work` comes to, once everything before it has ended, well or not. */
  take<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
