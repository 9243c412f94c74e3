/** The diagnostics of RFC 5880 section 4.1 (and RFC 6428): why a session last changed to another state, in words. Pure. */

/** bfd.LocalDiag: those that we send. */
export const Diagnostic = {
  None: 0,
  ControlDetectionTimeExpired: 1,
  NeighborSignaledSessionDown: 3,
  AdministrativelyDown: 7,
} as const;

/** By code. */
const WORDS: readonly string[] = [
  "no diagnostic",
  "control detection time expired",
  "echo function failed",
  "neighbor signaled session down",
  "forwarding plane reset",
  "path down",
  "concatenated path down",
  "administratively down",
  "reverse concatenated path down",
  "mis-connectivity defect",
];

/** What such a diagnostic of the peer means for somebody who looks at this end. */
const MEANINGS: readonly (string | undefined)[] = [
  undefined,
  "it does not hear us: look at the way from here to there, and at what filters UDP on it",
  "its own echo packets do not come back",
  "it follows what this end told",
  "its forwarding was restarted",
  "it lost the path by other means, such as its link",
  "a path behind it is down",
  "somebody turned BFD off there",
  "a path behind it is down, in our direction",
  "it gets packets that are not of this session",
];

/** The name of a diagnostic. */
export function diagnosticWords(code: number): string {
  return WORDS[code] ?? `diagnostic ${code}, which has no name`;
}

/** The name of a diagnostic that the peer sent, and what that means. */
export function remoteDiagnosticWords(code: number): string {
  const meaning = MEANINGS[code];
  return meaning === undefined ? diagnosticWords(code) : `${diagnosticWords(code)}: ${meaning}`;
}
