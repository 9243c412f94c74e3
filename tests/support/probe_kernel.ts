/** Prints what the kernel port finds missing here, one problem a line; for tests that run it with less than they have. */
import { EVERYTHING } from "../../src/kernel/kernel.ts";
import { openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import { systemClock } from "../../src/time/clock.ts";

using libc = openLibc();
using transport = openLibnl(libc);
await using reactor = new Reactor(libc);
using kernel = openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls: new Sysctls(libc) });
for (const { message } of await kernel.probe(EVERYTHING)) {
  Deno.stdout.writeSync(new TextEncoder().encode(`${message}\n`));
}
