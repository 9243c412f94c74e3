/**
 * The kernel port on netlink. The kernel acts while a request is sent; between slices of what is long, a read or many
 * changes, the event loop gets to run, so that a keepalive is not late because of a thousand destinations. Reads and changes
 * take turns.
 */
import { NETLINK } from "../netlink/constants.ts";
import { KernelError, type NetlinkTransport, openSocket, type ReactorPort } from "../netlink/transport.ts";
import type { Clock } from "../time/clock.ts";
import { Slices } from "../time/slices.ts";
import type { Change } from "./change.ts";
import type { Interest, Kernel } from "./kernel.ts";
import { isIpvsChange } from "./ipvs_hints.ts";
import { NetlinkIpvs } from "./netlink_ipvs.ts";
import { NetlinkLinks } from "./netlink_links.ts";
import { type Concern, LINK_GROUPS, LOCAL_TABLE, NetlinkWatch, ROUTE_GROUPS } from "./netlink_watch.ts";
import { sharedKernel } from "./sharing.ts";
import {
  type ActualInterface,
  type ActualKernel,
  isOurs,
  markedFwmarks,
  virtualServiceKey,
} from "./state.ts";
import type { Sysctls } from "./sysctl.ts";
import { Turns } from "./turns.ts";

/** What the kernel port stands on. */
export interface NetlinkKernelPorts {
  readonly transport: NetlinkTransport;
  readonly reactor: ReactorPort;
  readonly clock: Clock;
  readonly sysctls: Sysctls;
}

/** IPVS changes in one datagram: few enough for every one's error to fit the receive buffer. */
const BATCH = 64;
/** Milliseconds to wait for the routes of IPv6 addresses that were added. */
const ROUTE_WAITS = 20;

/** The kernel of this host. Sockets are opened when they are needed first; disposing closes them. */
export function openNetlinkKernel({ transport, reactor, clock, sysctls }: NetlinkKernelPorts): Kernel {
  const slices = new Slices(clock);
  const turns = new Turns();
  const links = new NetlinkLinks(transport, sysctls, slices);
  const ipvs = new NetlinkIpvs(transport, slices);
  const watches = new Set<NetlinkWatch>();
  let last: ActualKernel | undefined;
  /** What it is of. */
  let lastInterest: Interest | undefined;

  async function read(interest: Interest, made?: readonly Change[]): Promise<ActualKernel> {
    slices.begin();
    const changed = made?.filter(isIpvsChange);
    const areLinksKnown = made !== undefined && changed?.length === made.length && interest === lastInterest;
    const interfaces = (areLinksKnown ? last?.interfaces : undefined) ?? await readLinks(interest);
    const onOurs = interfaces.filter(isOurs).flatMap(({ addresses }) => addresses);
    const addresses = new Set([...interest.addresses, ...onOurs.map(({ address }) => address.text)]);
    const marks = interfaces.flatMap(markedFwmarks).map(virtualServiceKey);
    const fwmarks = new Set([...interest.fwmarks, ...marks]);
    const virtualServices = interest.managed.ipvs ? await ipvs.read({ addresses, fwmarks }, changed) : [];
    lastInterest = interest;
    return last = sharedKernel(last, { interfaces, virtualServices });
  }

  /** Of what is told while it is read, too, that counts which concerns us by what is read. */
  async function readLinks(interest: Interest): Promise<readonly ActualInterface[]> {
    let concern: Concern | undefined;
    for (const watch of watches) watch.beginRead();
    try {
      const interfaces = interest.managed.interfaces ? await links.read(interest) : [];
      const placed = interfaces.flatMap((link) => link.addresses.map(({ address }) => address.text));
      concern = {
        interfaceNames: interest.interfaceNames,
        indexes: new Set(interfaces.map(({ index }) => index)),
        addresses: new Set(placed),
      };
      return interfaces;
    } finally {
      for (const watch of watches) watch.endRead(concern);
    }
  }

  async function apply(changes: readonly Change[]): Promise<readonly (KernelError | undefined)[]> {
    const outcomes: (KernelError | undefined)[] = [];
    const failed = new Map<string, KernelError>();
    slices.begin();
    while (outcomes.length < changes.length) {
      await slices.pause();
      const batch = nextBatch(changes, outcomes.length);
      outcomes.push(...await applyBatch(batch, failed));
    }
    await routesMade();
    return outcomes;
  }

  /** What is not there by then will be heard of. */
  async function routesMade(): Promise<void> {
    try {
      for (let waits = 0; waits < ROUTE_WAITS && await links.awaitsRoutes(); waits++) {
        await slices.wait(1);
      }
    } catch (error) {
      // It is the next read's to say what is wrong.
      if (!(error instanceof KernelError)) throw error;
    }
    links.forgetRoutes();
  }

  /** `failed` holds the errors of what later changes rest on. */
  async function applyBatch(batch: readonly Change[], failed: Map<string, KernelError>) {
    const possible = failed.size === 0 ? batch : batch.filter((change) => !failed.has(restsOn(change)));
    const outcomes = await attempt(possible);
    if (failed.size === 0 && outcomes.every((error) => error === undefined)) return outcomes;
    const errors = new Map(outcomes.map((error, index) => [possible[index], error]));
    return batch.map((change) => {
      const error = failed.get(restsOn(change)) ?? errors.get(change);
      if (error !== undefined) failed.set(foundationOf(change), error);
      return error;
    });
  }

  async function attempt(changes: readonly Change[]): Promise<readonly (KernelError | undefined)[]> {
    try {
      if (changes.length > 0 && changes.every(isIpvsChange)) return await ipvs.apply(changes);
      for (const change of changes) if (!isIpvsChange(change)) links.apply(change);
      return changes.map(() => undefined);
    } catch (error) {
      // The exchange as such failed: nothing is known of any of them.
      if (!(error instanceof KernelError)) throw error;
      return changes.map(() => error);
    }
  }

  return {
    read: (interest, made) => turns.take(() => read(interest, made)),
    apply: (changes) => turns.take(() => apply(changes)),
    traffic: () =>
      turns.take(() => {
        slices.begin();
        return ipvs.traffic();
      }),
    watch(onChange) {
      using made = new DisposableStack();
      for (const [groups, filter] of [[LINK_GROUPS, undefined], [ROUTE_GROUPS, LOCAL_TABLE]] as const) {
        const socket = openSocket(transport, NETLINK.ROUTE, groups, filter);
        const watch = made.use(new NetlinkWatch(socket, reactor, onChange));
        made.defer(() => void watches.delete(watch));
        watches.add(watch);
      }
      return made.move();
    },
    probe: (needs) =>
      turns.take(() => [...(needs.interfaces ? links.probe() : []), ...(needs.ipvs ? ipvs.probe() : [])]),
    [Symbol.dispose]() {
      for (const watch of watches) watch[Symbol.dispose]();
      watches.clear();
      links[Symbol.dispose]();
      ipvs[Symbol.dispose]();
    },
  };
}

/** One change of interfaces or addresses, or a row of IPVS changes. */
function nextBatch(changes: readonly Change[], start: number): readonly Change[] {
  const row = changes.slice(start, start + BATCH);
  const end = row.findIndex((change) => !isIpvsChange(change));
  return row.slice(0, end < 0 ? BATCH : Math.max(end, 1));
}

/** What later changes may rest on; "" where nothing does. */
function foundationOf(change: Change): string {
  if (change.type === "create-interface" || change.type === "set-interface") {
    return `interface ${change.name}`;
  }
  return change.type === "create-service" ? virtualServiceKey(change.service) : "";
}

/** The foundation of a change; "nothing" where it has none. */
function restsOn(change: Change): string {
  if ("interface" in change && change.type !== "delete-address") return `interface ${change.interface}`;
  return change.type === "create-destination" ? virtualServiceKey(change.service) : "nothing";
}
