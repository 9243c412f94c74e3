/** A service manager's end of sd_notify(3): a unix datagram socket at a path, read without waiting. */

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0x800 | 0x80000;

function openSymbols() {
  return Deno.dlopen("libc.so.6", {
    // int socket(int domain, int type, int protocol)
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    // int bind(int fd, const struct sockaddr *address, socklen_t length)
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    // ssize_t read(int fd, void *buffer, size_t count)
    read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    // int close(int fd)
    close: { parameters: ["i32"], result: "i32" },
  });
}

/** What a service says of itself. Disposing closes the socket; its file is the caller's. */
export class NotifySocket implements Disposable {
  readonly #libc = openSymbols();
  readonly #fd: number;
  readonly #heard: string[] = [];

  /** @throws where the path cannot be had */
  constructor(path: string) {
    const { symbols } = this.#libc;
    this.#fd = symbols.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    const name = new TextEncoder().encode(path);
    const address = new Uint8Array(3 + name.byteLength);
    address[0] = AF_UNIX;
    address.set(name, 2);
    if (symbols.bind(this.#fd, address, address.byteLength) !== 0) throw new Error(`cannot bind ${path}`);
  }

  /** Every line heard so far. */
  heard(): readonly string[] {
    const bytes = new Uint8Array(4096);
    for (;;) {
      const length = Number(this.#libc.symbols.read(this.#fd, bytes, BigInt(bytes.byteLength)));
      if (length <= 0) return this.#heard;
      this.#heard.push(...new TextDecoder().decode(bytes.subarray(0, length)).split("\n"));
    }
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}
