/**
 * End-of-RIB on both its sides: ours is held back until every service has its first verdict (RFC 4724 section 4.1), and what
 * an earlier process left in the kernel stays until every router that may have kept its routes has had ours.
 */
import type { Speaker, SpeakerEvent } from "../bgp/speaker.ts";
import type { PeerConfig } from "../config/config.ts";
import type { ServiceDriver } from "../service/driver.ts";
import { serviceVerdict } from "../service/gates.ts";
import { awaitsDestinations } from "../service/quorum.ts";
import type { ServiceState } from "../service/state.ts";
import type { Clock } from "../time/clock.ts";

/** End-of-RIB is held back for first verdicts, but not for longer than this. */
const LIMIT_MS = 30_000;

/** What is looked at. */
export interface EndOfRibOptions {
  readonly clock: Clock;
  readonly services: ServiceDriver;
  peers(): readonly PeerConfig[];
}

/** The End-of-RIBs of one agent. */
export class EndOfRib implements Disposable {
  readonly #options: EndOfRibOptions;
  #speaker: Speaker | undefined;
  #limit: Disposable | undefined;
  /** It went out, or may: that is for good. */
  #released = false;
  /** Services that kept it back when all were last looked at: each of thousands of verdicts asks whether one does so still. */
  readonly #open = new Set<string>();
  /** Peers that have had ours. */
  readonly #told = new Set<string>();

  constructor(options: EndOfRibOptions) {
    this.#options = options;
  }

  /** Routers keep the routes of an earlier process for so long. */
  get routersKeepMs(): number {
    const times = this.#options.peers().map(({ gracefulRestart }) =>
      gracefulRestart?.restartTimeSeconds ?? 0
    );
    return Math.max(0, ...times) * 1000;
  }

  /** Begins, with the speaker that has the sessions. */
  start(speaker: Speaker): void {
    const { clock } = this.#options;
    this.#speaker = speaker;
    this.#limit = clock.at(clock.now() + LIMIT_MS, () => this.#letGo(speaker));
  }

  /** Lets it go out once nothing is unknown any more. */
  release(): void {
    const speaker = this.#speaker;
    if (this.#released || speaker === undefined) return;
    const { services } = this.#options;
    for (const name of this.#open) {
      const state = services.stateOf(name);
      if (state !== undefined && isOpen(state)) return;
      this.#open.delete(name);
    }
    for (const state of services.states) if (isOpen(state)) this.#open.add(state.config.name);
    if (this.#open.size === 0) this.#letGo(speaker);
  }

  #letGo(speaker: Speaker): void {
    this.#released = true;
    this.#limit?.[Symbol.dispose]();
    speaker.releaseEndOfRib();
  }

  /** The speaker has told something. */
  observe(event: SpeakerEvent): void {
    if (event.type === "end-of-rib-sent") this.#told.add(event.peer);
    if (event.type === "end-of-rib-sent" || event.type === "peer-state") this.look();
  }

  /** What an earlier process left may go once no router can have a route of it any more. */
  look(): void {
    const { services, peers } = this.#options;
    if (!services.awaitsEndOfRib || this.#speaker === undefined) return;
    const without = this.#speaker.sessions().filter(({ negotiated }) =>
      negotiated.gracefulRestart === undefined
    );
    const forgetful = new Set(without.map(({ peer }) => peer.name));
    const isTold = peers().every(({ name, gracefulRestart }) =>
      gracefulRestart === undefined || this.#told.has(name) || forgetful.has(name)
    );
    if (isTold) services.endOfRib();
  }

  [Symbol.dispose](): void {
    this.#limit?.[Symbol.dispose]();
  }
}

/** Whether it may be announced yet for all that is known. That a drained service has no route is certain, whatever its checks say. */
function isOpen(state: ServiceState): boolean {
  return state.phase.drain === undefined &&
    (serviceVerdict(state.verdicts).verdict === "unknown" || awaitsDestinations(state));
}
