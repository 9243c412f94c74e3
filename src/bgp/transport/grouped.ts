/** Messages put together to writes of a sensible size. */

/** About how many octets go to the socket at once. */
const WRITE_LENGTH = 65536;

/** The messages in as few writes as is sensible; each that the socket takes shows that the peer reads. */
export function* grouped(messages: readonly Uint8Array[]): Generator<Uint8Array> {
  for (let from = 0; from < messages.length;) {
    let to = from;
    let length = 0;
    do length += messages[to++]?.byteLength ?? 0; while (to < messages.length && length < WRITE_LENGTH);
    yield concat(messages.slice(from, to), length);
    from = to;
  }
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
