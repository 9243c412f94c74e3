/**
 * The kernel contract on the kernel of this host: only inside the lab (BGP_LB_LAB=1), which has a network of its own
 * with dummy interfaces and IPVS. Elsewhere every test is reported as ignored.
 */
import { openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import { systemClock } from "../../src/time/clock.ts";
import { ToolHand } from "../support/tool_hand.ts";
import { ToolLinkHand } from "../support/tool_link_hand.ts";
import type { ContractSubject } from "./contract_subject.ts";
import { kernelContract } from "./kernel_contract.ts";

const { state } = Deno.permissions.querySync({ name: "env", variable: "BGP_LB_LAB" });
const inLab = state === "granted" && Deno.env.get("BGP_LB_LAB") === "1";

kernelContract("the kernel of this host", openHost, { ignore: !inLab });

async function openHost(): Promise<ContractSubject> {
  const hand = new ToolHand();
  await hand.clear();
  const libc = openLibc();
  const transport = openLibnl(libc);
  const reactor = new Reactor(libc);
  const kernel = openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls: new Sysctls(libc) });
  return {
    kernel,
    hand,
    links: new ToolLinkHand(),
    async [Symbol.asyncDispose]() {
      kernel[Symbol.dispose]();
      await reactor.close();
      transport[Symbol.dispose]();
      libc[Symbol.dispose]();
      await hand.clear();
    },
  };
}
