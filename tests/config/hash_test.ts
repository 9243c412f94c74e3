// configHash(): the same exactly where configurations mean the same, passwords left out.
import assert from "node:assert/strict";
import { configHash } from "../../src/config/hash.ts";
import type { Config } from "../../src/config/config.ts";
import { differ } from "../../src/config/difference.ts";
import { config, serviceConfig } from "../support/config.ts";
import { VALID_FILES } from "./arbitrary.ts";
import { configOf, MINIMAL } from "./text.ts";

function withPassword(password: string | undefined): Config {
  const minimal = configOf(MINIMAL);
  return {
    ...minimal,
    bgp: { ...minimal.bgp, peers: minimal.bgp.peers.map((peer) => ({ ...peer, password })) },
  };
}

Deno.test("configHash() is 16 hexadecimal digits, other ones for every other configuration", () => {
  const hashes = VALID_FILES.map((file) => configHash(configOf(JSON.stringify(file))));
  for (const hash of hashes) assert.match(hash, /^[0-9a-f]{16}$/);
  assert.equal(new Set(hashes).size, VALID_FILES.length);
});

Deno.test("configHash() sees neither the order of lists nor how the file spells it", () => {
  const two = config({ services: [serviceConfig(), serviceConfig({ name: "b", interface: "b" })] });
  const hash = configHash(two);
  assert.equal(configHash({ ...two, services: two.services.toReversed() }), hash);
  const minimal = configHash(configOf(MINIMAL));
  assert.equal(configHash(configOf(`${MINIMAL}log: {level: info}\n# words\n`)), minimal);
  assert.notEqual(configHash(configOf(`${MINIMAL}log: {level: debug}\n`)), minimal);
});

Deno.test("configHash() sees the order of a command's arguments", () => {
  const hash = (onChange: readonly string[]) =>
    configHash(config({ services: [serviceConfig({ onChange })] }));
  assert.notEqual(hash(["/bin/tell", "a", "b"]), hash(["/bin/tell", "b", "a"]));
});

Deno.test("configHash() does not depend on what a password is: nobody can guess one by it", () => {
  assert.ok(differ(withPassword("one"), withPassword("two")).length > 0);
  assert.equal(configHash(withPassword("one")), configHash(withPassword("two")));
  assert.notEqual(configHash(withPassword("one")), configHash(withPassword(undefined)));
});
