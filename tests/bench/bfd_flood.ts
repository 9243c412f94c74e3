/** Sends BFD packets for nobody as fast as it can: FROM TO TTL SECONDS. Prints how many each second. */
import { Datagrams } from "../../ffi/datagrams.ts";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { encodePacket } from "../../src/bfd/packet.ts";
import { packetOf } from "../bfd/support.ts";
import { address } from "../support/bgp.ts";

const [from = "", to = "", ttl = "", seconds = ""] = Deno.args;
const libc = openLibc();
const reactor = new Reactor(libc);
const socket = new Datagrams(new Sockets(libc, reactor)).open({
  family: 4,
  kind: "udp",
  local: { address: address(from), port: 0, scopeId: 0 },
  ttl: Number(ttl),
});
const octets = new Uint8Array(new ArrayBuffer(24));
encodePacket(packetOf({ yourDiscriminator: 0 }), octets);
const target = { address: address(to), port: 3784, scopeId: 0 };
const endMs = performance.now() + Number(seconds) * 1000 + 3000;
let sent = 0;
while (performance.now() < endMs) {
  for (let count = 0; count < 100; count++) if (socket.send(octets, target)) sent++;
}
console.log(`${(sent / (Number(seconds) + 3)).toFixed(0)} packets each second`);
socket[Symbol.dispose]();
await reactor.close();
libc[Symbol.dispose]();
