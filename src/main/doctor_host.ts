/** The host that doctor looks at, on this machine: files, sockets and limits through FFI, the kernel through netlink. */
import { ErrnoError } from "../../ffi/errno.ts";
import { linkTarget, listFolder, mayRun, mayWrite, readSmallFile } from "../../ffi/files.ts";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { descriptorLimit } from "../../ffi/limits.ts";
import { SocketOptions } from "../../ffi/socket_options.ts";
import { addressOf } from "../net/address.ts";
import { type Host, type HostLink, type HostRoute, NotSeenError, type SocketOption } from "../doctor/host.ts";
import {
  probeForDummy,
  probeForIpvs,
  probeForScheduler,
  readLinks,
  readRoute,
} from "../doctor/netlink_view.ts";
import { messageOf } from "../text/error_message.ts";
import { systemClock } from "../time/clock.ts";
import { Slices } from "../time/slices.ts";
import { type HostKernel, openHostKernel } from "./host_kernel.ts";

/** Of what listens /proc tells first, connections come behind. */
const MAX_FILE_OCTETS = 4 * 1024 * 1024;
const AF = { 4: 2, 6: 10 } as const;
const SOCK_STREAM_CLOEXEC = 1 | 0x80000;
/** ENOPROTOOPT: the kernel is built without it. */
const ENOPROTOOPT = 92;
const GTSM_TTL = 255;
const NO_LIBNL = "libnl is needed for that";

/** Opens it for as long as `use` takes. @throws {Error} in words: FFI is not allowed, or there is no C library */
export async function withDoctorHost<T>(use: (host: Host) => Promise<T>): Promise<T> {
  const stack = new AsyncDisposableStack();
  await using _stack = stack;
  const libc = stack.use(openLibc());
  const kernel = openKernel(stack, libc);
  const slices = new Slices(systemClock);
  const links = await linksOf(kernel, slices);
  return await use(hostOf(libc, kernel, slices, links));
}

/** The kernel, or why there is no way to it. */
type Opened = { readonly host: HostKernel } | { readonly problem: string };

function openKernel(stack: AsyncDisposableStack, libc: Libc): Opened {
  try {
    return { host: openHostKernel(stack, libc) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** Every interface, or why they are not seen. */
async function linksOf(opened: Opened, slices: Slices): Promise<readonly HostLink[] | NotSeenError> {
  if ("problem" in opened) return new NotSeenError(NO_LIBNL);
  try {
    return await readLinks(opened.host.transport, slices);
  } catch (error) {
    return new NotSeenError(messageOf(error));
  }
}

function hostOf(
  libc: Libc,
  opened: Opened,
  slices: Slices,
  links: readonly HostLink[] | NotSeenError,
): Host {
  const kernel = () => {
    if ("problem" in opened) throw new NotSeenError(NO_LIBNL);
    return opened.host;
  };
  const routes = new Map<string, { readonly route: HostRoute | undefined }>();
  return {
    read: (path) => seen(() => readSmallFile(libc, path, MAX_FILE_OCTETS)),
    list: (folder) => readable(() => listFolder(libc, folder)) ?? [],
    target: (path) => readable(() => linkTarget(libc, path)),
    mayWrite: (path) => mayWrite(libc, path),
    mayRun: (path) => mayRun(libc, path),
    links() {
      if (links instanceof NotSeenError) throw links;
      return links;
    },
    routeTo(address) {
      // Many ports share their destinations, and rows ask for the same.
      const known = routes.get(address.text);
      if (known !== undefined) return known.route;
      const route = seen(() => readRoute(kernel().transport, slices, address));
      routes.set(address.text, { route });
      return route;
    },
    hasDummy: () => seen(() => probeForDummy(kernel().transport, slices)),
    hasIpvs: () => seen(() => probeForIpvs(kernel().transport)),
    hasScheduler: (name) => seen(() => probeForScheduler(kernel().transport, slices, name)),
    async kernelState(interest) {
      const { kernel: port } = kernel();
      return await port.read(interest).catch((error) => {
        throw new NotSeenError(messageOf(error));
      });
    },
    hasSocketOption: (option) => seen(() => probeSocket(libc, option)),
    libnlProblem: () => "problem" in opened ? opened.problem : undefined,
    descriptorLimit: () => seen(() => descriptorLimit(libc)),
  };
}

/** What fails is not seen, for a reason in words. */
function seen<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw error instanceof NotSeenError ? error : new NotSeenError(messageOf(error));
  }
}

/** Of what this user may not see there is nothing: other users' descriptors. */
function readable<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof ErrnoError) return undefined;
    throw error;
  }
}

/** Sets the option of a socket that connects nowhere. */
function probeSocket(libc: Libc, option: SocketOption): boolean {
  const family = option === "GTSM over IPv6" ? 6 : 4;
  const fd = libc.check("socket", libc.symbols.socket(AF[family], SOCK_STREAM_CLOEXEC, 0));
  try {
    const options = new SocketOptions(libc, fd, family);
    if (option === "TCP-AO") options.requireAo(undefined);
    else if (option === "TCP-MD5") {
      options.setMd5Key(addressOf(Uint8Array.of(192, 0, 2, 1)), Uint8Array.of(1));
    } else options.setMinTtl(GTSM_TTL);
    return true;
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === ENOPROTOOPT) return false;
    throw error;
  } finally {
    libc.close(fd);
  }
}
