/** Buffers of recvmsg(2): the datagram, its sender and the control messages (struct msghdr, cmsghdr; 64-bit layout). */
import type { Libc } from "./libc.ts";
import { decodeSocketAddress, SOCKADDR_SIZE, type SocketAddress } from "./sockaddr.ts";

const MSGHDR = { size: 56, name: 0, namelen: 8, iov: 16, iovlen: 24, control: 32, controllen: 40 } as const;
const IOVEC = { size: 16, base: 0, len: 8 } as const;
const CMSGHDR = { size: 16, len: 0, level: 8, type: 12 } as const;
const CONTROL_SIZE = 512;

/** One control message; `bytes` is only good until the next receive. */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Room for one datagram at a time. The kernel is given its addresses, so its parts never move. */
export class MessageBuffer {
  readonly #data: Uint8Array<ArrayBuffer>;
  readonly #name = stable(SOCKADDR_SIZE);
  readonly #control = stable(CONTROL_SIZE);
  readonly #iovec = stable(IOVEC.size);
  readonly #header = stable(MSGHDR.size);
  readonly #view = new DataView(this.#header.buffer);
  #length = 0;

  /** `size` is the longest datagram; the rest of a longer one is cut. */
  constructor(libc: Libc, size: number) {
    this.#data = stable(size);
    const iovec = new DataView(this.#iovec.buffer);
    iovec.setBigUint64(IOVEC.base, libc.addressOf(this.#data), true);
    iovec.setBigUint64(IOVEC.len, BigInt(size), true);
    this.#view.setBigUint64(MSGHDR.name, libc.addressOf(this.#name), true);
    this.#view.setBigUint64(MSGHDR.iov, libc.addressOf(this.#iovec), true);
    this.#view.setBigUint64(MSGHDR.iovlen, 1n, true);
    this.#view.setBigUint64(MSGHDR.control, libc.addressOf(this.#control), true);
  }

  /** The struct msghdr for the next call, its lengths set back. */
  prepare(): Uint8Array<ArrayBuffer> {
    this.#view.setUint32(MSGHDR.namelen, SOCKADDR_SIZE, true);
    this.#view.setBigUint64(MSGHDR.controllen, BigInt(CONTROL_SIZE), true);
    return this.#header;
  }

  /** Notes what the call returned. */
  accept(length: number): void {
    this.#length = length;
  }

  /** The datagram; only good until the next receive. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#data.subarray(0, this.#length);
  }

  /** Its sender, or for a returned datagram whom it was sent to; undefined where the kernel names none. */
  get address(): SocketAddress | undefined {
    return this.#view.getUint32(MSGHDR.namelen, true) === 0 ? undefined : decodeSocketAddress(this.#name);
  }

  /** What came along with it. */
  *control(): Iterable<ControlMessage> {
    const end = Number(this.#view.getBigUint64(MSGHDR.controllen, true));
    const view = new DataView(this.#control.buffer);
    for (let offset = 0; offset + CMSGHDR.size <= end;) {
      const length = Number(view.getBigUint64(offset + CMSGHDR.len, true));
      if (length < CMSGHDR.size || offset + length > end) return;
      yield {
        level: view.getInt32(offset + CMSGHDR.level, true),
        type: view.getInt32(offset + CMSGHDR.type, true),
        bytes: this.#control.subarray(offset + CMSGHDR.size, offset + length),
      };
      offset += (length + 7) & ~7;
    }
  }
}

/** Short typed arrays may live on V8's moving heap unless they are made over a buffer of their own. */
function stable(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}
