/** Brings up what an agent says to routers: the speaker, and BFD beside it. */
import { Speaker } from "../bgp/speaker.ts";
import type { SpeakerEvent } from "../bgp/speaker_event.ts";
import type { Config } from "../config/config.ts";
import { messageOf } from "../text/error_message.ts";
import { SpeakerEvents } from "./bgp_events.ts";
import { PeerBfd } from "./peer_bfd.ts";
import { type AgentPorts, HostNotFitError } from "./ports.ts";
import { serviceAddresses } from "./running_config.ts";
import type { SessionKeeper } from "./session_keeper.ts";

/** Both of them. */
export interface Speaking {
  readonly speaker: Speaker;
  /** Undefined: there are no sockets for it. */
  readonly bfd: PeerBfd | undefined;
}

/**
 * Listens, and begins with every peer; `sessions` knows what a run before this one had with it. `onEvent` is called behind what
 * everybody is told of it.
 * @throws {HostNotFitError} where it cannot listen; nothing of it goes on
 */
export function beginSpeaking(
  config: Config,
  { transport, clock, random, events, addresses, neighbours, bfd: sockets }: AgentPorts,
  { sessions, onEvent }: {
    readonly sessions: SessionKeeper;
    readonly onEvent: (event: SpeakerEvent) => void;
  },
): Speaking {
  const { local, peers } = config.bgp;
  const services = serviceAddresses(config);
  const speakerEvents = new SpeakerEvents(events);
  let bfd: PeerBfd | undefined;
  const speaker = new Speaker({
    local,
    peers,
    transport,
    clock,
    random,
    restart: (peer) => sessions.restartOf(peer),
    addresses,
    neighbours,
    services,
    onEvent: (event) => {
      speakerEvents.publish(event);
      if (event.type === "peer-state" && event.from === "Established") sessions.follow(speaker.sessions());
      onEvent(event);
    },
    onSession: (peer, end) => {
      sessions.follow(speaker.sessions());
      bfd?.followSession(peer, end);
    },
  });
  try {
    speaker.start();
  } catch (error) {
    speaker.abort();
    throw new HostNotFitError(messageOf(error));
  }
  if (sockets !== undefined) {
    bfd = new PeerBfd({ sockets, clock, events, speaker, neighbours });
    bfd.configure(peers, services);
  }
  return { speaker, bfd };
}
