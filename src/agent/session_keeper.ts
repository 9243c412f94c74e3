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
import { StateFile } from "./state_file.ts";

/** It is written again after so much of the shortest restart time. */
const FRESH_PART = 1 / 4;
const LEAST_FRESH_MS = 1000;
/** Sessions that come up one after the other at a start are on the disk in moments: whoever kills this process then loses none. */
const FIRST_GAP_MS = 10;

/** The sessions of one agent, as the next one will know them. */
export class SessionKeeper implements Disposable {
  readonly #ports: Pick<AgentPorts, "clock" | "events" | "stateFiles" | "boot">;
  readonly #forwarding: (family: FamilyName) => Forwarding;
  readonly #file: StateFile;
  /** Of the configured peers. */
  #keys: ReadonlySet<string>;
  /** Those of the run before this one too, as long as this one has had none with the peer. */
  #kept = new Map<string, KeptSession>();
  /** Of Established sessions, with the restart time. */
  #standing = new Map<string, number>();
  /** Why nothing is known of a peer that is not among the kept. */
  #because: string;
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
    this.#file = new StateFile({
      ...ports,
      files: ports.stateFiles,
      directory: state.directory,
      pathIn: sessionsPath,
      contents: () => this.#contents(),
      consequence: "routers may drop our routes for a moment if this process is killed",
    });
    this.#keys = new Set(bgp.peers.map(peerKey));
    this.#changed = new Spaced(ports.clock, () => void this.#file.write(), FIRST_GAP_MS);
    this.#because = state.directory === undefined
      ? "nothing is known of a run before this one: state.directory is turned off"
      : "no run before this one is known to have had a session with it";
  }

  /** Reads what the run before this one kept. Never throws: what cannot be read says nothing, and is told. */
  async load(): Promise<void> {
    const { stateFiles: files, events, clock } = this.#ports;
    const { path } = this.#file;
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
    const { path: left } = this.#file;
    const before = this.#file.written();
    if (!this.#file.moveTo(directory)) return;
    if (this.#kept.size > 0) void this.#file.write();
    this.#arm();
    if (left !== undefined) void before.then(() => this.#empty(left)).catch(() => {});
  }

  /** This process ends now and the next one goes on: resolves when that is kept, or after a moment. */
  async handover(): Promise<void> {
    if (this.#standing.size > 0) void this.#file.write();
    this[Symbol.dispose]();
    await this.#file.close();
  }

  /** Every session has ended in order, and no router keeps anything. */
  async forget(): Promise<void> {
    this[Symbol.dispose]();
    const { path } = this.#file;
    this.#kept.clear();
    if (path === undefined) return;
    const { clock, events } = this.#ports;
    try {
      await withinDiskLimit(this.#file.written().then(() => this.#empty(path)), clock);
    } catch (error) {
      const cause =
        `${path} cannot be emptied, so that a start within the restart time is taken for a restart: ` +
        messageOf(error);
      events.publish({ kind: "warning", cause });
    }
  }

  /** Writes no more; what is being written is waited for, for a moment. */
  async close(): Promise<void> {
    this[Symbol.dispose]();
    await this.#file.close();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#changed.cancel();
    this.#refresh?.[Symbol.dispose]();
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
    if (this.#standing.size === 0 || this.#file.path === undefined) return;
    const { clock } = this.#ports;
    const shortestMs = Math.min(...this.#standing.values());
    this.#refresh = clock.at(clock.now() + Math.max(shortestMs * FRESH_PART, LEAST_FRESH_MS), () => {
      void this.#file.write();
      this.#arm();
    });
  }

  #contents(): { readonly octets: Uint8Array } | undefined {
    const boot = this.#boot();
    if (boot === undefined) return undefined;
    this.#renew(boot);
    return { octets: encodeSessions(this.#kept, boot) };
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
