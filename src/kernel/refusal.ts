/** What the kernel refused, by the object that is not as it should be for it: so that it is told where that matters. Pure. */
import type { KernelError } from "../netlink/transport.ts";
import type { Change } from "./change.ts";
import { objectOf } from "./kernel_object.ts";
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

/** A change that the kernel refused. */
export function refusalOf(change: Change, { message }: KernelError): Refusal {
  const { interface: name, address, virtualService } = objectOf(change);
  return { interface: name, address: address?.text, virtualService, message };
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
