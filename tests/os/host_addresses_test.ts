/** The addresses of this host as Deno lists them: looked at again and again, and told where they are others. */
import assert from "node:assert/strict";
import type { InterfaceAddress } from "../../src/net/on_link.ts";
import { listedAddresses } from "../../src/os/host_addresses.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const LO: InterfaceAddress = { name: "lo", address: "::1", cidr: "::1/128" };
const ETH0: InterfaceAddress = { name: "eth0", address: "192.0.2.1", cidr: "192.0.2.1/24" };

Deno.test("listedAddresses() tells within five seconds that addresses are others, and never that they are not", async () => {
  const clock = new VirtualClock();
  let list: readonly InterfaceAddress[] | undefined = [LO];
  let calls = 0;
  const addresses = listedAddresses(() => list, clock);
  const watch = addresses.watch(() => void calls++);
  await clock.advance(60_000);
  assert.equal(calls, 0);
  list = [LO, ETH0];
  await clock.advance(5000);
  assert.equal(calls, 1);
  const known = addresses.current();
  assert.ok(typeof known === "object");
  assert.deepEqual(
    known.map((each) => [each.interface, each.address.text, each.prefixLength, each.state]),
    [["lo", "::1", 128, "usable"], ["eth0", "192.0.2.1", 24, "usable"]],
  );
  list = undefined;
  await clock.advance(5000);
  assert.deepEqual([addresses.current(), calls], [undefined, 2]);
  watch[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("listedAddresses() knows nothing where the process may not ask", () => {
  assert.equal(listedAddresses(() => undefined, new VirtualClock()).current(), undefined);
});
