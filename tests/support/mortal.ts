/** What a process does until it is killed: every effect that it has on the kernel and the disk goes through here, and ends here. */
import type { StateFiles } from "../../src/agent/drain_keeper.ts";
import { IPVS_CMD, NETLINK, RTM } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { decodeMessages, type NetlinkMessage } from "../../src/netlink/message.ts";
import { decodeLink } from "../../src/netlink/rtnetlink.ts";
import type { Sysctls } from "../../src/kernel/sysctl.ts";
import type { NetlinkTransport } from "../../src/netlink/transport.ts";

/** A process that dies before one of its sends or of what it writes to a sysctl, and is dead from then on. */
export class Mortal {
  /** How many datagrams it has sent, and sysctls written. */
  sent = 0;
  /** How many messages of these would change something. */
  changes = 0;
  readonly #lastSend: number;

  /** @param lastSend so many datagrams reach the kernel */
  constructor(lastSend = Infinity) {
    this.#lastSend = lastSend;
  }

  /** SIGKILL has come. */
  get isDead(): boolean {
    return this.sent > this.#lastSend;
  }

  /** `transport`, for as long as it lives. */
  transport(transport: NetlinkTransport): NetlinkTransport {
    return {
      open: (protocol, groups) => {
        const socket = transport.open(protocol, groups);
        return {
          fd: socket.fd,
          send: (datagram) => {
            if (!this.isDead) this.sent++;
            if (!this.isDead) this.changes += decodeMessages(datagram).filter(isChangeOf(protocol)).length;
            return this.isDead ? ERRNO.ENOBUFS : socket.send(datagram);
          },
          receive: () => this.isDead ? ERRNO.EAGAIN : socket.receive(),
          describe: (errno) => socket.describe(errno),
          [Symbol.dispose]: () => socket[Symbol.dispose](),
        };
      },
      resolveFamily: (name) => transport.resolveFamily(name),
    };
  }

  /** `sysctls`, for as long as it lives. */
  sysctls(sysctls: Sysctls): Sysctls {
    return {
      set: (path, value) => {
        if (!this.isDead) this.sent++;
        if (!this.isDead) this.changes++;
        if (!this.isDead) sysctls.set(path, value);
      },
    };
  }

  /** `files`, for as long as it lives. */
  files(files: StateFiles): StateFiles {
    const never = new Promise<never>(() => {});
    return {
      read: (path) => files.read(path),
      replace: (path, octets) => this.isDead ? never : files.replace(path, octets),
      setAside: (path) => this.isDead ? never : files.setAside(path),
    };
  }
}

/** A command is the first octet of its payload (struct genlmsghdr); those that only ask are IPVS_CMD_GET_*; what the agent asks a host by, whether it may and can, changes nothing. */
function isChangeOf(protocol: number): (message: NetlinkMessage) => boolean {
  if (protocol !== NETLINK.ROUTE) return (message) => !GETTERS.has(message.payload[0] ?? 0);
  return (message) => {
    if (message.type === RTM.GETLINK || message.type === RTM.GETADDR || message.type === RTM.GETROUTE) {
      return false;
    }
    if (message.type !== RTM.NEWLINK && message.type !== RTM.SETLINK) return true;
    const { index, name } = decodeLink(message);
    return index !== NO_INDEX && (index !== 0 || name !== "");
  };
}

const GETTERS: ReadonlySet<number> = new Set([IPVS_CMD.GET_SERVICE, IPVS_CMD.GET_DEST]);
/** No interface has it. */
const NO_INDEX = 0x7fff_ffff;
