/** What the kernel refused, by the object that is not as it should be for it: so that it is told where that matters. Pure. */
import type { KernelError } from "../netlink/transport.ts";
import type { Change } from "./change.ts";
import type { Conflict } from "./diff_links.ts";
import type { VirtualServiceId } from "./state.ts";

/** One of them; where it names no object it is in the way of all. */
export interface Refusal {
  /** The interface that it is, or is on. */
  readonly interface: string | undefined;
  /** The one address, by `text`, where it is about no more. */
  readonly address: string | undefined;
  /** The virtual service that it is, or is in. */
  readonly virtualService: VirtualServiceId | undefined;
  /** The kernel's words, with the cure where it is known. */
  readonly message: string;
}

/** Those of `changes` that have an outcome other than success. */
export function refusalsOf(
  changes: readonly Change[],
  outcomes: readonly (KernelError | undefined)[],
): readonly Refusal[] {
  return changes.flatMap((change, index) => {
    const message = outcomes[index]?.message;
    return message === undefined ? [] : [{ ...NO_OBJECT, ...objectOf(change), message }];
  });
}

/** What stands in an interface's way. */
export function refusalOfConflict({ interface: name, message }: Conflict): Refusal {
  return { ...NO_OBJECT, interface: name, message };
}

/** What is in the way of everything, such as a read that failed. */
export function refusalOfAll({ message }: KernelError): Refusal {
  return { ...NO_OBJECT, message };
}

const NO_OBJECT = { interface: undefined, address: undefined, virtualService: undefined };

function objectOf(change: Change): Partial<Refusal> {
  switch (change.type) {
    case "create-interface":
    case "set-interface":
    case "delete-interface":
      return { interface: change.name };
    case "add-address":
    case "set-address":
    case "delete-address":
      return { interface: change.interface, address: change.address.text };
    case "create-service":
    case "set-service":
    case "delete-service":
    case "create-destination":
    case "set-destination":
    case "delete-destination":
      return { virtualService: change.service };
    default:
      return change satisfies never;
  }
}
