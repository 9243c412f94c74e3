/** Exceptions that nobody expected: each ends the turn that it came in, and never the process; somebody is told. */

/** Catches them as soon as it is made, and for the life of the process. */
export class ExceptionDesk {
  #tell: (error: unknown) => void;

  /** @param print told while nobody listens */
  constructor(print: (error: unknown) => void) {
    this.#tell = print;
    addEventListener("error", (event) => {
      event.preventDefault();
      this.#tell(event.error);
    });
    addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      this.#tell(event.reason);
    });
  }

  /** Calls back instead of printing, until it is disposed. */
  onException(callback: (error: unknown) => void): Disposable {
    const print = this.#tell;
    this.#tell = callback;
    return { [Symbol.dispose]: () => void (this.#tell = print) };
  }
}
