/**
 * Network namespaces for tests, joined by veth pairs and deleted with the test. Sockets are made inside one by moving
 * this thread there for the length of a synchronous call, so one test process can hold both ends of a network.
 */
import type { Sockets } from "../../ffi/sockets.ts";
import type { RawSockets } from "../../src/bgp/transport/raw_sockets.ts";
import { type Answer, run } from "./process.ts";

const CLONE_NEWNET = 0x4000_0000;

/** Whether this process may make namespaces: it is root with the right capabilities and `ip` is there. */
export async function canMakeNamespaces(): Promise<boolean> {
  const answer = await run("unshare", ["--net", "ip", "link", "set", "lo", "up"]);
  return answer.code === 0;
}

/** A network namespace of its own. */
export class NetworkNamespace implements AsyncDisposable {
  private constructor(readonly name: string) {}

  /** Makes one with its loopback up; `label` tells it from others of the same test. */
  static async create(label: string): Promise<NetworkNamespace> {
    const name = `bgplb-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}-${label}`;
    await ip("netns", "add", name);
    const namespace = new NetworkNamespace(name);
    await namespace.ip("link", "set", "lo", "up");
    return namespace;
  }

  /** `ip ARGS` inside. @throws where it fails */
  async ip(...args: readonly string[]): Promise<string> {
    return await ip("-netns", this.name, ...args);
  }

  /** A short program inside. */
  run(command: string, ...args: readonly string[]): Promise<Answer> {
    return run("ip", ["netns", "exec", this.name, command, ...args]);
  }

  /** Sets a sysctl of this namespace. @throws where that fails */
  async sysctl(key: string, value: string): Promise<void> {
    const answer = await this.run("sysctl", "-q", "-w", `${key}=${value}`);
    if (answer.code !== 0) throw new Error(`sysctl ${key}: ${answer.stderr}`);
  }

  /** A counter of /proc/net/netstat, such as TcpExt TCPMinTTLDrop. */
  async counter(group: string, name: string): Promise<number> {
    const answer = await this.run("cat", "/proc/net/netstat");
    const rows = answer.stdout.split("\n").filter((row) => row.startsWith(`${group}:`)).map((row) =>
      row.split(" ")
    );
    const value = rows[1]?.[rows[0]?.indexOf(name) ?? -1];
    if (value === undefined) throw new Error(`no counter ${group} ${name}`);
    return Number(value);
  }

  /** Runs `body`, which must be synchronous, with this thread inside. */
  inside<T>(body: () => T): T {
    const libc = Deno.dlopen("libc.so.6", {
      // int open(const char *path, int flags)
      open: { parameters: ["buffer", "i32"], result: "i32" },
      // int setns(int fd, int nstype)
      setns: { parameters: ["i32", "i32"], result: "i32" },
      // int close(int fd)
      close: { parameters: ["i32"], result: "i32" },
    });
    const open = (path: string) => {
      const fd = libc.symbols.open(new TextEncoder().encode(`${path}\0`), 0);
      if (fd < 0) throw new Error(`cannot open ${path}`);
      return fd;
    };
    const enter = (fd: number) => {
      if (libc.symbols.setns(fd, CLONE_NEWNET) !== 0) throw new Error(`setns for ${this.name} failed`);
    };
    const home = open("/proc/thread-self/ns/net");
    const there = open(`/run/netns/${this.name}`);
    try {
      enter(there);
      try {
        return body();
      } finally {
        enter(home);
      }
    } finally {
      libc.symbols.close(there);
      libc.symbols.close(home);
      libc.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ip("netns", "delete", this.name);
  }
}

/** Two namespaces with a veth pair between them: `va` in `a`, `vb` in `b`. */
export interface NamespacePair extends AsyncDisposable {
  readonly a: NetworkNamespace;
  readonly b: NetworkNamespace;
}

/**
 * Makes two joined namespaces. `va` has 10.9.0.1, fd09::1 and fe80::a; `vb` has 10.9.0.2, fd09::2 and fe80::b; all are
 * usable at once.
 */
export async function namespacePair(): Promise<NamespacePair> {
  await using made = new AsyncDisposableStack();
  const a = made.use(await NetworkNamespace.create("a"));
  const b = made.use(await NetworkNamespace.create("b"));
  await a.ip("link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", b.name);
  for (const [namespace, device, host, link] of [[a, "va", "1", "a"], [b, "vb", "2", "b"]] as const) {
    // The kernel's own link-local address would only be usable after duplicate address detection.
    await namespace.ip("link", "set", device, "addrgenmode", "none", "up");
    await namespace.ip("addr", "add", `10.9.0.${host}/24`, "dev", device);
    await namespace.ip("addr", "add", `fd09::${host}/64`, "dev", device, "nodad");
    await namespace.ip("addr", "add", `fe80::${link}/64`, "dev", device, "nodad");
  }
  const kept = made.move();
  return { a, b, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Sockets that are made in `namespace`; one belongs to it for good, whatever its owner does later. */
export function socketsInside(
  namespace: NetworkNamespace,
  sockets: Sockets,
): RawSockets & Pick<Sockets, "open"> {
  return {
    open: (family, type, protocol) => namespace.inside(() => sockets.open(family, type, protocol)),
    tcp: (family) => namespace.inside(() => sockets.tcp(family)),
    isVrf: (name) => namespace.inside(() => sockets.isVrf(name)),
    interfaceIndex: (name) => namespace.inside(() => sockets.interfaceIndex(name)),
    interfaceName: (index) => namespace.inside(() => sockets.interfaceName(index)),
    netstat: () => namespace.inside(() => sockets.netstat()),
  };
}

async function ip(...args: readonly string[]): Promise<string> {
  const answer = await run("ip", args);
  if (answer.code !== 0) throw new Error(`ip ${args.join(" ")}: ${answer.stderr.trim()}`);
  return answer.stdout;
}
