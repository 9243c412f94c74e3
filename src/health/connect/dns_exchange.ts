/**
 * One question to one name server, and its answer: by a datagram from a socket of its own, whose port and identifier nobody
 * can know, or over a stream (RFC 7766). What others send to that port is no answer, is counted, and told.
 */
import { concat } from "../../bytes/concat.ts";
import { OctetQueue } from "../../bytes/octet_queue.ts";
import { icmpErrorReason } from "../../net/icmp_error.ts";
import { type Address, addressOf, withPort } from "../../net/address.ts";
import type { Datagram, Datagrams, DatagramSocket, SocketAddress, StreamSocket } from "../../net/sockets.ts";
import { onAbort } from "../../time/abort.ts";
import type { Random } from "../../time/clock.ts";
import { boundedStream } from "./bounded_stream.ts";
import { dial, type DialPorts } from "./dial.ts";
import { type DnsAnswer, type DnsCodec, type DnsQuestion, idOf, readAnswer } from "./dns_message.ts";
import { OwnShortage, ProbeFailure } from "./failure.ts";
import { localEnd } from "./source.ts";

/** Who is asked what, from which address. */
export interface DnsInquiry {
  readonly address: Address;
  readonly port: number;
  /** Undefined: the kernel's choice. */
  readonly source: Address | undefined;
  readonly question: DnsQuestion;
}

/** What asking needs of the outside. */
export interface InquiryPorts extends DialPorts {
  readonly codec: DnsCodec;
  /** Nobody must be able to foretell it. */
  readonly random: Random;
}

/** Datagrams that are read before others have their turn. */
const BATCH = 16;
/** With so many datagrams that are no answer, no more are read. */
const MAX_STRAYS = 1000;
/** Of so many sorts they are counted. */
const MAX_SORTS = 3;
/** Before each message over a stream (RFC 1035 section 4.2.2). */
const LENGTH_OCTETS = 2;
/** An answer over a stream: the longest message and its length, in no smaller pieces than such as carry 64 octets each. */
const STREAM_LIMITS = { octets: 65_537, pieces: 1024 } as const;

/** What the server at that address answers to a datagram. @throws {Error} what the kernel, ICMP or the server has against it */
export async function askByDatagram(
  { address, port, source, question }: DnsInquiry,
  { codec, random, datagrams }: InquiryPorts & { readonly datagrams: Datagrams },
  signal: AbortSignal,
  progress: (step: string) => void,
): Promise<DnsAnswer> {
  signal.throwIfAborted();
  const { family } = address;
  const socket = datagrams.open({ family, kind: "udp", receiveReturned: true, ...localEnd(source) });
  using _socket = socket;
  const server = { address, port, scopeId: 0 };
  const id = randomId(random);
  const strays = new Strays();
  const { promise, resolve, reject } = Promise.withResolvers<DnsAnswer>();
  const onReadable = () => {
    try {
      for (let count = 0; count < BATCH; count++) {
        const datagram = nextDatagram(socket, family);
        if (datagram === undefined) return;
        const answer = answerIn(datagram);
        if (typeof answer !== "string") return resolve(answer);
        strays.add(answer);
        progress(`waiting for the answer, ${strays.words}`);
      }
    } catch (error) {
      reject(error);
    }
  };
  const answerIn = ({ octets, from }: Datagram): DnsAnswer | string => {
    if (from === undefined || !isSame(from, server)) return `from ${placeOf(from)}`;
    return idOf(octets) === id ? readAnswer(octets, question, codec) : "with another identifier";
  };
  progress("waiting for the answer");
  if (!socket.send(codec.encode(id, question), server)) throw new OwnShortage("the send buffer is full");
  using _watch = socket.onReadable(onReadable);
  using _abort = onAbort(signal, () => reject(signal.reason));
  return await promise;
}

/** What the server at that address answers over a stream. @throws {Error} what the kernel or the server has against it */
export async function askByStream(
  { address, port, source, question }: DnsInquiry,
  ports: InquiryPorts,
  signal: AbortSignal,
  progress: (step: string) => void,
): Promise<DnsAnswer> {
  const { codec, random, clock } = ports;
  const connected = await dial(address.text, port, ports, signal, progress, { source });
  const stream = boundedStream(connected, clock, STREAM_LIMITS, signal);
  using _stream = stream;
  const id = randomId(random);
  const query = codec.encode(id, question);
  progress("waiting for the answer");
  await stream.write(concat([Uint8Array.of(query.byteLength >> 8, query.byteLength & 0xff), query]));
  const octets = await readMessage(stream);
  const answer = idOf(octets) === id ? readAnswer(octets, question, codec) : "with another identifier";
  if (typeof answer === "string") throw new ProbeFailure(`an answer ${answer}`);
  return answer;
}

/** The next message, without its length. @throws {ProbeFailure} the stream ends before */
async function readMessage(stream: StreamSocket): Promise<Uint8Array> {
  const received = new OctetQueue();
  for (;;) {
    const { view } = received;
    const needed = view.byteLength < LENGTH_OCTETS ? undefined : ((view[0] ?? 0) << 8) | (view[1] ?? 0);
    if (needed !== undefined && view.byteLength >= LENGTH_OCTETS + needed) {
      return view.subarray(LENGTH_OCTETS, LENGTH_OCTETS + needed);
    }
    const piece = await stream.read();
    if (piece !== undefined) received.append(piece);
    else if (needed === undefined) throw new ProbeFailure("connection closed without an answer");
    else {
      const seen = view.byteLength - LENGTH_OCTETS;
      throw new ProbeFailure(`connection closed after ${seen} of ${needed} octets of the answer`);
    }
  }
}

/** The next datagram. @throws {Error} what came back of ours: that nobody listens there, or that there is no way */
function nextDatagram(socket: DatagramSocket, family: 4 | 6): Datagram | undefined {
  try {
    return socket.receive();
  } catch (error) {
    // The error is also told beside the datagram that came back, with who said what (ip(7), IP_RECVERR).
    const icmp = socket.receiveReturned()?.icmp;
    const reason = icmp && icmpErrorReason(family, icmp.type, icmp.code);
    throw reason === undefined ? error : new ProbeFailure(`${reason} (ICMP)`);
  }
}

/** Datagrams that came to our port and are no answer: how many of which sort. */
class Strays {
  readonly #sorts = new Map<string, number>();
  #count = 0;

  /** @throws {OwnShortage} there are too many: nobody knows who sends them */
  add(sort: string): void {
    if (this.#sorts.size < MAX_SORTS || this.#sorts.has(sort)) {
      this.#sorts.set(sort, (this.#sorts.get(sort) ?? 0) + 1);
    }
    if (++this.#count >= MAX_STRAYS) throw new OwnShortage(`flooded: ${this.words}`);
  }

  get words(): string {
    const sorts = [...this.#sorts].map(([sort, count]) => `${count} ${sort}`).join(", ");
    return `ignored ${this.#count} datagrams: ${sorts}`;
  }
}

function isSame(one: SocketAddress, other: SocketAddress): boolean {
  const [octets, others] = [one.address.bytes, other.address.bytes];
  return one.port === other.port && octets.byteLength === others.byteLength &&
    octets.every((octet, index) => octet === others[index]);
}

function placeOf(from: SocketAddress | undefined): string {
  return from === undefined ? "nowhere" : withPort(addressOf(from.address.bytes), from.port);
}

function randomId(random: Random): number {
  return Math.floor(random() * 0x1_0000);
}
