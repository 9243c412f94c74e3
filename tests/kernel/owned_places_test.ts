import assert from "node:assert/strict";
import {
  decodePlaces,
  encodePlaces,
  NO_PLACES,
  placesKey,
  placesOf,
  together,
} from "../../src/kernel/owned_places.ts";
import { UNSPECIFIED } from "../../src/net/address.ts";
import { seal } from "../../src/bytes/sealed.ts";
import { address } from "../support/bgp.ts";

const mark = (fwmark: number, family: 4 | 6) => {
  return { protocol: "tcp", address: UNSPECIFIED[family], port: 0, fwmark } as const;
};
const at = (text: string) => ({ protocol: "udp", address: address(text), port: 53, fwmark: 0 } as const);

Deno.test("placesOf() tells addresses and marks of virtual services, each once", () => {
  const places = placesOf([at("10.99.0.1"), at("10.99.0.1"), at("2001:db8::1"), mark(7, 4), mark(7, 6)]);
  assert.deepEqual(places.ownedAddresses.map(({ text }) => text), ["10.99.0.1", "2001:db8::1"]);
  assert.deepEqual(places.ownedFwmarks, [mark(7, 4), mark(7, 6)]);
  assert.equal(placesKey(together([places, places])), placesKey(places));
  assert.notEqual(placesKey(placesOf([mark(7, 4)])), placesKey(placesOf([mark(7, 6)])));
});

Deno.test("decodePlaces() reads what encodePlaces() wrote", () => {
  for (const places of [NO_PLACES, placesOf([at("10.99.0.1"), at("2001:db8::1"), mark(7, 4), mark(9, 6)])]) {
    assert.deepEqual(decodePlaces(encodePlaces(places)), places);
  }
});

Deno.test("decodePlaces() says what is wrong with a file", () => {
  const whole = encodePlaces(placesOf([at("10.99.0.1")]));
  const sealed = (content: Record<string, unknown>) => seal({ what: "ipvs", version: 1 }, content);
  const rows: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(0), /it is no file of ipvs/],
    [seal({ what: "drains", version: 1 }, {}), /it is no file of ipvs/],
    [whole.subarray(0, whole.length - 3), /it is torn/],
    [whole.map((octet, index) => index === whole.length - 5 ? octet ^ 1 : octet), /it is torn/],
    [seal({ what: "ipvs", version: 2 }, {}), /of another version/],
    [sealed({ addresses: ["nowhere"] }), /an address in it is none/],
    [sealed({ marks: [{ fwmark: 0, family: 4 }] }), /a mark in it is none/],
    [sealed({ marks: [{ fwmark: 7, family: 5 }] }), /a mark in it is none/],
    [sealed({ marks: 7 }), /a list in it is none/],
    [new Uint8Array(2_000_000), /too large/],
  ];
  for (const [file, expected] of rows) assert.throws(() => decodePlaces(file), expected);
});
