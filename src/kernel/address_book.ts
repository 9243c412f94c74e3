/** The addresses of this host as rtnetlink tells of them, with the interfaces that they are on. Pure. */
import type { AddressState, HostAddress } from "../net/host_addresses.ts";
import { IFA_F, RTM } from "../netlink/constants.ts";
import type { NetlinkMessage } from "../netlink/message.ts";
import { decodeAddress, decodeLink, isOfLink, type LinkAddress } from "../netlink/rtnetlink.ts";
import { isOurs } from "./state.ts";

interface KnownLink {
  readonly name: string;
  readonly isOurs: boolean;
}

/** Every address of every link. */
export class AddressBook {
  readonly #links = new Map<number, KnownLink>();
  /** By link and address: one may be there with several lengths. */
  readonly #addresses = new Map<string, LinkAddress>();

  /** Notes what `message` tells; true: something other than services' addresses is another. @throws {ReadError} it is cut short */
  learn(message: NetlinkMessage): boolean {
    switch (message.type) {
      case RTM.NEWLINK:
        return isOfLink(message) && this.#learnLink(decodeLink(message));
      case RTM.DELLINK:
        return isOfLink(message) && this.#forgetLink(decodeLink(message).index);
      case RTM.NEWADDR:
      case RTM.DELADDR: {
        const address = decodeAddress(message);
        return address !== undefined && this.#learnAddress(address, message.type === RTM.NEWADDR);
      }
      default:
        return false;
    }
  }

  /** Knows nothing any more. */
  forget(): void {
    this.#links.clear();
    this.#addresses.clear();
  }

  /** All of them. */
  list(): readonly HostAddress[] {
    return [...this.#addresses.values()].map(({ index, address, prefixLength, flags }): HostAddress => {
      const { name = `interface ${index}`, isOurs = false } = this.#links.get(index) ?? {};
      return {
        interface: name,
        address,
        prefixLength,
        state: stateOfFlags(flags),
        ofService: isOurs,
        lasting: isLasting(address.family, flags),
      };
    });
  }

  #learnLink(link: ReturnType<typeof decodeLink>): boolean {
    const { index, name } = link;
    const before = this.#links.get(index);
    const now = { name, isOurs: isOurs(link) };
    this.#links.set(index, now);
    if (before?.name === now.name && before.isOurs === now.isOurs) return false;
    return this.#has(index);
  }

  #forgetLink(index: number): boolean {
    const isNews = this.#has(index) && !this.#isOurs(index);
    this.#links.delete(index);
    for (const [key, address] of this.#addresses) if (address.index === index) this.#addresses.delete(key);
    return isNews;
  }

  #learnAddress(next: LinkAddress, isThere: boolean): boolean {
    const { index, address, prefixLength } = next;
    const key = `${index} ${address.text}/${prefixLength}`;
    const before = this.#addresses.get(key);
    if (isThere) this.#addresses.set(key, next);
    else this.#addresses.delete(key);
    if (this.#isOurs(index)) return false;
    if (before === undefined || !isThere) return isThere || before !== undefined;
    const differs = (of: (flags: number) => unknown) => of(before.flags) !== of(next.flags);
    return differs(stateOfFlags) || differs((flags) => isLasting(address.family, flags));
  }

  #has(index: number): boolean {
    return this.#addresses.values().some((address) => address.index === index);
  }

  #isOurs(index: number): boolean {
    return this.#links.get(index)?.isOurs === true;
  }
}

function stateOfFlags(flags: number): AddressState {
  if ((flags & IFA_F.DADFAILED) !== 0) return "duplicate";
  return (flags & IFA_F.TENTATIVE) !== 0 ? "tentative" : "usable";
}

/** IFA_F_TEMPORARY says of an IPv4 address that it is a secondary one. */
function isLasting(family: 4 | 6, flags: number): boolean {
  return (flags & (IFA_F.DEPRECATED | (family === 6 ? IFA_F.TEMPORARY : 0))) === 0;
}
