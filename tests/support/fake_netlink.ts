/**
 * A kernel's end of netlink over a host in memory: requests in, answers out, octet by octet. With it the netlink kernel
 * port runs without privileges, and a test can lose answers, drop notifications, or change a dump while it is read.
 */
import type { Lacking } from "../../src/kernel/ipvs_hints.ts";
import {
  actualDestination,
  actualService,
  ipvsDestination,
  ipvsService,
  ipvsServiceId,
} from "../../src/kernel/ipvs_objects.ts";
import {
  ADDRESS_AS_SET,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { Writer } from "../../src/bytes/writer.ts";
import {
  align,
  attributeU32,
  decodeAttributes,
  HOST_ORDER,
  writeString,
} from "../../src/netlink/attribute.ts";
import {
  IFA_F,
  IFLA,
  IP_VS_SVC_F,
  IP_VS_TUNNEL_ENCAP_FLAG,
  IPVS_CMD,
  IPVS_CMD_ATTR,
  IPVS_DEST_ATTR,
  IPVS_SVC_ATTR,
  NETLINK,
  NLA,
  NLM_F,
  NLMSG,
  NLMSGERR_ATTR,
  RT_SCOPE,
  RTM,
  RTNLGRP,
} from "../../src/netlink/constants.ts";
import { errnoText } from "../../ffi/errno.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { decodeGeneric, GENL_HDRLEN } from "../../src/netlink/genetlink.ts";
import { addressFamily, newDest, newService } from "../../src/netlink/ipvs.ts";
import { decodeDest, decodeService } from "../../src/netlink/ipvs_decode.ts";
import { decodeMessages, encodeMessages, type NetlinkMessage } from "../../src/netlink/message.ts";
import { decodeRoute } from "../../src/netlink/route.ts";
import { decodeAddress, decodeLink } from "../../src/netlink/rtnetlink.ts";
import type { NetlinkSocket, NetlinkTransport, ReactorPort } from "../../src/netlink/transport.ts";
import type { FakeDestination, FakeHost } from "./fake_host.ts";
import type { Errno, FakeInterface } from "./fake_links.ts";
import { addressPayloads, linkPayload, neverPreferred, routePayload } from "./fake_rtnetlink.ts";

const ROUTES: ReadonlySet<number> = new Set([RTM.NEWROUTE, RTM.DELROUTE, RTM.GETROUTE]);
const LOOPBACK: FakeInterface = {
  index: 1,
  name: "lo",
  kind: undefined,
  alias: undefined,
  group: 0,
  up: true,
  carrier: true,
  master: undefined,
  mtu: 65536,
  ipv6: true,
  addresses: [],
};

/** The transport, and the readiness of its sockets. */
export class FakeNetlink implements NetlinkTransport, ReactorPort {
  readonly #host: FakeHost;
  readonly #sockets = new Map<number, FakeSocket>();
  readonly #callbacks = new Map<number, () => void>();
  #nextFd = 10;
  /** The number of the IPVS family. */
  family = 28;
  /** How often IPVS was asked for. */
  resolved = 0;
  /** Answers of the next requests that get lost. */
  loseAnswers = 0;
  /** So many dumps are interrupted by a change. */
  interruptDumps = 0;
  /** Datagrams that were sent, by how many messages were in each. */
  readonly sent: number[] = [];
  /** What its kernel is too old to know. */
  lacking: Lacking | undefined;
  /** Runs before each request is acted on. */
  beforeRequest: (message: NetlinkMessage) => void = () => {};

  constructor(host: FakeHost) {
    this.#host = host;
  }

  open(protocol: number, groups: readonly number[]): NetlinkSocket {
    const fd = this.#nextFd++;
    const socket = new FakeSocket(fd, (datagram) => this.#answer(protocol, datagram, socket), () => {
      this.#sockets.delete(fd);
    });
    this.#sockets.set(fd, socket);
    socket.groups = groups;
    return socket;
  }

  resolveFamily(name: string): number | undefined {
    this.resolved++;
    return name === "IPVS" && this.#host.modules.ipvs ? this.family : undefined;
  }

  add(fd: number, _events: number, callback: () => void): Disposable {
    this.#callbacks.set(fd, callback);
    return { [Symbol.dispose]: () => void this.#callbacks.delete(fd) };
  }

  /** How many sockets are open. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Tells members of the group that `message` is of; an errno those of links. */
  tell(message: Omit<NetlinkMessage, "sequence" | "port"> | number, port = 0): void {
    for (const socket of this.#sockets.values()) {
      const type = typeof message === "number" ? NLMSG.OVERRUN : message.type;
      if (!socket.groups.includes(groupOf(type))) continue;
      if (typeof message === "number") socket.queue.push(message);
      else {
        const { flags, payload } = message;
        socket.queue.push(encodeMessages([{ type, flags, sequence: 0, port, payload }]));
      }
    }
  }

  /** Calls back for every socket that has something to read. */
  react(): void {
    for (const [fd, callback] of this.#callbacks) {
      if ((this.#sockets.get(fd)?.queue.length ?? 0) > 0) callback();
    }
  }

  /** A notification about an interface, as if it had just changed. */
  tellLink(link: FakeInterface, type: number = RTM.NEWLINK): void {
    this.tell({ type, flags: 0, payload: linkPayload(link) });
  }

  #answer(protocol: number, datagram: Uint8Array, socket: FakeSocket): void {
    const requests = decodeMessages(datagram);
    this.sent.push(requests.length);
    for (const request of requests) {
      this.beforeRequest(request);
      const answers = protocol === NETLINK.ROUTE ? this.#route(request) : this.#generic(request);
      if (this.loseAnswers > 0) this.loseAnswers--;
      else socket.queue.push(...this.#datagrams(request, answers));
    }
  }

  /** Objects of a dump with its end, one object, or an error or acknowledgement. */
  #datagrams(request: NetlinkMessage, answers: readonly Uint8Array[] | Errno): readonly Uint8Array[] {
    const reply = (type: number, payload: Uint8Array, flags = 0): NetlinkMessage => {
      return { type, flags, sequence: request.sequence, port: 77, payload };
    };
    if (typeof answers === "object") {
      const type = request.type === RTM.GETLINK
        ? RTM.NEWLINK
        : request.type === RTM.GETADDR
        ? RTM.NEWADDR
        : request.type === RTM.GETROUTE
        ? RTM.NEWROUTE
        : request.type;
      if ((request.flags & NLM_F.DUMP) !== NLM_F.DUMP) {
        return answers.map((payload) => encodeMessages([reply(type, payload)]));
      }
      const interrupted = this.interruptDumps > 0 ? NLM_F.DUMP_INTR : 0;
      if (interrupted !== 0) this.interruptDumps--;
      // An interrupted one lacks what changed.
      const seen = interrupted === 0 ? answers : answers.slice(0, 1);
      const objects = seen.map((payload) => reply(type, payload, NLM_F.MULTI | interrupted));
      // Two objects a datagram, so that a dump is more than one.
      const pairs = objects.flatMap((_, index) => index % 2 === 0 ? [objects.slice(index, index + 2)] : []);
      const done = reply(NLMSG.DONE, new Uint8Array(4), NLM_F.MULTI | interrupted);
      return [...pairs, [done]].map((each) => encodeMessages(each));
    }
    if (answers === undefined && (request.flags & NLM_F.ACK) === 0) return [];
    const writer = new Writer(HOST_ORDER).u32(-(answers ?? 0) >>> 0);
    writer.bytes(encodeMessages([request]).subarray(0, NLMSG.HDRLEN));
    if (answers === ERRNO.EOPNOTSUPP) writeString(writer, NLMSGERR_ATTR.MSG, "Unknown device type");
    const tlvs = answers === ERRNO.EOPNOTSUPP ? NLM_F.ACK_TLVS : 0;
    return [encodeMessages([reply(NLMSG.ERROR, writer.finish(), NLM_F.CAPPED | tlvs)])];
  }

  #route(request: NetlinkMessage): readonly Uint8Array[] | Errno {
    const host = this.#host;
    const dump = (request.flags & NLM_F.DUMP) === NLM_F.DUMP;
    if (request.type === RTM.GETADDR) return host.interfaces.flatMap(addressPayloads);
    if (request.type === RTM.NEWADDR || request.type === RTM.DELADDR) {
      const decoded = decodeAddress(request);
      if (decoded === undefined) return ERRNO.EINVAL;
      const { index, address, prefixLength, peer, scope, flags } = decoded;
      if (request.type === RTM.DELADDR) return host.deleteAddress(index, address, prefixLength, peer);
      return host.replaceAddress(index, {
        ...ADDRESS_AS_SET,
        address,
        prefixLength,
        peer,
        deprecated: neverPreferred(request),
        hostScope: address.family === 6 || scope === RT_SCOPE.HOST,
        nodad: address.family === 4 || (flags & IFA_F.NODAD) !== 0,
      });
    }
    if (ROUTES.has(request.type)) {
      const { index, destination } = decodeRoute(request);
      if (destination === undefined) return ERRNO.EINVAL;
      if (request.type !== RTM.GETROUTE) {
        return host.setLocalRoute(index, destination, request.type === RTM.NEWROUTE);
      }
      return host.delivers(destination) ? [routePayload(destination)] : ERRNO.ENETUNREACH;
    }
    const masterOf = ({ master }: FakeInterface) => master === undefined ? 0 : this.#masterIndex(master);
    const toldLink = (each: FakeInterface) => linkPayload(each, masterOf(each));
    if (dump) return [LOOPBACK, ...host.interfaces].map(toldLink);
    const { index, name, kind, alias, group, up } = decodeLink(request);
    const attributes = decodeAttributes(request.payload.subarray(16));
    const link = host.interfaces.find((each) => index === 0 ? each.name === name : each.index === index);
    switch (request.type) {
      case RTM.NEWLINK:
        if (!host.privileged) return ERRNO.EPERM;
        if (name === "") return host.modules.dummy ? ERRNO.EADDRNOTAVAIL : ERRNO.EOPNOTSUPP;
        return kind === "dummy" ? host.createDummy(name, group) : ERRNO.EOPNOTSUPP;
      case RTM.GETLINK:
        return link === undefined ? ERRNO.ENODEV : [toldLink(link)];
      case RTM.SETLINK:
        if (!host.privileged) return ERRNO.EPERM;
        return host.setLink(link?.index ?? -1, {
          ...alias === undefined ? {} : { alias },
          ...up ? { up } : {},
          ...attributes.has(IFLA.MASTER) ? { master: 0 } : {},
          ...attributes.has(IFLA.MTU) ? { mtu: attributeU32(attributes, IFLA.MTU) ?? 0 } : {},
          ...attributes.has(IFLA.CARRIER) ? { carrier: true } : {},
        });
      case RTM.DELLINK:
        return host.deleteLink(link?.index ?? -1);
      default:
        return ERRNO.EOPNOTSUPP;
    }
  }

  /** A master that is not among the interfaces has a number of its own. */
  #masterIndex(name: string): number {
    return this.#host.interfaces.find((each) => each.name === name)?.index ?? 1000;
  }

  #generic(request: NetlinkMessage): readonly Uint8Array[] | Errno {
    const host = this.#host;
    if (request.type !== this.family || !host.modules.ipvs) return ERRNO.ENOENT;
    const { command } = decodeGeneric(request.payload);
    if (command === IPVS_CMD.GET_SERVICE) {
      return host.services.map((service) => servicePayload(this.family, service));
    }
    const decoded = decodeService(request);
    const service = decoded && actualService(decoded);
    if (service === undefined) return ERRNO.EINVAL;
    if (command === IPVS_CMD.GET_DEST) {
      const key = virtualServiceKey(service);
      const found = host.services.find((each) => virtualServiceKey(each) === key);
      return (found?.destinations ?? []).map((destination) => this.#destinationPayload(service, destination));
    }
    if (command === IPVS_CMD.NEW_SERVICE) return host.newService(service);
    if (command === IPVS_CMD.SET_SERVICE) return host.setService(service);
    if (command === IPVS_CMD.DEL_SERVICE) return host.delService(service);
    const known = { ...request, payload: this.#unknowing(request.payload) };
    const destination = decodeDest(known, addressFamily(service.address));
    if (destination === undefined) return ERRNO.EINVAL;
    const { activeConnections: _, inactiveConnections: _2, ...settings } = actualDestination(destination);
    if (command === IPVS_CMD.NEW_DEST) return host.newDest(service, settings);
    return command === IPVS_CMD.SET_DEST ? host.setDest(service, settings) : host.delDest(service, settings);
  }

  #destinationPayload(service: VirtualServiceId, destination: FakeDestination): Uint8Array {
    const settings = ipvsDestination(destination);
    const foreign = destination.foreign === "remote checksum" ? IP_VS_TUNNEL_ENCAP_FLAG.REMCSUM : 0;
    const tunnelFlags = settings.tunnelFlags | foreign;
    const { payload } = newDest(this.family, ipvsServiceId(service), { ...settings, tunnelFlags });
    return this.#unknowing(payload);
  }

  /** As a kernel sees and says it that does not know the newest attributes. */
  #unknowing(payload: Uint8Array): Uint8Array {
    const hidden: readonly number[] = HIDDEN[this.lacking ?? "nothing"];
    if (hidden.length === 0) return payload;
    const copy = payload.slice();
    const view = new DataView(copy.buffer);
    const nest = (start: number, end: number, inDestination: boolean) => {
      for (let at = start; at + NLA.HDRLEN <= end; at += align(view.getUint16(at, true))) {
        const type = view.getUint16(at + 2, true) & NLA.TYPE_MASK;
        if (inDestination && hidden.includes(type)) view.setUint16(at + 2, UNKNOWN_ATTRIBUTE, true);
        else if (!inDestination && type === IPVS_CMD_ATTR.DEST) {
          nest(at + NLA.HDRLEN, at + view.getUint16(at, true), true);
        }
      }
    };
    nest(GENL_HDRLEN, copy.byteLength, false);
    return copy;
  }
}

const UNKNOWN_ATTRIBUTE = 99;
/** What a kernel does not know. */
const HIDDEN = {
  nothing: [],
  TUN_FLAGS: [IPVS_DEST_ATTR.TUN_FLAGS],
  TUN_TYPE: [IPVS_DEST_ATTR.TUN_TYPE, IPVS_DEST_ATTR.TUN_PORT, IPVS_DEST_ATTR.TUN_FLAGS],
} as const;

class FakeSocket implements NetlinkSocket {
  /** Datagrams and errnos that are there to be received. */
  readonly queue: (Uint8Array | number)[] = [];
  groups: readonly number[] = [];
  readonly fd: number;
  readonly #onSend: (datagram: Uint8Array) => void;
  readonly #onClose: () => void;

  constructor(fd: number, onSend: (datagram: Uint8Array) => void, onClose: () => void) {
    this.fd = fd;
    this.#onSend = onSend;
    this.#onClose = onClose;
  }

  send(datagram: Uint8Array<ArrayBuffer>): number {
    this.#onSend(datagram);
    return 0;
  }

  receive(): Uint8Array | number {
    return this.queue.shift() ?? ERRNO.EAGAIN;
  }

  describe(errno: number): string {
    return errnoText(errno);
  }

  [Symbol.dispose](): void {
    this.#onClose();
  }
}

function groupOf(type: number): number {
  if (ROUTES.has(type)) return RTNLGRP.IPV6_ROUTE;
  return type === RTM.NEWADDR || type === RTM.DELADDR ? RTNLGRP.IPV6_IFADDR : RTNLGRP.LINK;
}

function servicePayload(family: number, service: VirtualService): Uint8Array {
  const settings = ipvsService(service);
  const { payload } = newService(family, { ...settings, flags: settings.flags | IP_VS_SVC_F.HASHED });
  // Behind what was set, and within the same attribute, stand the counters: none here.
  const counters = new Uint8Array(payload.byteLength + NLA.HDRLEN);
  counters.set(payload);
  const view = new DataView(counters.buffer);
  view.setUint16(GENL_HDRLEN, payload.byteLength - GENL_HDRLEN + NLA.HDRLEN, true);
  view.setUint16(payload.byteLength, NLA.HDRLEN, true);
  view.setUint16(payload.byteLength + 2, IPVS_SVC_ATTR.STATS64, true);
  return counters;
}
