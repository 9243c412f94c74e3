// The Debian system that packages are installed in: made, entered, left without a trace.
import assert from "node:assert/strict";
import { DebianRoot, debianRootProblem } from "../support/debian_root.ts";
import { findCommand } from "../support/setup.ts";

Deno.test({
  name: "a Debian root is a system of its own: its packages, no network, and no mount or file is left behind",
  ignore: debianRootProblem() !== undefined || findCommand("unshare") === undefined,
  fn: async () => {
    let folder: string;
    {
      await using root = await DebianRoot.create();
      folder = root.folder;
      const dpkg = await root.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "systemd"]);
      assert.deepEqual([dpkg.code, dpkg.stdout.trim()], [0, "ii"], dpkg.stderr);
      assert.equal((await root.run(["test", "-c", "/dev/null"])).code, 0);
      assert.deepEqual((await root.run(["ip", "-br", "link"])).stdout.split(/\s+/).slice(0, 2), [
        "lo",
        "DOWN",
      ]);
      assert.equal((await root.run(["sh", "-c", "exit 7"])).code, 7);
      assert.equal((await root.run(["sh", "-c", 'echo "$A"'], { env: { A: "b c" } })).stdout, "b c\n");
      assert.deepEqual([...Deno.readDirSync(`${folder}/proc`)], [], "mounted in the namespace alone");
    }
    assert.throws(() => Deno.statSync(folder), Deno.errors.NotFound);
  },
});
