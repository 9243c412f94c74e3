/** Knows the addresses of this host at every moment, and tells in the same turn that they are others. */
import type { HostAddress, HostAddresses, KnownAddresses } from "../net/host_addresses.ts";
import { AddressBook } from "./address_book.ts";
import { HostWatch, type HostWatchPorts } from "./host_watch.ts";

/** Watches until it is disposed. Nothing of it throws. */
export class AddressWatch implements HostAddresses, Disposable {
  readonly #book = new AddressBook();
  readonly #watch: HostWatch;
  readonly #callbacks = new Set<() => void>();
  /** What was true last stays so while it is read anew, and where it cannot be. */
  #known: readonly HostAddress[] | undefined;
  #hasFailed = false;

  constructor({ onFault, ...ports }: HostWatchPorts) {
    this.#watch = new HostWatch({
      ...ports,
      table: this.#book,
      what: "addresses",
      onNews: () => this.#note(),
      onRead: () => this.#note(),
      onFault: (cause) => {
        this.#hasFailed = true;
        onFault(cause);
        if (this.#known === undefined) this.#tell();
      },
    });
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#callbacks.clear();
  }

  current(): KnownAddresses {
    return this.#known ?? (this.#hasFailed ? undefined : "unread");
  }

  watch(onChange: () => void): Disposable {
    this.#callbacks.add(onChange);
    return { [Symbol.dispose]: () => void this.#callbacks.delete(onChange) };
  }

  #note(): void {
    if (this.#watch.isLearning) return;
    this.#known = this.#book.list();
    this.#tell();
  }

  #tell(): void {
    for (const callback of [...this.#callbacks]) callback();
  }
}
