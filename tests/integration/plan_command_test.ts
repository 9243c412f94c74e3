/** `bgp-lb plan` as a process where no agent runs, with the permissions of the task `agent`, in a network of its own. */
import assert from "node:assert/strict";
import { agentArguments } from "../support/agent.ts";
import { canMakeNamespaces, NetworkNamespace } from "../support/namespace.ts";
import { MINIMAL } from "../config/text.ts";

const isRoot = await canMakeNamespaces();

/** A network, a file in a folder, and no agent. */
class Scene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly file = `${this.folder}/a.yaml`;

  private constructor(readonly network: NetworkNamespace) {}

  static async open(text: string): Promise<Scene> {
    const scene = new Scene(await NetworkNamespace.create("plan"));
    await Deno.writeTextFile(scene.file, text);
    return scene;
  }

  plan(...args: readonly string[]) {
    const socket = `--control-socket=${this.folder}/control.sock`;
    return this.network.run(Deno.execPath(), ...agentArguments(), "plan", socket, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test({
  name: "bgp-lb plan FILE without an agent says what a start would do on this host, and changes nothing",
  ignore: !isRoot,
  async fn() {
    await using scene = await Scene.open(MINIMAL);
    const links = await scene.network.ip("link");
    const { code, stdout, stderr } = await scene.plan(scene.file, "--json");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^no agent runs at .*: this is what a start with .* would do$/m);
    const { action, sessions, routes, kernel } = JSON.parse(stdout);
    assert.equal(action, "start");
    assert.deepEqual(sessions, [{
      peer: "10.0.0.254",
      address: "10.0.0.254",
      consequence: "established anew",
      why: "the agent starts",
    }]);
    assert.deepEqual(routes.announced, [
      { prefix: "10.99.0.1/32", service: "web", to: { localPreference: 100 }, when: "in order" },
    ]);
    assert.deepEqual(kernel, [{
      step: 1,
      stage: "made before anything is announced",
      changes: ["create dummy interface web", "add address 10.99.0.1/32 to web"],
    }]);
    assert.equal(await scene.network.ip("link"), links);
  },
});

Deno.test({
  name: "bgp-lb plan of an invalid file ends with 2; without file and agent with 1 (CONTRACT Meanings)",
  ignore: !isRoot,
  async fn() {
    await using scene = await Scene.open(`${MINIMAL}bogus: 1\n`);
    const invalid = await scene.plan(scene.file);
    assert.deepEqual([invalid.code, invalid.stdout], [2, ""]);
    assert.equal(invalid.stderr, `${scene.file}:6:1: bogus: is not a known key\n`);
    const nothing = await scene.plan();
    assert.deepEqual([nothing.code, nothing.stdout], [1, ""]);
    assert.match(nothing.stderr, /there is no socket\nname a FILE/);
  },
});
