/** Messages put together to writes of a sensible size. */
import { concat } from "../../bytes/concat.ts";

/** About how many octets go to the socket at once. */
const WRITE_LENGTH = 65536;

/** The messages in as few writes as is sensible; each that the socket takes shows that the peer reads. */
export function* grouped(messages: readonly Uint8Array[]): Generator<Uint8Array> {
  for (let from = 0; from < messages.length;) {
    let to = from;
    let length = 0;
    do length += messages[to++]?.byteLength ?? 0; while (to < messages.length && length < WRITE_LENGTH);
    yield concat(messages.slice(from, to));
    from = to;
  }
}
