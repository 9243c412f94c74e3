/** BFD sessions as the status document shows them. Pure. */
import type { BfdStatus } from "../bfd/bfd.ts";
import type { BfdEntry } from "../status/status.ts";

/** A session; `when` is the wall time of a moment on the clock. */
export function bfdEntry(session: BfdStatus, when: (ms: number) => string): BfdEntry {
  const { counters: { received, sent, drops, flaps, extensions } } = session;
  return {
    state: session.state,
    since: when(session.sinceMs),
    cause: session.cause,
    fault: session.fault,
    multihop: session.multihop,
    passive: session.passive,
    remoteState: session.remoteState,
    localDiagnostic: session.localDiagnostic.words,
    remoteDiagnostic: session.remoteDiagnostic.words,
    localAddress: session.localAddress?.text,
    localDiscriminator: session.localDiscriminator,
    remoteDiscriminator: session.remoteDiscriminator,
    transmitIntervalMs: session.transmitIntervalMs,
    receiveIntervalMs: session.receiveIntervalMs,
    detectionTimeMs: session.detectionTimeMs,
    received,
    sent,
    drops,
    flaps,
    lastLost: session.lastLost && { at: when(session.lastLost.atMs), cause: session.lastLost.cause },
    extensions,
  };
}
