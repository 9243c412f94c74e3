/** What a speaker gives all of its peers. */
import type { Address } from "../net/address.ts";
import type { Neighbours } from "../net/neighbours.ts";
import type { Clock, Random } from "../time/clock.ts";
import type { DropSample } from "./drop_samples.ts";
import type { DesiredRoutes } from "./routes/desired_routes.ts";
import type { OwnAddresses } from "./routes/next_hop.ts";
import type { Sender } from "./send_turns.ts";
import type { SpeakerEvent } from "./speaker_event.ts";
import type { Lingering } from "./transport/lingering.ts";
import type { Endpoint, Transport } from "./transport/transport.ts";

/** What peers have in common. */
export interface PeerPorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly desired: DesiredRoutes;
  readonly neighbours: Neighbours;
  /** Rejections that may be under way at all peers. */
  readonly rejections: Lingering;
  /** This host's addresses, and those of services, as of now. */
  own(): OwnAddresses;
  /** What the kernel has dropped so far; undefined: that cannot be known. */
  drops(): DropSample | undefined;
  /** Never throws. */
  tell(event: SpeakerEvent): void;
  /** A connection of the peer's was rejected; `heldBack`: as no session is begun, and why. */
  rejected(remote: Endpoint, heldBack: string | undefined): void;
  /** A session is Established, with this end of ours. */
  established(peer: string, local: Address): void;
  /** There may be something to send. */
  due(sender: Sender): void;
  /** The session is lost, and nobody need wait for it any more. */
  lost(): void;
}
