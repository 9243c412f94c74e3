/** BFD sessions and packets for tests: made with what a test does not name left usual. */
import type { ControlPacket } from "../../src/bfd/packet.ts";
import { createSession, step } from "../../src/bfd/session.ts";
import type { Env, SessionConfig, SessionEvent, SessionState, Step } from "../../src/bfd/session_state.ts";

export const FAST: SessionConfig = {
  desiredMinTxUs: 50_000,
  requiredMinRxUs: 50_000,
  detectMult: 3,
  passive: false,
};

/** Time with dice that always show the same. */
export function at(now: number, dice = 1): Env {
  return { now, random: () => dice };
}

/** A packet of a peer whose discriminator is 7 to a session whose discriminator is 1. */
export function packetOf(changed: Partial<ControlPacket> = {}): ControlPacket {
  return {
    diagnostic: 0,
    state: "Down",
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    authenticated: false,
    demand: false,
    detectMult: 3,
    myDiscriminator: 7,
    yourDiscriminator: 1,
    desiredMinTxUs: 50_000,
    requiredMinRxUs: 50_000,
    requiredMinEchoRxUs: 0,
    ...changed,
  };
}

/** A session, discriminator 1, and what came out of it. */
export class Machine {
  state: SessionState;
  readonly log: Step["actions"][number][] = [];

  constructor(config: Partial<SessionConfig> = {}, readonly dice = 1) {
    this.state = createSession({ ...FAST, ...config }, 1, at(0, dice));
  }

  /** What the event made it do. */
  on(event: SessionEvent, now: number): Step["actions"] {
    const { state, actions } = step(this.state, event, at(now, this.dice));
    this.state = state;
    this.log.push(...actions);
    return actions;
  }

  hear(changed: Partial<ControlPacket>, now: number): Step["actions"] {
    return this.on({ type: "packet", packet: packetOf(changed) }, now);
  }

  time(now: number, heldMs = 0): Step["actions"] {
    return this.on({ type: "time", heldMs }, now);
  }
}

/** The packets among actions. */
export function sentOf(actions: Step["actions"]): readonly ControlPacket[] {
  return actions.flatMap((action) => action.type === "send" ? [action.packet] : []);
}

/** A session that is Up at `now`, whose polls the peer has answered; it had its last packet then. */
export function upMachine(config: Partial<SessionConfig> = {}, remote: Partial<ControlPacket> = {}): Machine {
  const machine = new Machine(config);
  machine.hear({ ...remote, state: "Down" }, 0);
  machine.hear({ ...remote, state: "Up" }, 0);
  machine.hear({ ...remote, state: "Up", final: true }, 1);
  machine.hear({ ...remote, state: "Up" }, 2000);
  machine.time(2000);
  machine.log.length = 0;
  return machine;
}
