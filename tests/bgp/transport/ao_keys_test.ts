// What is done to a socket for its TCP-AO keys, and in which order (RFC 5925 section 6.1).
import assert from "node:assert/strict";
import {
  changeListenerKeys,
  rollOverKeys,
  sameAoKeys,
  setAoKeys,
} from "../../../src/bgp/transport/ao_keys.ts";
import type { AoKey, RawSocket } from "../../../src/bgp/transport/raw_sockets.ts";
import type { TcpAoKey } from "../../../src/config/config.ts";
import { address } from "../../support/bgp.ts";

const PEER = address("10.0.0.2");
const key = (id: number, password = `key ${id}`): TcpAoKey => ({
  sendId: id,
  receiveId: id + 100,
  algorithm: "hmac-sha-1-96",
  password,
});

/** Notes what is asked for; every other call would throw. */
function noting(): { readonly socket: RawSocket; readonly calls: string[] } {
  const calls: string[] = [];
  const socket = {
    addAoKey: (_address: unknown, added: AoKey, first: boolean) =>
      void calls.push(
        `add ${added.sendId}/${added.receiveId} ${added.algorithm}/${added.macOctets}${
          first ? " first" : ""
        }`,
      ),
    deleteAoKey: (_address: unknown, { sendId }: { sendId: number }) => void calls.push(`delete ${sendId}`),
    requireAo: (use: { sendId: number } | undefined) => void calls.push(`require ${use?.sendId ?? "any"}`),
  };
  return { socket: socket as unknown as RawSocket, calls };
}

Deno.test("setAoKeys() begins a session with the first key, and refuses what is unsigned", () => {
  const { socket, calls } = noting();
  const more = { ...key(2), algorithm: "aes-128-cmac-96" } as const;
  setAoKeys(socket, PEER, [key(1), more, { ...key(3), algorithm: "hmac-sha-256-128" }], false);
  assert.deepEqual(calls, [
    "add 1/101 hmac(sha1)/12 first",
    "add 2/102 cmac(aes128)/12",
    "add 3/103 hmac(sha256)/16",
    "require any",
  ]);
});

Deno.test("setAoKeys() leaves a listener open for peers that sign nothing, and a peer without keys alone", () => {
  const { socket, calls } = noting();
  setAoKeys(socket, PEER, [key(1)], true);
  setAoKeys(socket, PEER, [], false);
  assert.deepEqual(calls, ["add 1/101 hmac(sha1)/12"]);
});

Deno.test("rollOverKeys() adds, takes into use, and deletes only then: a session always has a key (RFC 5925 6.1)", () => {
  const { socket, calls } = noting();
  rollOverKeys(socket, PEER, [key(1), key(2)], [key(3), key(2)]);
  assert.deepEqual(calls, ["add 3/103 hmac(sha1)/12", "require 3", "delete 1"]);
});

Deno.test("rollOverKeys() of the same keys in another order takes the first into use, and that is all", () => {
  const { socket, calls } = noting();
  rollOverKeys(socket, PEER, [key(1), key(2)], [key(2), key(1)]);
  assert.deepEqual(calls, ["require 2"]);
});

Deno.test("changeListenerKeys() makes room for another key of the same number first", () => {
  const { socket, calls } = noting();
  changeListenerKeys(socket, PEER, [key(1), key(2)], [key(1, "another"), key(2)]);
  assert.deepEqual(calls, ["delete 1", "add 1/101 hmac(sha1)/12"]);
  calls.length = 0;
  changeListenerKeys(socket, PEER, [key(1)], []);
  assert.deepEqual(calls, ["delete 1"]);
});

Deno.test("sameAoKeys() sees order, numbers, algorithm and password", () => {
  assert.ok(sameAoKeys([key(1), key(2)], [key(1), key(2)]));
  assert.ok(sameAoKeys([], []));
  for (const other of [[], [key(2), key(1)], [key(1), key(2, "x")], [key(1)]]) {
    assert.ok(!sameAoKeys([key(1), key(2)], other));
  }
});
