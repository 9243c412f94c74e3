// The programs that migrate makes of what ExaBGP and keepalived ran at changes, run by a real shell.
import assert from "node:assert/strict";
import { parseOverrides } from "../../src/config/overrides.ts";
import { type ForeignFormat, migrateFiles } from "../../src/migrate/migrate.ts";
import { configOf } from "../config/text.ts";
import { SPEAKER } from "../migrate/corpus.ts";

function onChangeOf(format: ForeignFormat, text: string): readonly string[] {
  const flags = { overrides: parseOverrides({}).values, speaker: SPEAKER };
  const [service] = configOf(migrateFiles(format, [{ name: "f", text }], flags).yaml).services;
  return service?.onChange ?? [];
}

/** What the program says when it is told `facts`. */
async function told(
  [program = "", ...args]: readonly string[],
  facts: Readonly<Record<string, string>>,
): Promise<string> {
  const environment = Object.entries(facts).map(([name, value]) => [`BGP_LB_${name}`, value]);
  const command = new Deno.Command(program, {
    args,
    clearEnv: true,
    env: Object.fromEntries(environment),
    stdin: "null",
  });
  const { stdout, stderr, code } = await command.output();
  assert.deepEqual([new TextDecoder().decode(stderr), code], ["", 0]);
  return new TextDecoder().decode(stdout);
}

Deno.test("onChange of a migrated healthcheck runs what it ran, with STATE, up, down and disabled", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const program = onChangeOf(
      "exabgp",
      `ip = 198.51.100.1
disable = ${folder}/it's off
execute = echo "always $STATE" # whatever it's
up-execute = echo 'up'
down-execute = echo down; echo "again"
disabled-execute = echo disabled`,
    );
    assert.equal(await told(program, { EVENT: "route", TO: "announced" }), "up\nalways UP\n");
    assert.equal(await told(program, { EVENT: "route", TO: "degraded" }), "down\nagain\nalways DOWN\n");
    assert.equal(await told(program, { EVENT: "phase", TO: "down" }), "");
    await Deno.writeTextFile(`${folder}/it's off`, "");
    assert.equal(await told(program, { EVENT: "route", TO: "withdrawn" }), "disabled\nalways DISABLED\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("onChange of a migrated virtual server runs each script at its own change alone", async () => {
  const program = onChangeOf(
    "keepalived",
    `virtual_server 198.51.100.1 80 {
  protocol TCP
  quorum_up "/bin/echo 'quorum  up'"
  quorum_down "/bin/echo quorum down"
  real_server 192.0.2.2 8080 {
    notify_up "/bin/echo two up $HOME *"
    notify_down "/bin/echo two down"
  }
  real_server 192.0.2.3 8080 {
    notify_down "/bin/echo three down"
  }
}`,
  );
  const destination = (address: string, to: string) =>
    told(program, { EVENT: "destination", PORT: "tcp 80", DESTINATION: `${address}:8080`, TO: to });
  assert.equal(
    await told(program, { EVENT: "route", ADDRESS: "198.51.100.1", TO: "announced" }),
    "quorum  up\n",
  );
  assert.equal(
    await told(program, { EVENT: "route", ADDRESS: "198.51.100.1", TO: "withdrawn" }),
    "quorum down\n",
  );
  assert.equal(await destination("192.0.2.2", "live"), "two up $HOME *\n");
  assert.equal(await destination("192.0.2.2", "not live"), "two down\n");
  assert.equal(await destination("192.0.2.3", "not live"), "three down\n");
  assert.equal(await destination("192.0.2.3", "live"), "");
  assert.equal(await told(program, { EVENT: "verdict", TO: "unhealthy" }), "");
});
