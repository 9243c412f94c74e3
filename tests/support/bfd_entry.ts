/** A BFD session as the status document has it, for tests of what shows it. */
import type { BfdEntry } from "../../src/status/status.ts";

/** One that is up, 50 ms by 3. */
export const BFD_UP: BfdEntry = {
  state: "Up",
  since: new Date(0).toISOString(),
  cause: "both ends hear each other",
  fault: undefined,
  multihop: false,
  passive: false,
  remoteState: "Up",
  localDiagnostic: "no diagnostic",
  remoteDiagnostic: "no diagnostic",
  localAddress: "10.0.0.9",
  localDiscriminator: 1,
  remoteDiscriminator: 7,
  transmitIntervalMs: 50,
  receiveIntervalMs: 60,
  detectionTimeMs: 180,
  received: 1000,
  sent: 1001,
  drops: {},
  flaps: 0,
  lastLost: undefined,
  extensions: 0,
};
