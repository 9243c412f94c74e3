/** A look at the host before anything is changed: is it fit, what is there already, what would a first run do. */
import { KernelError } from "../netlink/transport.ts";
import { messageOf } from "../text/error_message.ts";
import type { Change } from "./change.ts";
import { diff } from "./diff.ts";
import { EVERYTHING, interestIn, type Kernel, type Managed } from "./kernel.ts";
import { within } from "./merge.ts";
import { type ActualKernel, type DesiredKernel, isOurs } from "./state.ts";

/** What a look at the host says before anything is changed. */
export interface HostFitness {
  /** What must be mended first, each with its cure; empty where the host is fit. */
  readonly problems: readonly string[];
  /** Objects of an earlier run are there and will be adopted. */
  readonly adopted: boolean;
  /** What there is; undefined where it could not be read. */
  readonly actual: ActualKernel | undefined;
}

/** What a first run would do. */
export interface KernelForecast {
  /** In the order in which they would be made. */
  readonly changes: readonly Change[];
  /** What would be in the way, each with its cure. */
  readonly problems: readonly string[];
}

/** Whether `kernel` can hold `desired`, and whether it has something of ours already. Changes nothing. */
export async function examine(
  kernel: Kernel,
  desired: DesiredKernel,
  managed: Managed = EVERYTHING,
): Promise<HostFitness> {
  const { problems, actual } = await look(kernel, desired, managed);
  const adopted = actual !== undefined &&
    (actual.interfaces.some(isOurs) || (!managed.interfaces && actual.virtualServices.length > 0));
  return { problems, adopted, actual };
}

/** What the first run would do with `desired`. Changes nothing. */
export async function foretell(
  kernel: Kernel,
  desired: DesiredKernel,
  managed: Managed = EVERYTHING,
): Promise<KernelForecast> {
  const { problems, actual } = await look(kernel, desired, managed);
  return { changes: actual === undefined ? [] : diff(within(managed, desired), actual).changes, problems };
}

/** An error as one of the kernel's. */
export function kernelError(operation: string, error: unknown): KernelError {
  if (error instanceof KernelError) return error;
  return new KernelError(operation, { errno: 0, extendedAck: messageOf(error) });
}

/** What is there, undefined where it cannot be read, and what is in the way of `desired`. */
async function look(
  kernel: Kernel,
  desired: DesiredKernel,
  managed: Managed,
): Promise<{ readonly problems: readonly string[]; readonly actual: ActualKernel | undefined }> {
  try {
    const needs = { ...managed, ipvs: managed.ipvs && desired.virtualServices.length > 0 };
    const problems: readonly Error[] = await kernel.probe(needs);
    const actual = await kernel.read(interestIn(desired, managed));
    const { conflicts } = diff(within(managed, desired), actual);
    return { problems: [...problems, ...conflicts].map(({ message }) => message), actual };
  } catch (error) {
    return { problems: [kernelError("examine the host", error).message], actual: undefined };
  }
}
