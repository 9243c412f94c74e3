/**
 * The ways from this host to others, as rtnetlink tells of them, and when one is lost: a link that has, or had, an address
 * of more than link scope, or that is hardware (it may carry a bridge, a bond, VLANs, or IPv6 by link-local addresses
 * alone), goes down or loses its carrier; or such an address goes, be it with its interface. Links of containers have
 * neither, and our own are no way out. Pure.
 */
import { RT_SCOPE, RTM } from "../netlink/constants.ts";
import type { NetlinkMessage } from "../netlink/message.ts";
import { decodeAddress, decodeLink, isOfLink, type Link } from "../netlink/rtnetlink.ts";
import { isOurs } from "./state.ts";

/** What is known of a link. */
interface KnownLink {
  readonly isOurs: boolean;
  readonly isHardware: boolean;
  /** Up, and with a carrier. */
  readonly isRunning: boolean;
}

/** The links and addresses of this host that lead to others. */
export class WaysOut {
  /** By index, as below; the kernel gives none twice. */
  readonly #links = new Map<number, KnownLink>();
  readonly #addressed = new Set<number>();

  /** Counts what `message` tells, one that was heard or one of a dump; true: a way is lost. @throws {ReadError} it is cut short */
  learn(message: NetlinkMessage): boolean {
    switch (message.type) {
      case RTM.NEWLINK:
        return isOfLink(message) && this.#learnLink(decodeLink(message));
      case RTM.DELLINK:
        return isOfLink(message) && this.#forgetLink(decodeLink(message));
      case RTM.NEWADDR: {
        const index = this.#addressedBy(message);
        if (index !== undefined) this.#addressed.add(index);
        return false;
      }
      case RTM.DELADDR:
        return this.#addressedBy(message) !== undefined;
      default:
        return false;
    }
  }

  /** Knows nothing any more: messages were lost. */
  forget(): void {
    this.#links.clear();
    this.#addressed.clear();
  }

  #learnLink(link: Link): boolean {
    const isRunning = link.up && link.carrier;
    const wasWay = this.#isRunningWay(link.index);
    this.#links.set(link.index, { isOurs: isOurs(link), isHardware: link.kind === undefined, isRunning });
    return wasWay && !isRunning;
  }

  #forgetLink({ index }: Link): boolean {
    const wasWay = this.#isRunningWay(index);
    this.#links.delete(index);
    this.#addressed.delete(index);
    return wasWay;
  }

  #isRunningWay(index: number): boolean {
    const link = this.#links.get(index);
    return link !== undefined && link.isRunning && !link.isOurs &&
      (link.isHardware || this.#addressed.has(index));
  }

  /** The link, not ours, of which an address of more than link scope is told. */
  #addressedBy(message: NetlinkMessage): number | undefined {
    const address = decodeAddress(message);
    if (address === undefined || address.scope >= RT_SCOPE.LINK) return undefined;
    return this.#links.get(address.index)?.isOurs === true ? undefined : address.index;
  }
}
