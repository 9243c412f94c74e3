/** What happens to routers, and what routers do that they should not; and the end of it. */
import type { MemoryNetwork } from "../support/memory_transport.ts";
import { AGENT } from "./configurations.ts";
import type { FakeRouter } from "./fake_router.ts";
import type { Inspector } from "./inspector.ts";
import type { RouterTrouble } from "./steps.ts";

/** A session may be found dead so long after it is. */
export const STALE_SESSION_MS = 35_000;

/** What troubles need of the world. */
export interface TroublePorts {
  readonly network: MemoryNetwork;
  readonly inspector: Inspector;
  /** Calls `end` in time, unless everything is well by then. */
  readonly later: (ms: number, end: () => void) => void;
}

/** Troubles routers. */
export class RouterTroubles {
  readonly #ports: TroublePorts;

  constructor(ports: TroublePorts) {
    this.#ports = ports;
  }

  /** Does it, for so long. */
  inflict(router: FakeRouter, what: RouterTrouble, forMs: number): void {
    const { inspector, network, later } = this.#ports;
    switch (what) {
      case "resets":
        inspector.excuse(router.name, 1000);
        return network.resetBetween(AGENT, router.address);
      case "ceases":
        inspector.excuse(router.name, 1000);
        return router.cease();
      case "is silent":
        inspector.excuse(router.name, forMs + STALE_SESSION_MS);
        router.silent = true;
        return later(forMs, () => void (router.silent = false));
      case "reads nothing":
        inspector.excuse(router.name, forMs + STALE_SESSION_MS);
        router.deafen();
        return later(forMs, () => this.#hear(router));
      case "restarts":
        inspector.excuse(router.name, 1000);
        router.stop();
        return later(forMs, () => router.start());
      case "refreshes":
        return router.refresh();
      case "cannot be reached":
        network.unreachable.add(router.address.text);
        return later(forMs, () => void network.unreachable.delete(router.address.text));
      default:
        return what satisfies never;
    }
  }

  #hear(router: FakeRouter): void {
    if (router.deaf) this.#ports.inspector.heard(router.name);
    router.hear();
  }

  /** It is well again. */
  mend(router: FakeRouter): void {
    router.silent = false;
    this.#hear(router);
    router.start();
    this.#ports.network.unreachable.clear();
  }
}
