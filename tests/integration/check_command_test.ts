/** `bgp-lb check` as a process, with the permissions of the task `agent`: standard input, files that are none, other people's eyes. */
import assert from "node:assert/strict";
import { agentArguments } from "../support/agent.ts";
import { MINIMAL } from "../config/text.ts";

interface Outcome {
  readonly code: number;
  readonly stderr: string;
}

/** Runs `bgp-lb` with `args`; `input` goes to its standard input. */
async function bgpLb(
  args: readonly string[],
  { input = "", cwd }: { input?: string; cwd?: string } = {},
): Promise<Outcome> {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [...agentArguments(main), ...args],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  // Whoever has read enough may close the pipe.
  const written = new Blob([input]).stream().pipeTo(child.stdin).catch(() => undefined);
  const { code, stderr } = await child.output();
  await written;
  return { code, stderr: new TextDecoder().decode(stderr) };
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("bgp-lb check - reads standard input to its end, and no more than a file may have (faults C10)", async () => {
  assert.deepEqual(await bgpLb(["check", "-"], { input: MINIMAL }), {
    code: 0,
    stderr: "<stdin>: valid: 1 service, 1 peer\n",
  });
  assert.deepEqual(await bgpLb(["check", "/dev/stdin"], { input: MINIMAL }), {
    code: 0,
    stderr: "<stdin>: valid: 1 service, 1 peer\n",
  });
  const faulty = await bgpLb(["check", "-"], { input: `${MINIMAL}log: 3\n` });
  assert.deepEqual([faulty.code, faulty.stderr.split("\n")[0]], [
    2,
    "<stdin>:6:6: log: must be a mapping (got 3)",
  ]);
  const large = await bgpLb(["check", "-"], { input: "#".repeat(5 << 20) });
  assert.deepEqual([large.code, large.stderr.split("\n")[0]], [2, "<stdin>: is larger than 4 MiB"]);
});

Deno.test("bgp-lb check names the path that it tried, and opens no FIFO (faults C6, S11)", () =>
  inFolder(async (folder) => {
    const missing = await bgpLb(["check", "no/such.yaml"], { cwd: folder });
    const where = `${folder}/no/such.yaml was tried, from the working directory ${folder}`;
    assert.deepEqual([missing.code, missing.stderr.split("\n")[0]], [
      2,
      `no/such.yaml: does not exist: ${where}`,
    ]);
    const made = await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
    assert.equal(made.code, 0);
    const fifo = await bgpLb(["check", `${folder}/fifo`]);
    assert.deepEqual([fifo.code, fifo.stderr.split("\n")[0]], [2, `${folder}/fifo: is no regular file`]);
  }));

Deno.test("bgp-lb check warns of passwords that everybody on this host may read (faults S21)", () =>
  inFolder(async (folder) => {
    const file = `${folder}/a.yaml`;
    const key = `${folder}/key`;
    await Deno.writeTextFile(file, MINIMAL.replace("as: 65512}]", "as: 65512, password: s3cr3t}]"));
    await Deno.chmod(file, 0o644);
    assert.match(
      (await bgpLb(["check", file])).stderr,
      /: warning: bgp\.peers\[0\]\.password: stands in a file that every user/,
    );
    await Deno.chmod(file, 0o640);
    assert.equal((await bgpLb(["check", file])).stderr, `${file}: valid: 1 service, 1 peer\n`);
    await Deno.writeTextFile(file, MINIMAL.replace("as: 65512}]", `as: 65512, passwordFile: ${key}}]`));
    await Deno.writeTextFile(key, "s3cr3t\n");
    await Deno.chmod(key, 0o604);
    assert.match(
      (await bgpLb(["check", file])).stderr,
      /: warning: bgp\.peers\[0\]\.passwordFile: names a file that every user/,
    );
  }));
