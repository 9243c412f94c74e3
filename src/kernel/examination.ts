/** A look at the host before anything is changed: is it fit, and what is there already. */
import { ERRNO } from "../netlink/errno.ts";
import { KernelError } from "../netlink/transport.ts";
import { messageOf } from "../text/error_message.ts";
import { diffInterfaces } from "./diff_links.ts";
import { EVERYTHING, interestIn, type Kernel, type Managed } from "./kernel.ts";
import { within } from "./merge.ts";
import { type ActualKernel, type DesiredKernel, isOurs } from "./state.ts";

/** What a look at the host says before anything is changed. */
export interface HostFitness {
  /** What keeps anything from ever working, each with its cure. */
  readonly hopeless: readonly string[];
  /** What keeps all of it from working as the host is now, each with its cure. */
  readonly problems: readonly string[];
  /** Why there is no `actual`. */
  readonly error: KernelError | undefined;
  /** Objects of an earlier run are there and will be adopted. */
  readonly adopted: boolean;
  /** What there is; undefined where it could not be read. */
  readonly actual: ActualKernel | undefined;
}

/**
 * Whether `kernel` can hold `desired`, and whether it has something of ours already. Changes nothing.
 * @param needs what nothing of it works without. Default: all that some of it needs
 */
export async function examine(
  kernel: Kernel,
  desired: DesiredKernel,
  managed: Managed = EVERYTHING,
  needs: Managed = needsOf(desired, managed),
): Promise<HostFitness> {
  try {
    const missing = messagesOf(await kernel.probe(needs));
    const actual = await kernel.read(interestIn(desired, managed));
    const { conflicts } = diffInterfaces(within(managed, desired).interfaces, actual.interfaces);
    const problems = [...missing, ...messagesOf(conflicts)];
    const adopted = actual.interfaces.some(isOurs) ||
      (!managed.interfaces && actual.virtualServices.length > 0);
    return { hopeless: missing, problems, error: undefined, adopted, actual };
  } catch (caught) {
    const error = kernelError("examine the host", caught);
    const problems = [error.message];
    const hopeless = isForEver(error) ? problems : [];
    return { hopeless, problems, error, adopted: false, actual: undefined };
  }
}

/** An error as one of the kernel's. */
export function kernelError(operation: string, error: unknown): KernelError {
  if (error instanceof KernelError) return error;
  return new KernelError(operation, { errno: 0, extendedAck: messageOf(error) });
}

function needsOf({ virtualServices }: DesiredKernel, managed: Managed): Managed {
  return { ...managed, ipvs: managed.ipvs && virtualServices.length > 0 };
}

/** Whether this process, or this kernel, will never be able to. */
function isForEver({ errno }: KernelError): boolean {
  return errno === ERRNO.EPERM || errno === ERRNO.EACCES || errno === ERRNO.EPROTONOSUPPORT ||
    errno === ERRNO.EAFNOSUPPORT;
}

function messagesOf(faults: readonly { readonly message: string }[]): readonly string[] {
  return faults.map(({ message }) => message);
}
