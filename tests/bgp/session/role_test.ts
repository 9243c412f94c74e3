// BGP roles (RFC 9234): which pairs have a session, what is said of those that have none, and whose routes are marked.
import assert from "node:assert/strict";
import type { BgpRole } from "../../../src/config/config.ts";
import { negotiate, openMessage, sessionConfig } from "../../../src/bgp/session/negotiate.ts";
import {
  counterpartOf,
  marksOnlyToCustomer,
  negotiateRole,
  roleValue,
} from "../../../src/bgp/session/role.ts";
import { type Capability, decodeCapabilities, encodeCapability } from "../../../src/bgp/wire/capability.ts";
import { NotificationError } from "../../../src/bgp/wire/notification.ts";
import { localBgp, peerConfig } from "../../support/bgp.ts";
import { openOf } from "../../support/sessions.ts";

const OFFER = { omission: [], restarting: false, forwarding: [] } as const;
/** The values and the pairs of RFC 9234 sections 4.1 and 4.2. */
const VALUES: readonly (readonly [BgpRole, number])[] = [
  ["provider", 0],
  ["rs", 1],
  ["rs-client", 2],
  ["customer", 3],
  ["peer", 4],
];
const PAIRS: readonly string[] = [
  "provider customer",
  "customer provider",
  "rs rs-client",
  "rs-client rs",
  "peer peer",
];

const role = (value: number): Capability => ({ type: "role", role: value });

function refused(result: unknown): string {
  assert.ok(result instanceof NotificationError, "it was accepted");
  assert.deepEqual([result.code, result.subcode], [2, 11]);
  return result.message;
}

Deno.test("roleValue() has the values of the registry, in a capability of one octet (RFC 9234 4.1)", () => {
  for (const [name, value] of VALUES) {
    assert.equal(roleValue(name), value);
    const octets = encodeCapability(role(value));
    assert.deepEqual([...octets], [9, 1, value]);
    assert.deepEqual(decodeCapabilities(octets), [role(value)]);
  }
  for (const wrong of [[9, 0], [9, 2, 0, 0]]) {
    assert.throws(() => decodeCapabilities(Uint8Array.from(wrong)), { code: 2, subcode: 0 });
  }
});

Deno.test("negotiateRole() accepts the five pairs and no other, and says both roles (RFC 9234 4.2)", () => {
  let accepted = 0;
  for (const [local] of VALUES) {
    for (const [theirs, value] of VALUES) {
      const result = negotiateRole(local, false, [role(value)]);
      if (PAIRS.includes(`${local} ${theirs}`)) {
        assert.deepEqual(result, { local, peer: theirs });
        assert.equal(counterpartOf(local), theirs);
        accepted++;
        continue;
      }
      assert.equal(
        refused(result),
        `role mismatch: this host is ${local}, the peer says it is ${theirs}, it must be ${
          counterpartOf(local)
        } (RFC 9234)`,
      );
    }
    assert.match(refused(negotiateRole(local, false, [role(5)])), /the peer says it is role 5, it must be/);
    assert.match(refused(negotiateRole(local, false, [role(255)])), /role 255/);
  }
  assert.equal(accepted, 5);
});

Deno.test("negotiateRole() takes one role said twice as one, and two as a mismatch (RFC 9234 4.2)", () => {
  assert.deepEqual(negotiateRole("customer", true, [role(0), role(0)]), {
    local: "customer",
    peer: "provider",
  });
  assert.match(
    refused(negotiateRole("customer", false, [role(0), role(4)])),
    /the peer says provider and peer at once/,
  );
});

Deno.test("negotiateRole() does without the peer's role but where strict, and says nothing where we have none (RFC 9234 4.2)", () => {
  assert.deepEqual(negotiateRole("peer", false, []), { local: "peer", peer: undefined });
  assert.match(refused(negotiateRole("peer", true, [])), /the peer says no role, it must be peer/);
  assert.equal(negotiateRole(undefined, false, [role(0), role(1)]), undefined);
});

Deno.test("negotiate() and openMessage() have the role of an external session, and none of an internal one (RFC 9234 4)", () => {
  const local = localBgp({ as: 65_001 });
  const roles = (as: number) => {
    const config = sessionConfig(local, peerConfig({ as, localRole: "customer", strictRole: true }));
    return { config, sent: openMessage(config, OFFER).capabilities.filter(({ type }) => type === "role") };
  };
  const external = roles(65_002);
  assert.deepEqual(external.sent, [role(3)]);
  const theirs = openOf();
  const answer = (more: readonly Capability[]) =>
    negotiate(external.config, OFFER, { ...theirs, capabilities: [...theirs.capabilities, ...more] });
  refused(answer([role(3)]));
  refused(answer([]));
  const good = answer([role(0)]);
  assert.ok(!(good instanceof NotificationError));
  assert.deepEqual(good.role, { local: "customer", peer: "provider" });
  assert.deepEqual(roles(65_001).sent, []);
  assert.equal(roles(65_001).config.localRole, undefined);
});

Deno.test("marksOnlyToCustomer() is true towards customers, peers and clients of a route server alone (RFC 9234 5)", () => {
  const marked = VALUES.map(([name]) => name).filter(marksOnlyToCustomer);
  assert.deepEqual(marked, ["provider", "rs", "peer"]);
  assert.equal(marksOnlyToCustomer(undefined), false);
});
