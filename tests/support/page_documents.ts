/** The status page over documents that a test gives, and such documents, small and large. */
import assert from "node:assert/strict";
import type { JournalEntry } from "../../src/events/journal.ts";
import { StatusPage, type StatusPagePorts } from "../../src/http/page/status_page.ts";
import type { PeerEntry, ServiceStatus, Status } from "../../src/status/status.ts";
import { negotiated, peerStatus, quietPage, status } from "./status.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** A page over documents that a test gives, and how often it asked for one. */
export class PageOfDocuments {
  readonly clock = new VirtualClock();
  asked = 0;
  newest = 0;
  run = "r";
  entries: readonly JournalEntry[] = [];
  readonly page: StatusPage;

  constructor(public now: Status, more: Partial<StatusPagePorts> = {}) {
    const journalOf = () => this;
    this.page = new StatusPage({
      ...quietPage,
      status: () => {
        this.asked++;
        return this.now;
      },
      clock: this.clock,
      journal: {
        get run() {
          return journalOf().run;
        },
        get newest() {
          return journalOf().newest;
        },
        since: () => ({ entries: this.entries, missing: 0 }),
      },
      ...more,
    });
  }

  answer(target = "/"): Promise<Response> {
    return this.page.answer(new Request(`http://agent${target}`));
  }

  async html(target = "/"): Promise<string> {
    const html = await (await this.answer(target)).text();
    await this.clock.advance(2_000);
    return html;
  }
}

/** The page of a document. */
export function htmlOf(now: Status): Promise<string> {
  return new PageOfDocuments(now).html();
}

/** A status of so many services and peers, all of them well but for what `change` makes of them. */
export function large(
  services: number,
  peers = 2,
  change: (service: ServiceStatus, at: number) => ServiceStatus = (each) => each,
): Status {
  const names = Array.from({ length: peers }, (_, at) => `tor-${at + 1}`);
  const base = status(names);
  const gates = [
    "enabled",
    "not drained",
    "healthy",
    "quorum",
    "address present",
    "virtual services present",
  ];
  return {
    ...base,
    peers: names.map((name) => up({ ...peerStatus, name })),
    services: Array.from({ length: services }, (_, at) =>
      change({
        ...first(base.services),
        name: `service-${at}`,
        routes: base.services.flatMap(({ routes }) => routes).map((route) => ({
          ...route,
          prefix: `10.99.${at >> 8}.${at & 255}/32`,
          gates: gates.map((name) => ({
            name,
            open: true,
            degraded: false,
            reason: `${name} of service ${at}`,
            since: "2026-01-01T00:00:00.000Z",
          })),
        })),
        virtualServices: [{
          protocol: "tcp",
          address: `10.99.${at >> 8}.${at & 255}`,
          port: 80,
          fwmark: 0,
          family: 4,
          scheduler: "wrr",
          quorum: { held: true, live: 2, total: 2, needs: 1 },
          destinations: [1, 2].map((last) => destination(`10.0.${at & 255}.${last}`)),
        }],
      }, at)),
  };
}

const NEGOTIATED: PeerEntry["negotiated"] = {
  ...negotiated,
  holdTimeSeconds: 9,
  keepaliveTimeSeconds: 3,
  families: ["ipv4-unicast", "ipv6-unicast"],
  enhancedRouteRefresh: false,
  extendedMessage: false,
};

/** The peer, with a session that has negotiated something. */
export function up(peer: PeerEntry): PeerEntry {
  return { ...peer, negotiated: NEGOTIATED };
}

/** The small status with a session that has negotiated something. */
export function small(): Status {
  return { ...status(["r1"]), peers: [up(peerStatus)] };
}

/** The peer, whose session is down. */
export function down(
  peer: PeerEntry,
  text = "peer sent Cease/Administrative Shutdown: maintenance",
): PeerEntry {
  return {
    ...peer,
    state: "Idle",
    lastError: { text, at: new Date(0), noted: undefined },
    negotiated: undefined,
    advertised: [],
  };
}

/** A destination that is live. */
export function destination(
  address: string,
): ServiceStatus["virtualServices"][number]["destinations"][number] {
  return {
    address,
    port: 8080,
    role: "configured",
    configuredWeight: 1,
    fullWeight: 1,
    weight: 1,
    forwarding: "masq",
    tunnel: undefined,
    upperThreshold: 0,
    lowerThreshold: 0,
    live: true,
    verdict: "healthy",
    cause: "http: status 200",
    since: "2026-01-01T00:00:00.000Z",
    activeConnections: 3,
    inactiveConnections: 1,
  };
}

/** The first one, which is there. */
export function first<T>([one]: readonly T[]): T {
  assert.ok(one !== undefined);
  return one;
}
