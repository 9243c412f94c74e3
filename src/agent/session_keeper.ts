/**
 * Keeps which peers keep our routes over a restart, in a file: whatever ends this process, the next one knows what it may say
 * in its OPENs. It is written where that changes, and while sessions stand so often that it is never far from true; a stop in
 * order, after which nobody keeps anything, empties it. What the file system does is told, and nothing waits for it.
 */
import type { StandingSession } from "../bgp/established_session.ts";
import type { Restart } from "../bgp/session/session_state.ts";
import type { Config, FamilyName, PeerConfig } from "../config/config.ts";
import { peerKey } from "../config/session_difference.ts";
import { familyName } from "../bgp/session/family.ts";
import { messageOf } from "../text/error_message.ts";
import { withinDiskLimit } from "./disk.ts";
import type { AgentPorts } from "./ports.ts";
import { type Forwarding, restartOf } from "./restart.ts";
import {
  type BootMoment,
  decodeSessions,
  encodeSessions,
  type KeptSession,
  sessionsPath,
} from "./session_record.ts";
import { Spaced } from "./spaced.ts";

/** It is written again after so much of the shortest restart time. */
const FRESH_PART = 1 / 4;
const LEAST_FRESH_MS = 1000;

/** The sessions of one agent, as the next one will know them. */
export class SessionKeeper implements Disposable {
  readonly #ports: Pick<AgentPorts, "clock" | "events" | "stateFiles" | "boot">;
  readonly #forwarding: (family: FamilyName) => Forwarding;
  #directory: string | undefined;
  /** Of the configured peers. */
  #keys: ReadonlySet<string>;
  /** Those of the run before this one too, as long as this one has had none with the peer. */
  #kept = new Map<string, KeptSession>();
  /** Of Established sessions, with the restart time. */
  #standing = new Map<string, number>();
  /** Why nothing is known of a peer that is not among the kept. */
  #because: string;
  #problem: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** What waits for its turn, and writes what there is by then. */
  #queued: Promise<void> | undefined;
  readonly #changed: Spaced;
  #refresh: Disposable | undefined;
  #over = false;

  /** `forwarding` says what became of what forwards a family, since the run before this one. */
  constructor(
    { bgp, state }: Pick<Config, "bgp" | "state">,
    ports: Pick<AgentPorts, "clock" | "events" | "stateFiles" | "boot">,
    forwarding: (family: FamilyName) => Forwarding,
  ) {
    this.#ports = ports;
    this.#forwarding = forwarding;
    this.#directory = state.directory;
    this.#keys = new Set(bgp.peers.map(peerKey));
    this.#changed = new Spaced(ports.clock, () => void this.#keep());
    this.#because = state.directory === undefined
      ? "nothing is known of a run before this one: state.directory is turned off"
      : "no run before this one is known to have had a session with it";
  }

  /** Reads what the run before this one kept. Never throws: what cannot be read says nothing, and is told. */
  async load(): Promise<void> {
    const { stateFiles: files, events, clock } = this.#ports;
    const path = this.#path;
    if (path === undefined) return;
    const boot = this.#boot();
    if (boot === undefined) {
      this.#because =
        "nothing is known of a run before this one: this boot of the machine cannot be told from another";
      return;
    }
    let file: Uint8Array | undefined;
    try {
      file = await withinDiskLimit(files.read(path), clock);
      if (file === undefined) return;
      const kept = decodeSessions(file, boot);
      if (kept === undefined) this.#because = "the machine was started after the run before this one";
      else this.#kept = new Map(kept);
    } catch (error) {
      this.#because = `nothing is known of a run before this one: ${path} cannot be used`;
      const cause =
        `${path} cannot be used, so that routers are told nothing of a restart and may drop our routes for a moment: ` +
        messageOf(error);
      events.publish({ kind: "warning", cause });
      if (file !== undefined) await withinDiskLimit(files.setAside(path), clock).catch(() => {});
    }
  }

  /** What OPENs to a peer may say, with which this process has had no session. */
  restartOf(peer: PeerConfig): Restart {
    const session = this.#kept.get(peerKey(peer));
    const before = { session, because: this.#because, bootMs: this.#boot()?.ms ?? Infinity };
    const nowMs = this.#ports.clock.now();
    return restartOf(peer, { ...before, nowMs }, this.#forwarding);
  }

  /** Sessions that are Established may be others: these. */
  follow(sessions: readonly StandingSession[]): void {
    const boot = this.#over ? undefined : this.#boot();
    if (boot === undefined) return;
    const before = signatureOf(this.#kept, this.#standing);
    this.#renew(boot);
    const standing = new Map<string, number>();
    for (const { peer, negotiated } of sessions) {
      const key = peerKey(peer);
      const { restartTimeSeconds = 0 } = peer.gracefulRestart ?? {};
      // A session without graceful restart leaves nothing with the peer.
      if (negotiated.gracefulRestart?.offered !== true) this.#kept.delete(key);
      else {
        standing.set(key, restartTimeSeconds * 1000);
        this.#kept.set(key, { families: negotiated.families.map(familyName), untilMs: 0 });
      }
    }
    this.#standing = standing;
    this.#renew(boot);
    for (const [key, { untilMs }] of this.#kept) {
      if (!this.#keys.has(key) || untilMs <= boot.ms) this.#kept.delete(key);
    }
    if (signatureOf(this.#kept, this.#standing) === before) return;
    this.#changed.call();
    this.#arm();
  }

  /** Other peers from now on, and maybe another folder; the old one is left with nothing that might come back. */
  configure(peers: readonly PeerConfig[], directory: string | undefined): void {
    this.#keys = new Set(peers.map(peerKey));
    const gone = [...this.#kept.keys()].filter((key) => !this.#keys.has(key));
    for (const key of gone) this.#kept.delete(key);
    if (gone.length > 0) this.#changed.call();
    if (directory === this.#directory) return;
    const left = this.#path;
    const before = this.#writing;
    this.#directory = directory;
    this.#problem = undefined;
    // The old disk may hang for ever.
    this.#writing = Promise.resolve();
    this.#queued = undefined;
    if (this.#kept.size > 0) void this.#keep();
    if (left !== undefined) void before.catch(() => {}).then(() => this.#empty(left));
  }

  /** This process ends now and the next one goes on: resolves when that is kept, or after a moment. */
  async handover(): Promise<void> {
    const kept = this.#standing.size === 0 ? this.#writing : this.#keep();
    this[Symbol.dispose]();
    await withinDiskLimit(kept, this.#ports.clock).catch(() => {});
  }

  /** Every session has ended in order, and no router keeps anything. */
  async forget(): Promise<void> {
    this[Symbol.dispose]();
    const path = this.#path;
    this.#kept.clear();
    if (path === undefined) return;
    await withinDiskLimit(this.#writing.catch(() => {}).then(() => this.#empty(path)), this.#ports.clock)
      .catch(() => {});
  }

  /** Writes no more; what is being written is waited for, for a moment. */
  async close(): Promise<void> {
    this[Symbol.dispose]();
    await withinDiskLimit(this.#writing, this.#ports.clock).catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#changed.cancel();
    this.#refresh?.[Symbol.dispose]();
  }

  get #path(): string | undefined {
    return this.#directory === undefined ? undefined : sessionsPath(this.#directory);
  }

  /** Undefined where it cannot be known, also where asking for it fails: no session may end over that. */
  #boot(): BootMoment | undefined {
    try {
      return this.#ports.boot?.();
    } catch {
      return undefined;
    }
  }

  /** Peers of sessions that stand keep our routes from now on for as long as they say. */
  #renew({ ms }: BootMoment): void {
    for (const [key, restartMs] of this.#standing) {
      const session = this.#kept.get(key);
      if (session !== undefined) this.#kept.set(key, { ...session, untilMs: ms + restartMs });
    }
  }

  /** Writes it again while it is fresh enough. */
  #arm(): void {
    this.#refresh?.[Symbol.dispose]();
    this.#refresh = undefined;
    if (this.#standing.size === 0 || this.#path === undefined) return;
    const { clock } = this.#ports;
    const shortestMs = Math.min(...this.#standing.values());
    this.#refresh = clock.at(clock.now() + Math.max(shortestMs * FRESH_PART, LEAST_FRESH_MS), () => {
      void this.#keep();
      this.#arm();
    });
  }

  /** Never throws; a failure is told once. */
  async #keep(): Promise<void> {
    const path = this.#path;
    if (path === undefined) return;
    const { events, clock } = this.#ports;
    const writing = this.#queued ??= this.#write(path, this.#writing);
    this.#writing = writing;
    try {
      await withinDiskLimit(writing, clock);
    } catch (error) {
      const problem = messageOf(error);
      if (problem === this.#problem || path !== this.#path) return;
      this.#problem = problem;
      const cause =
        `${path} cannot be written, so that routers may drop our routes for a moment if this process is killed: ` +
        `${problem}; it is tried again`;
      events.publish({ kind: "warning", cause });
    }
  }

  async #write(path: string, before: Promise<void>): Promise<void> {
    await before.catch(() => {});
    // Another folder may have taken the place of this one, and has its own.
    if (path === this.#path) this.#queued = undefined;
    const boot = this.#boot();
    if (boot === undefined) return;
    this.#renew(boot);
    await this.#ports.stateFiles.replace(path, encodeSessions(this.#kept, boot));
    if (path === this.#path) this.#problem = undefined;
  }

  async #empty(path: string): Promise<void> {
    const boot = this.#boot();
    const { stateFiles: files } = this.#ports;
    if (boot === undefined || await files.read(path) === undefined) return;
    await files.replace(path, encodeSessions(new Map(), boot));
  }
}

/** What of it is worth a write at once. */
function signatureOf(kept: ReadonlyMap<string, KeptSession>, standing: ReadonlyMap<string, number>): string {
  return JSON.stringify([[...standing], [...kept].map(([key, { families }]) => [key, families])]);
}
