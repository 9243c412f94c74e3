/** Routes that must never be missing at a router while something goes on. */
import type { Router } from "./interop.ts";

/** Looks again and again whether every router has every prefix; disposing stops it. */
export class RouteWatch implements AsyncDisposable {
  /** What was missing, once for each look. */
  readonly gaps: string[] = [];
  #on = true;
  readonly #watching: Promise<unknown>;

  constructor(routers: readonly Router[], prefixes: readonly string[]) {
    this.#watching = Promise.all(routers.map(async (router) => {
      while (this.#on) {
        for (const prefix of prefixes) {
          if ((await router.routes(prefix)).length === 0) this.gaps.push(`${prefix} on ${router.name}`);
        }
      }
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#on = false;
    await this.#watching;
  }
}
