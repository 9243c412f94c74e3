/** What programs the kernel's IPVS beside us: netlink messages and nothing around them, ipvsadm, keepalived. */
import { NetlinkChannel } from "../../src/netlink/channel.ts";
import { IPVS_GENL, NETLINK, NLM_F, NLMSG } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import {
  addressFamily,
  dumpDests,
  dumpServices,
  newDest,
  newService,
  setDest,
} from "../../src/netlink/ipvs.ts";
import { decodeDest } from "../../src/netlink/ipvs_decode.ts";
import { AddressPool } from "../../src/netlink/address_pool.ts";
import { ipvsDestination, ipvsService, ipvsServiceId } from "../../src/kernel/ipvs_objects.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Slices } from "../../src/time/slices.ts";
import { encodeMessages, type Request } from "../../src/netlink/message.ts";
import { createDummy, decodeLink, dumpLinks, replaceAddress, setLink } from "../../src/netlink/rtnetlink.ts";
import type { NetlinkSocket, NetlinkTransport } from "../../src/netlink/transport.ts";
import { type DesiredKernel, INTERFACE_GROUP, type VirtualService } from "../../src/kernel/state.ts";
import { Process, runOrThrow } from "../support/process.ts";
import { waitFor } from "../support/until.ts";

/** Requests in one datagram: as many as fit the socket's send buffer. */
const BATCH = 500;
/** Beyond what any of them takes. */
const LIMIT_MS = 120_000;
/** How often it is looked whether a rival is done. */
const LOOK_MS = 20;

/** The kernel itself, by messages that are encoded before the clock runs. */
export class BareNetlink implements Disposable {
  readonly #transport: NetlinkTransport;
  readonly #family: number;
  readonly #generic: NetlinkSocket;
  readonly #asking: NetlinkChannel;

  /** @throws where the kernel has no IPVS */
  constructor(transport: NetlinkTransport) {
    const family = transport.resolveFamily(IPVS_GENL.NAME);
    if (family === undefined) throw new Error("this kernel has no IPVS");
    this.#transport = transport;
    this.#family = family;
    this.#generic = transport.open(NETLINK.GENERIC, []);
    this.#asking = new NetlinkChannel(transport.open(NETLINK.GENERIC, []), new Slices(systemClock));
  }

  /** Milliseconds until all of it is there, from nothing. */
  program(services: readonly VirtualService[]): number {
    return this.#send(services.flatMap((service) => [
      newService(this.#family, ipvsService(service)),
      ...service.destinations.map((each) =>
        newDest(this.#family, ipvsServiceId(service), ipvsDestination(each))
      ),
    ]));
  }

  /** Milliseconds until every virtual service's last destination has its weight. */
  weigh(service: VirtualService): number {
    return this.#send(
      service.destinations.slice(-1).map((each) =>
        setDest(this.#family, ipvsServiceId(service), ipvsDestination(each))
      ),
    );
  }

  /** Milliseconds for a dump of all services and then of each one's destinations, whose octets nobody looks at. */
  dump(services: readonly VirtualService[]): number {
    const requests = [
      dumpServices(this.#family),
      ...services.map((each) => dumpDests(this.#family, ipvsServiceId(each))),
    ];
    const datagrams = requests.map((request) => datagramOf([request]));
    const begin = performance.now();
    for (const datagram of datagrams) {
      checked(this.#generic.send(datagram));
      while (!isLast(this.#generic.receive()));
    }
    return performance.now() - begin;
  }

  /** The weights of a virtual service's destinations, in the kernel's order; empty where it is not there. */
  async weights(service: VirtualService): Promise<readonly number[]> {
    const { address } = service;
    const pool = new AddressPool();
    const destinations = await this.#asking.dump(
      "look",
      dumpDests(this.#family, ipvsServiceId(service)),
      (message) => decodeDest(message, addressFamily(address), pool),
    );
    return destinations.map(({ weight }) => weight);
  }

  /** Milliseconds until interfaces and addresses are there. */
  async addresses({ interfaces }: DesiredKernel): Promise<number> {
    const channel = new NetlinkChannel(this.#transport.open(NETLINK.ROUTE, []), new Slices(systemClock));
    using _channel = channel;
    const begin = performance.now();
    for (let at = 0; at < interfaces.length; at += BATCH / 10) {
      channel.transact(
        "create",
        interfaces.slice(at, at + BATCH / 10).map(({ name }) => createDummy(name, INTERFACE_GROUP)),
      );
    }
    const links = await channel.dump("list", dumpLinks(), decodeLink);
    const indexes = new Map(links.map(({ name, index }) => [name, index]));
    for (let at = 0; at < interfaces.length; at += BATCH / 10) {
      const requests = interfaces.slice(at, at + BATCH / 10).flatMap(({ name, addresses }) => {
        const index = indexes.get(name) ?? 0;
        return [setLink({ index }, { up: true }), ...addresses.map((each) => replaceAddress(index, each))];
      });
      channel.transact("add", requests);
    }
    return performance.now() - begin;
  }

  #send(requests: readonly Request[]): number {
    const datagrams: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < requests.length; at += BATCH) {
      datagrams.push(datagramOf(requests.slice(at, at + BATCH)));
    }
    const begin = performance.now();
    for (const datagram of datagrams) {
      checked(this.#generic.send(datagram));
      for (let answer = this.#generic.receive(); answer !== ERRNO.EAGAIN; answer = this.#generic.receive()) {
        if (typeof answer === "number") checked(answer);
        else checked(-new DataView(answer.buffer, answer.byteOffset).getInt32(NLMSG.HDRLEN, true));
      }
    }
    return performance.now() - begin;
  }

  [Symbol.dispose](): void {
    this.#generic[Symbol.dispose]();
    this.#asking[Symbol.dispose]();
  }
}

/** Milliseconds that `ipvsadm -R` takes for all of it, from nothing. */
export async function ipvsadmRestore(services: readonly VirtualService[]): Promise<number> {
  const input = services.flatMap(({ address, port, scheduler, destinations }) => [
    `-A -t ${address.text}:${port} -s ${scheduler}`,
    ...destinations.map((each) =>
      `-a -t ${address.text}:${port} -r ${each.address.text}:${each.port} -m -w ${each.weight}`
    ),
  ]).map((line) => `${line}\n`).join("");
  return await milliseconds(() => runOrThrow("ipvsadm", ["-R"], { input, timeoutMs: LIMIT_MS }));
}

/** Milliseconds that `ipvsadm -Sn` takes to tell what is there. */
export function ipvsadmSave(): Promise<number> {
  return milliseconds(() => runOrThrow("ipvsadm", ["-Sn"], { timeoutMs: LIMIT_MS }));
}

/** Milliseconds that `ipvsadm -e` takes for the last destination. */
export function ipvsadmWeigh({ address, port, destinations }: VirtualService): Promise<number> {
  const each = destinations.at(-1);
  if (each === undefined) throw new Error("no destination");
  const destination = ["-r", `${each.address.text}:${each.port}`, "-m", "-w", `${each.weight}`];
  return milliseconds(() => runOrThrow("ipvsadm", ["-e", "-t", `${address.text}:${port}`, ...destination]));
}

/** How long keepalived took, in milliseconds. */
export interface KeepalivedFigures {
  /** From its start until the last destination is there. */
  readonly program: number;
  /** From SIGHUP until the last destination has its new weight. */
  readonly weigh: number;
}

/** keepalived's checker process alone, with the same services and no checks. */
export async function keepalived(
  folder: string,
  kernel: BareNetlink,
  before: readonly VirtualService[],
  after: readonly VirtualService[],
): Promise<KeepalivedFigures> {
  const file = `${folder}/keepalived.conf`;
  const write = (services: readonly VirtualService[]) =>
    Deno.writeTextFileSync(file, services.map(keepalivedService).join(""));
  const [last, wanted] = [before.at(-1), after.at(-1)];
  if (last === undefined || wanted === undefined) throw new Error("no virtual service");
  const has = (service: VirtualService) => async () => {
    const weights = service.destinations.map(({ weight }) => weight);
    return (await kernel.weights(service)).toSorted().join() === weights.toSorted().join();
  };
  write(before);
  const pids = ["-p", `${folder}/keepalived.pid`, "-c", `${folder}/checkers.pid`];
  const lines: string[] = [];
  const begin = performance.now();
  await using process = new Process({
    command: "keepalived",
    args: ["--check", "--dont-fork", "--log-console", "--use-file", file, ...pids],
    onLine: ({ text }) => {
      if (lines.length < 20) lines.push(text);
    },
  });
  const alive = (condition: () => Promise<boolean>) => () => {
    if (!process.running) throw new Error(`keepalived ended: ${lines.join("\n")}`);
    return condition();
  };
  await waitFor("keepalived programs", LIMIT_MS, alive(has(last)), LOOK_MS);
  const program = performance.now() - begin;
  write(after);
  const weigh = await milliseconds(() => {
    process.signal("SIGHUP");
    return waitFor("keepalived weighs", LIMIT_MS, alive(has(wanted)), LOOK_MS);
  });
  return { program, weigh };
}

function keepalivedService({ address, port, scheduler, destinations }: VirtualService): string {
  const servers = destinations.map((each) =>
    `  real_server ${each.address.text} ${each.port} {\n    weight ${each.weight}\n  }\n`
  );
  return `virtual_server ${address.text} ${port} {\n  lvs_sched ${scheduler}\n  lvs_method NAT\n  protocol TCP\n${
    servers.join("")
  }}\n`;
}

/** How long it takes. */
export async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

/** One datagram of which only the last request is acknowledged. */
function datagramOf(requests: readonly Request[]): Uint8Array<ArrayBuffer> {
  return encodeMessages(requests.map(({ type, flags, payload }, index) => ({
    ...{ type, payload, sequence: index, port: 0 },
    flags: flags | NLM_F.REQUEST | (index === requests.length - 1 && flags === 0 ? NLM_F.ACK : 0),
  })));
}

/** Whether a datagram ends a dump. @throws on an errno */
function isLast(answer: Uint8Array | number): boolean {
  if (typeof answer === "number") throw new Error(`errno ${answer}`);
  // NLMSG_DONE has a datagram of its own or ends one; its length is 20.
  const end = new DataView(answer.buffer, answer.byteOffset + answer.byteLength - 20);
  return end.getUint32(0, true) === 20 && end.getUint16(4, true) === NLMSG.DONE;
}

function checked(errno: number): void {
  if (errno !== 0) throw new Error(`errno ${errno}`);
}
