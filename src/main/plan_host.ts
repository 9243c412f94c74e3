/** What a start would do on this machine: the way to its kernel, opened for one look. */
import { openLibc } from "../../ffi/libc.ts";
import { mayUseFfi } from "../../ffi/library.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { type KernelView, planStart } from "../agent/plan_start.ts";
import type { Config } from "../config/config.ts";
import { openNetlinkKernel } from "../kernel/netlink_kernel.ts";
import type { Plan } from "../status/plan.ts";
import { messageOf } from "../text/error_message.ts";
import { systemClock } from "../time/clock.ts";

/** Looks at this host and changes nothing. Never throws: what cannot be opened is a warning of the plan. */
export async function planOnHost(config: Config): Promise<Plan> {
  const stack = new AsyncDisposableStack();
  await using _stack = stack;
  return await planStart(config, openView(config, stack));
}

function openView({ network }: Config, stack: AsyncDisposableStack): KernelView {
  if (!network.setup && !network.ipvs) return { kernel: undefined };
  if (!mayUseFfi()) return { problem: "interfaces and IPVS need --allow-ffi" };
  try {
    const libc = stack.use(openLibc());
    // Nothing is watched: there is no callback that could fail.
    const reactor = stack.use(new Reactor(libc, { onError: () => {} }));
    const transport = stack.use(openLibnl(libc));
    const sysctls = new Sysctls(libc);
    return { kernel: stack.use(openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls })) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
