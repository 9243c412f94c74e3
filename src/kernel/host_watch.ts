/** Reads the links and addresses of this host into a table, and hears on a socket of its own what becomes of them. */
import { NETLINK, RTNLGRP } from "../netlink/constants.ts";
import { NetlinkChannel } from "../netlink/channel.ts";
import { ERRNO } from "../netlink/errno.ts";
import { decodeMessages, type NetlinkMessage } from "../netlink/message.ts";
import { dumpAddresses, dumpLinks } from "../netlink/rtnetlink.ts";
import {
  EPOLLIN,
  type NetlinkSocket,
  type NetlinkTransport,
  openSocket,
  type ReactorPort,
} from "../netlink/transport.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { Slices } from "../time/slices.ts";

/** What it stands on. */
export interface HostWatchPorts {
  readonly transport: NetlinkTransport;
  readonly reactor: ReactorPort;
  readonly clock: Clock;
  /** The watch does not stand, and is opened again after a while. */
  readonly onFault: (cause: string) => void;
}

/** What it fills, and who hears of it. */
export interface HostWatchOptions extends HostWatchPorts {
  readonly table: {
    /** Counts what is told, by the kernel or in a dump; true: that is news. */
    learn(message: NetlinkMessage): boolean;
    /** Messages were lost: all is read anew. */
    forget(): void;
  };
  /** What the table is, in words. */
  readonly what: string;
  /** There is news, once for what is heard together, or there may be, as the kernel could not tell all of it. */
  readonly onNews: () => void;
  /** The table has all that there is. */
  readonly onRead: () => void;
}

const GROUPS: readonly number[] = [RTNLGRP.LINK, RTNLGRP.IPV4_IFADDR, RTNLGRP.IPV6_IFADDR];
/** Until it is tried again. */
const RETRY_MS = 30_000;

/** Watches until it is disposed. Nothing of it throws. */
export class HostWatch implements Disposable {
  readonly #options: HostWatchOptions;
  /** The sockets; undefined: none is open. */
  #open: DisposableStack | undefined;
  /** Messages were lost since what there is was read, or while it is. */
  #isStale = false;
  #isLearning = false;
  #retry: Disposable | undefined;
  #isDisposed = false;

  constructor(options: HostWatchOptions) {
    this.#options = options;
    this.#begin();
  }

  /** The table is being read. */
  get isLearning(): boolean {
    return this.#isLearning;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#retry?.[Symbol.dispose]();
    this.#close();
  }

  #begin(): void {
    const { transport, reactor, clock } = this.#options;
    try {
      using made = new DisposableStack();
      const socket = made.use(openSocket(transport, NETLINK.ROUTE, GROUPS));
      const channel = made.use(new NetlinkChannel(openSocket(transport, NETLINK.ROUTE), new Slices(clock)));
      made.use(reactor.add(socket.fd, EPOLLIN, () => this.#receive(socket, channel)));
      this.#open = made.move();
      void this.#learn(channel);
    } catch (error) {
      this.#giveUp(messageOf(error));
    }
  }

  /** Reads what there is. What is told meanwhile is heard after it, in the order in which it came about. */
  async #learn(channel: NetlinkChannel): Promise<void> {
    this.#isStale = true;
    if (this.#isLearning) return;
    this.#isLearning = true;
    const { table, what, onRead } = this.#options;
    try {
      while (this.#isStale) {
        this.#isStale = false;
        table.forget();
        for (const request of [dumpLinks(), dumpAddresses()]) {
          await channel.dump(`list the ${what} of this host`, request, (message) => {
            table.learn(message);
            return undefined;
          });
        }
      }
      this.#isLearning = false;
      onRead();
    } catch (error) {
      // It is not told twice that the sockets are closed.
      if (this.#open !== undefined) this.#giveUp(messageOf(error));
    } finally {
      this.#isLearning = false;
    }
  }

  /** Whatever is there, and one word for all of it. */
  #receive(socket: NetlinkSocket, channel: NetlinkChannel): void {
    const { table, onNews } = this.#options;
    let [isNews, isStale] = [false, false];
    let datagram = socket.receive();
    while (datagram !== ERRNO.EAGAIN) {
      if (typeof datagram !== "number") {
        for (const message of decodeMessages(datagram)) isNews = table.learn(message) || isNews;
      } else if (datagram === ERRNO.ENOBUFS || datagram === ERRNO.EMSGSIZE) {
        isStale = true;
      } else {
        // A descriptor that is broken says so for ever.
        return this.#giveUp(`hear of links and addresses: ${socket.describe(datagram)}`);
      }
      datagram = socket.receive();
    }
    // What came before the loss is older than what is read now.
    if (isStale) void this.#learn(channel);
    if (isNews || isStale) onNews();
  }

  #giveUp(cause: string): void {
    if (this.#isDisposed) return;
    const { clock, onFault } = this.#options;
    this.#close();
    this.#retry?.[Symbol.dispose]();
    this.#retry = clock.at(clock.now() + RETRY_MS, () => this.#begin());
    onFault(cause);
  }

  #close(): void {
    this.#open?.[Symbol.dispose]();
    this.#open = undefined;
  }
}
