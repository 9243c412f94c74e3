// `bgp-lb check`, `migrate` and `schema` as a process, on real files: what is printed where, and the exit status.
import assert from "node:assert/strict";
import { agentArguments } from "../support/agent.ts";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As the task `agent` runs it, with `flags` besides. */
async function bgpLb(args: readonly string[], flags: readonly string[] = []): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...agentArguments().toSpliced(1, 0, "--quiet", ...flags), ...args],
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Files in a folder of their own, gone after the test. */
async function withFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("bgp-lb check of the example is silent on stdout and exits 0 (CONTRACT Command line)", async () => {
  const { code, stdout, stderr } = await bgpLb(["check", "config.example.yaml"]);
  assert.deepEqual([code, stdout, stderr], [0, "", "config.example.yaml: valid: 1 service, 2 peers\n"]);
});

Deno.test("bgp-lb check of a file that cannot be used says why and exits 2 (CONTRACT Configuration file)", async () => {
  const files = {
    "empty.yaml": "",
    "latin1.yaml": Uint8Array.of(0x23, 0xe9, 0x0a),
    "prose.yaml": "this is not a configuration\n",
    "tabs.yaml": "bgp:\n\tlocal: {}\n",
    "large.yaml": `# ${"x".repeat(4 * 1024 * 1024)}\n`,
  };
  await withFiles(files, async (folder) => {
    const rows: readonly (readonly [string, string])[] = [
      ["empty.yaml", ":1:1: is empty: it needs at least bgp and services"],
      ["latin1.yaml", ":1:2: is not UTF-8 text: octet 0xe9 is not allowed here"],
      [
        "prose.yaml",
        ':1:1: must be a mapping with bgp and services at the top (got "this is not a configuration")',
      ],
      ["tabs.yaml", ":2:1: not valid YAML: tabs cannot indent, use spaces"],
      ["large.yaml", ": is larger than 4 MiB"],
      ["missing.yaml", ": does not exist"],
      [".", ": is a folder, not a file"],
    ];
    for (const [name, expected] of rows) {
      const file = `${folder}/${name}`;
      const { code, stdout, stderr } = await bgpLb(["check", file]);
      assert.deepEqual([code, stdout], [2, ""], name);
      assert.equal(stderr, `${file}${expected}\n${file}: 1 problem, cannot be used\n`);
    }
  });
});

Deno.test("bgp-lb check of a file that it may not read says so and exits 2", async () => {
  await withFiles({ "secret.yaml": "" }, async (folder) => {
    const file = `${folder}/secret.yaml`;
    const { code, stderr } = await bgpLb(["check", file], [`--deny-read=${file}`]);
    assert.equal(code, 2);
    assert.match(stderr, /secret\.yaml: (may not|cannot) be read/);
  });
});

Deno.test("bgp-lb check reads password files and never prints one (CONTRACT Configuration file)", async () => {
  const config = (passwordFile: string) =>
    `bgp:
  local: {routerID: 10.0.0.1, as: 65512}
  peers: [{address: 10.0.0.254, as: 65512, passwordFile: ${passwordFile}}]
services: [{name: web, addresses: [10.99.0.1]}]
`;
  await withFiles({ key: "hunter2\n" }, async (folder) => {
    await Deno.writeTextFile(`${folder}/a.yaml`, config(`${folder}/key`));
    await Deno.writeTextFile(`${folder}/b.yaml`, config(`${folder}/none`));
    const good = await bgpLb(["check", `${folder}/a.yaml`, "--print"]);
    assert.equal(good.code, 0);
    assert.match(good.stdout, /password: \(not shown\)/);
    assert.ok(!good.stdout.includes("hunter2"));
    const bad = await bgpLb(["check", `${folder}/b.yaml`]);
    assert.equal(bad.code, 2);
    assert.match(
      bad.stderr,
      /b\.yaml:3:\d+: bgp\.peers\[0\]\.passwordFile: names a file that does not exist/,
    );
  });
});

Deno.test("bgp-lb migrate and schema answer on stdout and exit 0 (CONTRACT Command line)", async () => {
  const migrated = await bgpLb(["migrate", "tests/golden/config/reference.json.golden"]);
  assert.equal(migrated.code, 0, migrated.stderr);
  assert.equal(
    migrated.stdout,
    await Deno.readTextFile("tests/golden/config/reference.migrated.yaml.golden"),
  );
  const folder = "tests/golden/migrate";
  const flags = [
    "--router-id",
    "192.0.2.10",
    "--local-as",
    "64512",
    "--peers=192.0.2.1,192.0.2.2",
    "--peer-as",
    "64500",
  ];
  const keepalived = await bgpLb(["migrate", `${folder}/keepalived.conf`, ...flags]);
  assert.equal(keepalived.code, 0, keepalived.stderr);
  assert.equal(keepalived.stdout, await Deno.readTextFile(`${folder}/keepalived.yaml.golden`));
  assert.match(
    keepalived.stderr,
    /keepalived\.conf:\d+:\d+: warning: frobnicate: is not known to migrate: left out\n/,
  );
  const schema = await bgpLb(["schema"]);
  assert.equal(schema.code, 0, schema.stderr);
  assert.equal(JSON.parse(schema.stdout).title, "bgp-lb configuration");
});

Deno.test("bgp-lb schema to a full disk says so and exits 1 (CONTRACT Command line)", async () => {
  const script = '"$0" "$@" schema >/dev/full';
  const command = new Deno.Command("sh", {
    args: ["-c", script, Deno.execPath(), ...agentArguments()],
    stdin: "null",
  });
  const { code, stderr } = await command.output();
  assert.match(
    new TextDecoder().decode(stderr),
    /^the answer cannot be written to standard output: No space left on device/,
  );
  assert.equal(code, 1);
});
