/** Signals from the first moment on: what comes before anybody listens waits, and the default action never kills. */

/** Catches signals as soon as it is made, and for the life of the process. */
export class SignalDesk<S extends Deno.Signal> {
  readonly #early: S[] = [];
  #callback: ((signal: S) => void) | undefined;

  constructor(signals: readonly S[]) {
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => {
        if (this.#callback === undefined) this.#early.push(signal);
        else this.#callback(signal);
      });
    }
  }

  /** Calls back at every signal, and at once for those that came before. Disposing lets them wait again. */
  onSignal(callback: (signal: S) => void): Disposable {
    this.#callback = callback;
    for (const signal of this.#early.splice(0)) callback(signal);
    return { [Symbol.dispose]: () => void (this.#callback = undefined) };
  }
}
