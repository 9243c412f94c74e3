// restartKeys() and effective(): what of another configuration an agent that runs cannot begin with.
import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { differ } from "../../src/config/difference.ts";
import { effective, restartKeys } from "../../src/config/restart.ts";
import { VALID_FILES } from "./arbitrary.ts";
import { configOf, MINIMAL } from "./text.ts";

const BASE = configOf(MINIMAL);

function withNetwork(setup: boolean, ipvs: boolean): Config {
  return { ...BASE, network: { ...BASE.network, setup, ipvs } };
}

Deno.test("restartKeys() names what is opened at start: network.setup and network.ipvs", () => {
  assert.deepEqual(restartKeys(BASE, BASE), []);
  assert.deepEqual(restartKeys(withNetwork(true, true), withNetwork(true, false)), ["network.ipvs"]);
  assert.deepEqual(restartKeys(withNetwork(false, true), withNetwork(true, true)), ["network.setup"]);
  assert.deepEqual(restartKeys(withNetwork(true, true), withNetwork(false, false)), [
    "network.ipvs",
    "network.setup",
  ]);
});

Deno.test("effective() takes network.contention at a reload, which needs no restart", () => {
  const contention = { limit: 1, windowMs: 2000, holdMs: 3000 };
  const next = { ...BASE, network: { setup: false, ipvs: false, contention } };
  assert.deepEqual(effective(BASE, next).network, { setup: true, ipvs: true, contention });
  assert.deepEqual(restartKeys(BASE, { ...BASE, network: { ...BASE.network, contention } }), []);
});

Deno.test("effective() is the next configuration in everything that needs no restart", () => {
  const configs = VALID_FILES.map((file) => configOf(JSON.stringify(file)));
  let needed = 0;
  configs.forEach((old, index) => {
    const next = configs[(index + 1) % configs.length] ?? old;
    const runs = effective(old, next);
    assert.deepEqual(restartKeys(old, runs), []);
    assert.deepEqual(
      differ(runs, next).map(({ of }) => of),
      restartKeys(old, next).length > 0 ? ["network"] : [],
    );
    needed += restartKeys(old, next).length;
  });
  assert.ok(needed > 0);
});
