// The Debian package under the real dpkg, in a Debian system of its own, where no systemd runs, as in a container.
import assert from "node:assert/strict";
import { ingredientsFor, makePackage } from "../../packaging/package.ts";
import { runtimePin } from "../../packaging/runtime.ts";
import { BOOTABLE, DebianRoot, debianRootProblem } from "../support/debian_root.ts";
import { makeTestPackages, type TestPackages } from "../support/packages.ts";
import { run, runOrThrow } from "../support/process.ts";
import { ensurePackages } from "../support/setup.ts";
import { until } from "../support/until.ts";

/** What dpkg keeps for itself, and what any program changes. */
const NOT_OURS =
  "^/(var/(lib/(dpkg|systemd)|log|cache/(apt|debconf|ldconfig))|tmp|root|run|etc/ld.so.cache)(/|$)";

/** A Debian system with both packages in /tmp, and nothing of them installed. */
class Scene implements AsyncDisposable {
  private constructor(readonly root: DebianRoot, readonly packages: TestPackages) {}

  static async create(): Promise<Scene> {
    await ensurePackages(["debootstrap"], console.log);
    const root = await DebianRoot.create(BOOTABLE);
    return new Scene(root, await makeTestPackages(`${root.folder}/tmp`));
  }

  /** A package's path inside. */
  path(index: 0 | 1): string {
    return this.packages.paths[index].slice(this.root.folder.length);
  }

  run(...argv: readonly string[]) {
    return this.root.run(argv, { timeoutMs: 60_000 });
  }

  async do(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...argv);
    assert.equal(code, 0, `${argv.join(" ")}\n${stdout}${stderr}`);
    return stdout;
  }

  async install(index: 0 | 1): Promise<void> {
    await this.do("dpkg", "--force-unsafe-io", "-i", this.path(index));
    await this.is(index);
  }

  /** It is installed whole, and answers. */
  async is(index: 0 | 1): Promise<void> {
    const state = await this.do("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", "bgp-lb");
    assert.equal(state, `ii ${this.packages.versions[index]}`);
    assert.equal(await this.do("dpkg", "--verify", "bgp-lb"), "");
    const version = await this.do("bgp-lb", "version", "--json");
    assert.equal(JSON.parse(version).commit, this.packages.commits[index]);
  }

  /** Every path that there is, but for what is dpkg's own. */
  async everything(): Promise<readonly string[]> {
    const paths = await this.do(
      "sh",
      "-c",
      `find / -xdev -not -path '/proc*' | grep -Ev '${NOT_OURS}' | sort`,
    );
    return paths.split("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.root[Symbol.asyncDispose]();
  }
}

Deno.test("the package under dpkg, without systemd", async (t) => {
  const problem = debianRootProblem();
  if (problem !== undefined) {
    return void await t.step({ name: `not on this machine: ${problem}`, ignore: true, fn() {} });
  }
  await using scene = await Scene.create();
  const before = await scene.everything();

  await t.step("is installed, answers, is root's, and starts nothing", async () => {
    await scene.install(0);
    assert.match(await scene.do("bgp-lb", "--help"), /^Usage: bgp-lb/);
    const example = "/usr/share/doc/bgp-lb/examples/config.example.yaml";
    await scene.do("bgp-lb", "check", example);
    const list = "dpkg -L bgp-lb | sed s,^/.$,/, | xargs -d '\\n' stat -c '%U:%G %a %n'";
    const files = (await scene.do("sh", "-c", list)).trim().split("\n");
    assert.ok(files.length > 30);
    assert.deepEqual(files.filter((line) => !/^root:root (755|644) /.test(line)), []);
    assert.deepEqual(
      await scene.do("find", "/etc/bgp-lb", "/etc/systemd", "-name", "*bgp-lb*"),
      "/etc/bgp-lb\n",
    );
  });

  await t.step("systemd takes unit, rules and settings as they are", async () => {
    const unit = "/usr/lib/systemd/system/bgp-lb.service";
    assert.equal(await scene.do("systemd-analyze", "verify", "--man=no", unit), "");
    const settings = await scene.do("cat", "/usr/lib/sysctl.d/50-bgp-lb.conf");
    assert.match(settings, /^net\.ipv4\.conf\.all\.arp_announce = 2$/m);
  });

  await t.step("its manual pages and completions are where programs look for them", async () => {
    const files = (await scene.do("dpkg", "-L", "bgp-lb")).split("\n");
    for (const page of ["man8/bgp-lb.8.gz", "man5/bgp-lb.yaml.5.gz"]) {
      assert.ok(files.includes(`/usr/share/man/${page}`), page);
      const text = await runOrThrow("mandoc", [
        "-T",
        "markdown",
        `${scene.root.folder}/usr/share/man/${page}`,
      ]);
      assert.match(text, /^# SEE ALSO$/m);
    }
    const completions = await scene.do("cat", "/usr/share/bash-completion/completions/bgp-lb");
    assert.equal(completions, await scene.do("bgp-lb", "completions", "bash"));
  });

  await t.step("is upgraded and downgraded", async () => {
    await scene.install(1);
    await scene.install(0);
  });

  await t.step("dpkg killed while it unpacks: the old one works, and a second try is whole", async () => {
    const half = scene.run("dpkg", "-i", scene.path(1));
    const unpacking = `${scene.root.folder}/usr/lib/bgp-lb/deno.dpkg-new`;
    const dpkg = await processIn(scene.root.folder, "dpkg", () => exists(unpacking));
    Deno.kill(dpkg, "SIGKILL");
    assert.notEqual((await half).code, 0);
    assert.equal(JSON.parse(await scene.do("bgp-lb", "version", "--json")).commit, scene.packages.commits[0]);
    await scene.install(1);
  });

  await t.step("unpacked and not configured: dpkg --configure -a goes on", async () => {
    await scene.do("dpkg", "--unpack", scene.path(0));
    await scene.do("dpkg", "--configure", "-a");
    await scene.is(0);
  });

  await t.step("a removal leaves configuration and state, a purge nothing", async () => {
    const { folder } = scene.root;
    await Deno.writeTextFile(`${folder}/etc/bgp-lb/config.yaml`, "mine");
    await Deno.mkdir(`${folder}/var/lib/bgp-lb`);
    await scene.do("dpkg", "--remove", "bgp-lb");
    assert.equal(await Deno.readTextFile(`${folder}/etc/bgp-lb/config.yaml`), "mine");
    assert.ok(!exists(`${folder}/usr/lib/bgp-lb`) && exists(`${folder}/var/lib/bgp-lb`));
    await scene.install(0);
    await scene.do("dpkg", "--remove", "bgp-lb");
    await scene.do("dpkg", "--purge", "bgp-lb");
    const after = await scene.everything();
    assert.deepEqual(after.filter((path) => !before.includes(path)), []);
    assert.deepEqual(before.filter((path) => !after.includes(path)), []);
  });
});

Deno.test("of one checkout each processor's package is the same each time, and differs in the runtime alone", async () => {
  const folder = await Deno.makeTempDir();
  const sums: string[] = [];
  for (const name of ["one", "two"]) {
    const ingredients = await ingredientsFor("arm64");
    const options = { architecture: "arm64", output: `${folder}/${name}`, compression: "none" } as const;
    const path = await makePackage(ingredients, options);
    sums.push((await runOrThrow("sha256sum", [path])).split(" ")[0] ?? "");
    if (name === "one") {
      assert.equal((await runOrThrow("dpkg-deb", ["-f", path, "Architecture"])).trim(), "arm64");
      await runOrThrow("dpkg-deb", ["-x", path, `${folder}/out`]);
      const header = await Deno.readFile(`${folder}/out/usr/lib/bgp-lb/deno`);
      assert.equal(new DataView(header.buffer).getUint16(18, true), runtimePin("arm64").machine);
      assert.ok(exists(`${folder}/out/usr/share/doc/bgp-lb/bgp-lb.cdx.json`));
    }
  }
  assert.equal(sums[0], sums[1]);
  await Deno.remove(folder, { recursive: true });
});

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The process of that name whose root is the folder, once `ready`. */
async function processIn(folder: string, name: string, ready: () => boolean): Promise<number> {
  await until(ready, () => `${name} comes so far`);
  // Programs look: a test that is not allowed everything may not read /proc.
  for (const pid of (await run("pgrep", ["-x", name])).stdout.split("\n").filter((line) => line !== "")) {
    if ((await run("readlink", [`/proc/${pid}/root`])).stdout.trim() === folder) return Number(pid);
  }
  throw new Error(`no process ${name} has ${folder} as its root`);
}
