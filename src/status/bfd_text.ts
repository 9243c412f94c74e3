/** What BFD knows of a peer, for people: its session, why it keeps one of BGP from coming up, and what helps. Pure. */
import type { BfdEntry, PeerEntry } from "./status.ts";
import { age } from "../text/table.ts";

/** The part of a peer that tells why BFD is as it is; as it is, or as JSON has it. */
type Shown = Pick<BfdEntry, "state" | "cause" | "fault">;

/** The lines of the view `peers`. */
export function bfdLines(bfd: BfdEntry | undefined, now: Date): readonly string[] {
  if (bfd === undefined) return [];
  const { state, since, multihop, passive, remoteState, remoteDiagnostic, lastLost, received, sent } = bfd;
  const ms = (value: number | undefined) => value === undefined ? "unknown" : `${Math.round(value)} ms`;
  const drops = Object.entries(bfd.drops).map(([reason, count]) => `${count} ${reason}`);
  const kind = `${multihop ? ", multihop" : ""}${passive ? ", passive" : ""}`;
  return [
    `  BFD            ${state} for ${age(since, now)}${kind}: ${whyText(bfd)}`,
    `                 every ${ms(bfd.transmitIntervalMs)} out, ${ms(bfd.receiveIntervalMs)} in, ` +
    `lost after ${ms(bfd.detectionTimeMs)}; ${received} packets received, ${sent} sent`,
    ...remoteDiagnostic === "no diagnostic"
      ? []
      : [`                 it is ${remoteState} there: ${remoteDiagnostic}`],
    ...lastLost === undefined ? [] : [
      `                 ${bfd.flaps === 1 ? "lost once" : `lost ${bfd.flaps} times`}, ${
        age(lastLost.at, now)
      } ago the last time: ${lastLost.cause}`,
    ],
    ...drops.length === 0 ? [] : [`                 dropped: ${drops.join(", ")}`],
  ];
}

/** Whether BFD was up, and is not any more. */
export function isLost(bfd: BfdEntry | undefined): boolean {
  return bfd !== undefined && bfd.state !== "Up" && bfd.lastLost !== undefined;
}

/** What keeps BFD from being up, where it is not; undefined: it is, or is not wanted. */
export function bfdReason(bfd: Shown | undefined): string | undefined {
  return bfd === undefined || bfd.state === "Up" ? undefined : `BFD is ${bfd.state}: ${whyText(bfd)}`;
}

/** What brings BFD up. */
export function bfdCure(
  { name, bfd, heldBack, neighbour }: Pick<PeerEntry, "name" | "bfd" | "heldBack" | "neighbour">,
): string {
  if (bfd === undefined || bfd.state === "Up") return "nothing has to be done: BFD is up";
  const { fault, remoteState, received, multihop, drops, localAddress } = bfd;
  if (fault !== undefined) return `mend what keeps BFD from working on this host: ${fault}`;
  if (remoteState === "AdminDown") return `turn BFD on again at ${name}: only there it was turned off`;
  if (received > 0 || Object.keys(drops).length > 0) {
    return `look at the link and the way to ${name}, and at BFD there: ${bfd.cause}`;
  }
  // A router watches the address that it has as its neighbour's.
  const us = localAddress === undefined ? "this host" : `this host, as ${localAddress},`;
  const cure = `turn BFD on for ${us} at ${name}, and let UDP port ${
    multihop ? 4784 : 3784
  } through both ways`;
  // As FRR 8.4 with a neighbour that is known by its interface alone: each would wait for the other.
  return heldBack === undefined || neighbour === undefined
    ? cure
    : `${cure}; where it is on: a router that begins it only once BGP is up (FRR) needs bfd.strict: false here`;
}

function whyText({ cause, fault }: Pick<Shown, "cause" | "fault">): string {
  return fault ?? cause;
}
