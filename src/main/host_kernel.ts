/** The kernel of this host for a command that looks at it once, opened without an agent around it. */
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { mayUseFfi } from "../../ffi/library.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Streams } from "../../ffi/streams.ts";
import type { CleanupHost } from "../cli/cleanup.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { openNetlinkKernel } from "../kernel/netlink_kernel.ts";
import { type Address, addressOf } from "../net/address.ts";
import type { Streams as StreamsPort } from "../net/sockets.ts";
import type { NetlinkTransport } from "../netlink/transport.ts";
import { denoSocketFiles } from "../os/deno_socket_files.ts";
import { denoStateFiles } from "../os/state_files.ts";
import { systemClock } from "../time/clock.ts";

/** Netlink, and what the agent sees through it. */
export interface HostKernel {
  readonly transport: NetlinkTransport;
  readonly kernel: Kernel;
  /** By which agents find each other. */
  readonly streams: StreamsPort;
}

/** Opens it; `stack` closes it. @throws {Error} in words: a library is missing, or FFI is not allowed */
export function openHostKernel(stack: AsyncDisposableStack, libc?: Libc): HostKernel {
  if (!mayUseFfi()) throw new Error("interfaces and IPVS need --allow-ffi");
  const library = libc ?? stack.use(openLibc());
  // Nothing is watched: there is no callback that could fail.
  const reactor = stack.use(new Reactor(library, { onError: () => {} }));
  const transport = stack.use(openLibnl(library));
  const sysctls = new Sysctls(library);
  const kernel = stack.use(openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls }));
  const streams = new Streams<Address>(new Sockets(library, reactor), addressOf);
  return { transport, kernel, streams };
}

/** Opens what cleanup needs for as long as `use` takes. @throws {Error} in words: it cannot be opened */
export async function withCleanupHost<T>(use: (host: CleanupHost) => Promise<T>): Promise<T> {
  const stack = new AsyncDisposableStack();
  await using _stack = stack;
  const { kernel, streams } = openHostKernel(stack);
  const { user } = denoSocketFiles();
  return await use({ kernel, streams, user, clock: systemClock, files: denoStateFiles() });
}
