/** What a start would do on this machine: the way to its kernel, opened for one look. */
import { type KernelView, planStart } from "../agent/plan_start.ts";
import type { Config } from "../config/config.ts";
import type { Plan } from "../status/plan.ts";
import { messageOf } from "../text/error_message.ts";
import { openHostKernel } from "./host_kernel.ts";

/** Looks at this host and changes nothing. Never throws: what cannot be opened is a warning of the plan. */
export async function planOnHost(config: Config): Promise<Plan> {
  const stack = new AsyncDisposableStack();
  await using _stack = stack;
  return await planStart(config, openView(config, stack));
}

function openView({ network }: Config, stack: AsyncDisposableStack): KernelView {
  if (!network.setup && !network.ipvs) return { kernel: undefined };
  try {
    return { kernel: openHostKernel(stack).kernel };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
