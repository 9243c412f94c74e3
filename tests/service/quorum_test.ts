// The gate of the quorums in words: there are some for every address, whatever its ports ask for.
import assert from "node:assert/strict";
import { continuedPort } from "../../src/service/destinations.ts";
import { portName } from "../../src/service/port_state.ts";
import { quorumLook } from "../../src/service/quorum.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { checkedPort } from "../support/ports.ts";

Deno.test("quorumLook() says why it is open for an address of which no port asks for a quorum (found by simulation)", () => {
  const marked = checkedPort({ fwmark: 7, port: 0, families: [4] });
  const config = serviceConfig({ ports: [marked] });
  const ports = new Map([[portName(marked), continuedPort(marked, undefined, 0)]]);
  const look = (text: string) => quorumLook({ config, ports }, address(text));
  assert.deepEqual(look("2001:db8::1"), { open: true, reason: "no port needs live weight of IPv6" });
  assert.equal(look("10.99.0.1").open, false);
});
