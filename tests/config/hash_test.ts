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

Deno.test("configHash() is 64 hexadecimal digits, other ones for every other configuration", async () => {
  const hashes = await Promise.all(VALID_FILES.map((file) => configHash(configOf(JSON.stringify(file)))));
  for (const hash of hashes) assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(new Set(hashes).size, VALID_FILES.length);
});

Deno.test("configHash() sees neither the order of lists nor how the file spells it", async () => {
  const two = config({ services: [serviceConfig(), serviceConfig({ name: "b", interface: "b" })] });
  const hash = await configHash(two);
  assert.equal(await configHash({ ...two, services: two.services.toReversed() }), hash);
  const minimal = await configHash(configOf(MINIMAL));
  assert.equal(await configHash(configOf(`${MINIMAL}log: {level: info}\n# words\n`)), minimal);
  assert.notEqual(await configHash(configOf(`${MINIMAL}log: {level: debug}\n`)), minimal);
});

Deno.test("configHash() sees the order of a command's arguments", async () => {
  const hash = (onChange: readonly string[]) =>
    configHash(config({ services: [serviceConfig({ onChange })] }));
  assert.notEqual(await hash(["/bin/tell", "a", "b"]), await hash(["/bin/tell", "b", "a"]));
});

Deno.test("configHash() does not depend on what a password is: nobody can guess one by it", async () => {
  assert.ok(differ(withPassword("one"), withPassword("two")).length > 0);
  assert.equal(await configHash(withPassword("one")), await configHash(withPassword("two")));
  assert.notEqual(await configHash(withPassword("one")), await configHash(withPassword(undefined)));
});
