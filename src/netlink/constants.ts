/**
 * Netlink ABI constants, valued as in the uapi headers: <linux/netlink.h>, <linux/genetlink.h>, <linux/rtnetlink.h>,
 * <linux/if_link.h>, <linux/if_addr.h>, <linux/if.h>, <linux/ip_vs.h>. `X.Y` here is `X_Y` there.
 */

/** Netlink protocols. */
export const NETLINK = {
  ROUTE: 0,
  GENERIC: 16,
} as const;

/** Flags of a message. */
export const NLM_F = {
  REQUEST: 0x01,
  MULTI: 0x02,
  ACK: 0x04,
  DUMP_INTR: 0x10,
  ROOT: 0x100,
  MATCH: 0x200,
  DUMP: 0x100 | 0x200,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  CAPPED: 0x100,
  ACK_TLVS: 0x200,
} as const;

/** Message types that every family has, and sizes. */
export const NLMSG = {
  ALIGNTO: 4,
  HDRLEN: 16,
  NOOP: 0x1,
  ERROR: 0x2,
  DONE: 0x3,
  OVERRUN: 0x4,
} as const;

/** Attributes of an extended acknowledgement. */
export const NLMSGERR_ATTR = {
  MSG: 1,
} as const;

/** Sizes and masks of attributes. */
export const NLA = {
  TYPE_MASK: 0x3fff,
  HDRLEN: 4,
} as const;

/** Flags in an attribute's type. */
export const NLA_F = {
  NESTED: 1 << 15,
  NET_BYTEORDER: 1 << 14,
} as const;

/** Message types of links, addresses and routes. */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
} as const;

/** Multicast groups of links, addresses and routes. */
export const RTNLGRP = {
  LINK: 1,
  IPV4_IFADDR: 5,
  IPV4_ROUTE: 7,
  IPV6_IFADDR: 9,
  IPV6_ROUTE: 11,
} as const;

/** Scopes of an address or a route. */
export const RT_SCOPE = {
  UNIVERSE: 0,
  LINK: 253,
  HOST: 254,
} as const;

/** Attributes of a link. */
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  MASTER: 10,
  LINKINFO: 18,
  IFALIAS: 20,
  AF_SPEC: 26,
  GROUP: 27,
  EXT_MASK: 29,
  CARRIER: 33,
} as const;

/** RTEXT_FILTER_*: what an answer may leave out. */
export const RTEXT_FILTER = {
  SKIP_STATS: 8,
} as const;

/** Attributes nested in IFLA_AF_SPEC's AF_INET6. */
export const IFLA_INET6 = {
  CONF: 2,
} as const;

/** Places in the array of IFLA_INET6_CONF (<linux/ipv6.h>). */
export const DEVCONF = {
  DISABLE_IPV6: 26,
} as const;

/** An interface of a smaller MTU has no IPv6 (<linux/ipv6.h>). */
export const IPV6_MIN_MTU = 1280;
/** The MTU that a dummy interface has by default (<linux/if_ether.h>). */
export const ETH_DATA_LEN = 1500;

/** Attributes nested in IFLA_LINKINFO. */
export const IFLA_INFO = {
  KIND: 1,
} as const;

/** Flags of a link. */
export const IFF = {
  UP: 0x1,
} as const;

/** Attributes of an address. */
export const IFA = {
  ADDRESS: 1,
  LOCAL: 2,
  BROADCAST: 4,
  CACHEINFO: 6,
  FLAGS: 8,
} as const;

/** Flags of an address. */
export const IFA_F = {
  TEMPORARY: 0x01,
  NODAD: 0x02,
  DADFAILED: 0x08,
  DEPRECATED: 0x20,
  TENTATIVE: 0x40,
  PERMANENT: 0x80,
  NOPREFIXROUTE: 0x200,
} as const;

/** Attributes of a route. */
export const RTA = {
  DST: 1,
  IIF: 3,
  OIF: 4,
  PREFSRC: 7,
  METRICS: 8,
  TABLE: 15,
} as const;

/** What is nested in RTA_METRICS. */
export const RTAX = {
  MTU: 2,
} as const;

/** Routing tables. */
export const RT_TABLE = {
  MAIN: 254,
  LOCAL: 255,
} as const;

/** Types of a route. */
export const RTN = {
  UNICAST: 1,
  LOCAL: 2,
  BLACKHOLE: 6,
} as const;

/** Who made a route. */
export const RTPROT = {
  KERNEL: 2,
} as const;

/** Address families. */
export const AF = {
  UNSPEC: 0,
  INET: 2,
  BRIDGE: 7,
  INET6: 10,
} as const;

/** Protocols over IP. */
export const IPPROTO = {
  TCP: 6,
  UDP: 17,
  SCTP: 132,
} as const;

/** The generic netlink family of IPVS. */
export const IPVS_GENL = {
  NAME: "IPVS",
  VERSION: 0x1,
} as const;

/** IPVS commands. */
export const IPVS_CMD = {
  NEW_SERVICE: 1,
  SET_SERVICE: 2,
  DEL_SERVICE: 3,
  GET_SERVICE: 4,
  NEW_DEST: 5,
  SET_DEST: 6,
  DEL_DEST: 7,
  GET_DEST: 8,
} as const;

/** Attributes of an IPVS command. */
export const IPVS_CMD_ATTR = {
  SERVICE: 1,
  DEST: 2,
} as const;

/** Attributes of a virtual service. */
export const IPVS_SVC_ATTR = {
  AF: 1,
  PROTOCOL: 2,
  ADDR: 3,
  PORT: 4,
  FWMARK: 5,
  SCHED_NAME: 6,
  FLAGS: 7,
  TIMEOUT: 8,
  NETMASK: 9,
  PE_NAME: 11,
  /** Since Linux 4.1. */
  STATS64: 12,
} as const;

/** Attributes nested in IPVS_SVC_ATTR_STATS64, a u64 each: what went through, and what the kernel estimates for a second. */
export const IPVS_STATS_ATTR = {
  CONNS: 1,
  INPKTS: 2,
  OUTPKTS: 3,
  INBYTES: 4,
  OUTBYTES: 5,
  CPS: 6,
  INPPS: 7,
  OUTPPS: 8,
  INBPS: 9,
  OUTBPS: 10,
} as const;

/** Attributes of a destination. */
export const IPVS_DEST_ATTR = {
  ADDR: 1,
  PORT: 2,
  FWD_METHOD: 3,
  WEIGHT: 4,
  U_THRESH: 5,
  L_THRESH: 6,
  ACTIVE_CONNS: 7,
  INACT_CONNS: 8,
  PERSIST_CONNS: 9,
  ADDR_FAMILY: 11,
  TUN_TYPE: 13,
  TUN_PORT: 14,
  TUN_FLAGS: 15,
} as const;

/** Encapsulations of a tunnel: `IP_VS_CONN_F_TUNNEL_TYPE_IPIP` and so on. */
export const IP_VS_CONN_F_TUNNEL_TYPE = {
  IPIP: 0,
  GUE: 1,
  GRE: 2,
} as const;

/** Flags of an encapsulation: `IP_VS_TUNNEL_ENCAP_FLAG_CSUM` and so on. */
export const IP_VS_TUNNEL_ENCAP_FLAG = {
  CSUM: 0x1,
  REMCSUM: 0x2,
} as const;

/** A lifetime without end (<net/addrconf.h>). */
export const INFINITY_LIFE_TIME = 0xffff_ffff;

/** Virtual service flags: `IP_VS_SVC_F_PERSISTENT` and so on. */
export const IP_VS_SVC_F = {
  PERSISTENT: 0x0001,
  HASHED: 0x0002,
  ONEPACKET: 0x0004,
  SCHED1: 0x0008,
  SCHED2: 0x0010,
  SCHED3: 0x0020,
} as const;

/** Forwarding methods of a destination: `IP_VS_CONN_F_MASQ` and so on. */
export const IP_VS_CONN_F = {
  FWD_MASK: 0x0007,
  MASQ: 0x0000,
  LOCALNODE: 0x0001,
  TUNNEL: 0x0002,
  DROUTE: 0x0003,
  BYPASS: 0x0004,
} as const;
