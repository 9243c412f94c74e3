// Checks of kind tcp, udp and grpc: what they are called, what a destination lends them, and octets in both spellings.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import { renderConfig } from "../../src/config/render.ts";
import { renderOctets } from "../../src/config/values/octets.ts";
import { configOf, issuesOf } from "./text.ts";

const TCP = { type: "tcp", port: 25 } as const;
const UDP = { type: "udp", port: 514, send: "x" } as const;
const GRPC = { type: "grpc", port: 50051 } as const;

function file(service: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.2", as: 65512 }] },
    services: [{ name: "web", addresses: ["10.99.0.1"], ...service }],
  });
}

function checksOf(...checks: readonly unknown[]): readonly CheckConfig[] {
  return configOf(file({ checks })).services[0]?.checks ?? [];
}

Deno.test("tcp, udp and grpc checks are called by kind and place, and a second one of the same place by its number", () => {
  const names = checksOf(TCP, { ...TCP, expect: "220" }, { ...UDP, address: "::1" }, GRPC, {
    ...GRPC,
    address: "a.example",
    service: "shop.v1.Basket",
    tls: true,
  }).map(({ name }) => name);
  assert.deepEqual(names, [
    "tcp 127.0.0.1:25",
    "tcp 127.0.0.1:25 #2",
    "udp [::1]:514",
    "grpc 127.0.0.1:50051",
    "grpc a.example:50051/shop.v1.Basket",
  ]);
});

Deno.test("tcp, udp and grpc checks of destinations have their address and port, and need one where they have none", () => {
  const checks = [{ type: "tcp" }, { type: "udp", send: "x" }, { type: "grpc" }, {
    ...TCP,
    address: "10.0.0.9",
  }];
  const destinations = [{ address: "10.0.0.7", port: 8443 }];
  const port = configOf(file({ ports: [{ port: 443, destinations, checks }] })).services[0]?.ports[0];
  assert.deepEqual(port?.destinations[0]?.checks.map(({ name }) => name), [
    "tcp 10.0.0.7:8443",
    "udp 10.0.0.7:8443",
    "grpc 10.0.0.7:8443",
    "tcp 10.0.0.9:25",
  ]);
  const marked = { fwmark: 7, destinations: [{ address: "10.0.0.7" }], checks: checks.slice(0, 3) };
  assert.deepEqual(
    issuesOf(file({ ports: [marked] })).map((issue) => issue.replace(/^\S+ /, "")),
    [
      0,
      1,
      2,
    ].map((at) =>
      `services[0].ports[0].checks[${at}].port: needs a port, as the destination has none of its own`
    ),
  );
});

Deno.test("octets are a text, which stands for its UTF-8, or hexadecimal, and are shown as what they are", () => {
  for (
    const [spelling, hex, shown] of [
      ["PING\r\n", "50494e470d0a", "PING\r\n"],
      ["\u0000", "00", { hex: "00" }],
      // A character is no octet: one of UTF-8 has two here.
      ["ÿ", "c3bf", "ÿ"],
      [{ hex: "1b 00 FF" }, "1b00ff", { hex: "1b00ff" }],
      [{ hex: "50494e47" }, "50494e47", "PING"],
      ["\ufeffx", "efbbbf78", { hex: "efbbbf78" }],
    ] as const
  ) {
    // As a file says what cannot be seen: with an escape.
    const text = file({ checks: [{ ...UDP, send: spelling }] }).replaceAll("\ufeff", "\\ufeff");
    const [check] = configOf(text).services[0]?.checks ?? [];
    assert.ok(check?.type === "udp");
    assert.equal(check.send.toHex(), hex);
    assert.deepEqual(renderOctets(check.send), shown);
  }
});

Deno.test("renderConfig() gives octets that read back as the same", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (octets) => {
      const config = configOf(file({ checks: [{ ...TCP, send: { hex: octets.toHex() }, expect: "x" }] }));
      const text = JSON.stringify(renderConfig(config));
      const [check] = configOf(text).services[0]?.checks ?? [];
      assert.ok(check?.type === "tcp");
      assert.deepEqual(check.send, octets);
    }),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("octets have a bound", () => {
  const at = (send: unknown) =>
    issuesOf(file({ checks: [{ ...UDP, send }] })).map((issue) => issue.slice(0, 200));
  assert.deepEqual(at("x".repeat(4096)), []);
  assert.match(at("x".repeat(4097))[0] ?? "", /send: must have at most 4096 octets, and has 4097/);
  assert.match(at("ÿ".repeat(2049))[0] ?? "", /send: must have at most 4096 octets, and has 4098/);
  assert.match(
    at({ hex: "00".repeat(4097) })[0] ?? "",
    /send.hex: must have at most 4096 octets, and has 4097/,
  );
});
