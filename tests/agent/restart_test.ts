import assert from "node:assert/strict";
import { type Forwarding, forwardingOf, restartOf } from "../../src/agent/restart.ts";
import type { KeptSession } from "../../src/agent/session_record.ts";
import { familyName } from "../../src/bgp/session/family.ts";
import type { FamilyName, ServiceConfig } from "../../src/config/config.ts";
import type { Managed } from "../../src/kernel/kernel.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import type { Address } from "../../src/net/address.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { NONE, plainService } from "../support/kernel_objects.ts";
import { madeKernel } from "../support/made_kernel.ts";

const BOTH: readonly FamilyName[] = ["ipv4-unicast", "ipv6-unicast"];
const ALL: KeptSession = { families: BOTH, untilMs: 5000 };

/** The R bit, up to when, and the F bits. */
function bits(session: KeptSession | undefined, ipv4: Forwarding, ipv6: Forwarding) {
  const before = { session, because: "nothing", bootMs: 3000, nowMs: 100 };
  const { restartingUntilMs, forwarding } = restartOf(
    { families: BOTH },
    before,
    (family) => family === "ipv4-unicast" ? ipv4 : ipv6,
  );
  return [restartingUntilMs, ...forwarding.map(familyName)];
}

Deno.test("restartOf() sets R where the run before had a session, and F by the kernel or, where that is not ours, by it (RFC 4724 4.1)", () => {
  const rows: readonly (readonly [...Parameters<typeof bits>, readonly unknown[]])[] = [
    [undefined, "gone", "gone", [-Infinity]],
    [undefined, "untouched", "untouched", [-Infinity]],
    // Nobody keeps its routes, but what forwards is there.
    [undefined, "kept", "gone", [-Infinity, "ipv4-unicast"]],
    [ALL, "gone", "gone", [2100]],
    [ALL, "kept", "gone", [2100, "ipv4-unicast"]],
    [ALL, "gone", "untouched", [2100, "ipv6-unicast"]],
    [ALL, "untouched", "untouched", [2100, ...BOTH]],
    [{ ...ALL, families: ["ipv4-unicast"] }, "untouched", "untouched", [2100, "ipv4-unicast"]],
    // Its restart time is over.
    [{ ...ALL, untilMs: 3000 }, "untouched", "kept", [-Infinity, "ipv6-unicast"]],
  ];
  for (const [session, ipv4, ipv6, expected] of rows) {
    assert.deepEqual(bits(session, ipv4, ipv6), expected, `${ipv4} ${ipv6}`);
  }
  const one = { session: ALL, because: "", bootMs: 0, nowMs: 0 };
  const { forwarding } = restartOf({ families: ["ipv4-unicast"] }, one, () => "kept");
  assert.deepEqual(forwarding.map(familyName), ["ipv4-unicast"], "of the families of the peer");
});

Deno.test("forwardingOf() is of a family's addresses, and of its virtual services where it has any", () => {
  const [four, six] = [address("10.99.0.1"), address("2001:db8::1")];
  const both = serviceConfig({ addresses: [four, six] });
  const plain = serviceConfig({ addresses: [four, six], ports: [] });
  const link = (...addresses: readonly Address[]) => [{ name: "web", service: "web", addresses }];
  const ipvs = (...addresses: readonly Address[]) => addresses.map((each) => plainService({ address: each }));
  const all = { interfaces: true, ipvs: true };
  const rows: readonly (readonly [ServiceConfig, Managed, Partial<DesiredKernel>, Forwarding, Forwarding])[] =
    [
      [both, all, {}, "gone", "gone"],
      [both, all, { interfaces: link(four, six), virtualServices: ipvs(four, six) }, "kept", "kept"],
      [both, all, { interfaces: link(four, six), virtualServices: ipvs(six) }, "gone", "kept"],
      [both, all, { interfaces: link(four), virtualServices: ipvs(four, six) }, "kept", "gone"],
      [plain, all, { interfaces: link(four) }, "kept", "gone"],
      [both, { interfaces: true, ipvs: false }, { interfaces: link(six) }, "gone", "kept"],
      // Where interfaces are not ours, their addresses tell nothing.
      [both, { interfaces: false, ipvs: true }, { virtualServices: ipvs(four) }, "kept", "gone"],
      [plain, { interfaces: false, ipvs: true }, {}, "untouched", "untouched"],
      [both, { interfaces: false, ipvs: false }, {}, "untouched", "untouched"],
      [serviceConfig(), { interfaces: false, ipvs: false }, {}, "untouched", "gone"],
    ];
  for (const [service, managed, made, ...expected] of rows) {
    const actual = madeKernel({ ...NONE, ...made });
    const states = BOTH.map((family) => forwardingOf(family, [service], managed, actual));
    assert.deepEqual(states, expected, JSON.stringify([managed, made]));
  }
  assert.equal(forwardingOf("ipv4-unicast", [both], all, undefined), "gone", "it could not be read");
});
