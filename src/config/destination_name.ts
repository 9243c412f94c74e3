/** What a destination is called. */
import { type Address, withPort } from "../net/address.ts";

/** `10.0.0.1:80`; of one that has no port, its address alone. */
export function destinationName(
  { address, port }: { readonly address: Address; readonly port: number },
): string {
  return port === 0 ? address.text : withPort(address, port);
}
