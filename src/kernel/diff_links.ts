/**
 * Interfaces and addresses: what differs. Ours are dummy interfaces with our mark, and the addresses on them. An interface
 * without our mark that has a wanted name is adopted only where it is a dummy without alias that carries nothing but our
 * service addresses, and at least one of them: so the reference program leaves its own, and such an interface serves nobody
 * else. Any other one, an empty one too, is a conflict.
 */
import type { Change } from "./change.ts";
import { carrying, keptMarks } from "./diff_marks.ts";
import {
  type ActualAddress,
  type ActualInterface,
  type DesiredInterface,
  interfaceMark,
  isOurs,
} from "./state.ts";
import type { Steps } from "./steps.ts";

/** A wanted interface's name is taken by an interface that is not ours. */
export interface Conflict {
  readonly interface: string;
  readonly service: string;
  /** What is in the way, and the cure. */
  readonly message: string;
}

/** What differs of interfaces and the addresses on them. */
export function diffInterfaces(
  desired: readonly DesiredInterface[],
  actual: readonly ActualInterface[],
): Steps & { readonly conflicts: readonly Conflict[] } {
  const links: Change[] = [];
  const addresses: Steps = { make: [], break: [] };
  const conflicts: Conflict[] = [];
  const present = new Map(actual.map((link) => [link.name, link]));
  for (const want of desired) {
    const have = present.get(want.name);
    const conflict = have && conflictOf(want, have);
    if (have === undefined) {
      const { name, service, fwmarks = [] } = want;
      links.push({ type: "create-interface", name, service, ...carrying(fwmarks) });
      for (const address of want.addresses) {
        addresses.make.push({ type: "add-address", interface: want.name, index: undefined, address });
      }
    } else if (conflict !== undefined) {
      conflicts.push(conflict);
    } else {
      const reason = repairReason(want, have);
      const { name, service } = want;
      if (reason !== undefined) {
        const marks = carrying(keptMarks(want, have));
        links.push({ type: "set-interface", name, index: have.index, service, ...marks, reason });
      }
      diffAddresses(want, have, addresses);
    }
  }
  const wanted = new Set(desired.map(({ name }) => name));
  const unwanted = actual.filter((have) => isOurs(have) && !wanted.has(have.name));
  const deletions = unwanted.map(({ name, index }): Change => ({ type: "delete-interface", name, index }));
  return {
    make: [...links, ...addresses.make],
    break: [...addresses.break, ...deletions],
    conflicts,
  };
}

function diffAddresses(want: DesiredInterface, have: ActualInterface, steps: Steps): void {
  const { name, index } = have;
  const target = { interface: name, index };
  const remove = ({ address, prefixLength }: ActualAddress): Change => {
    return { type: "delete-address", ...target, address, prefixLength };
  };
  const wanted = new Map(want.addresses.map((address) => [address.text, address]));
  const others = have.addresses.filter((other) => !(isHost(other) && wanted.has(other.address.text)));
  // The kernel has an IPv6 address once on an interface, whatever its length: there the wrong one goes first.
  const inTheWay = others.filter(({ address }) => address.family === 6 && wanted.has(address.text));
  steps.make.push(...inTheWay.map(remove));
  for (const address of wanted.values()) {
    const there = have.addresses.find((other) => isHost(other) && other.address.text === address.text);
    if (there === undefined) steps.make.push({ type: "add-address", ...target, address });
    else if (!there.deprecated) steps.make.push({ type: "set-address", ...target, address });
  }
  steps.break.push(...others.filter((other) => !inTheWay.includes(other)).map(remove));
}

function isHost({ address, prefixLength }: ActualAddress): boolean {
  return prefixLength === address.bytes.byteLength * 8;
}

function repairReason(want: DesiredInterface, have: ActualInterface): string | undefined {
  const mark = interfaceMark(want.service, keptMarks(want, have));
  const reasons = have.alias === undefined
    ? [`adopt: set alias ${mark}`]
    : have.alias === mark
    ? []
    : [`alias was ${have.alias}`];
  if (!have.up) reasons.push("was down");
  return reasons.length === 0 ? undefined : reasons.join(", ");
}

function conflictOf(want: DesiredInterface, have: ActualInterface): Conflict | undefined {
  if (isOurs(have) || isAdoptable(want, have)) return undefined;
  const { name, service } = want;
  const what = have.kind === undefined ? "a network device" : `a ${have.kind} interface`;
  const alias = have.alias === undefined ? "no alias" : `alias ${JSON.stringify(have.alias)}`;
  const takeOver = have.kind === "dummy"
    ? `, hand it over (ip link set dev ${name} alias ${interfaceMark(service)})`
    : "";
  return {
    interface: name,
    service,
    message: `interface ${name} of service ${service} exists and is not ours: it is ${what} with ${alias}. ` +
      `Delete it (ip link delete dev ${name})${takeOver}, or give the service another "interface"`,
  };
}

function isAdoptable(want: DesiredInterface, have: ActualInterface): boolean {
  const wanted = new Set(want.addresses.map(({ text }) => text));
  return have.kind === "dummy" && have.alias === undefined && have.addresses.length > 0 &&
    have.addresses.every(({ address }) => wanted.has(address.text));
}
