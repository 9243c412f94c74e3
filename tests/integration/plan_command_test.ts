/** `bgp-lb plan` as a process, with the permissions of the task `agent`: where no agent runs, and where one does. */
import assert from "node:assert/strict";
import { agentArguments, AgentProcess } from "../support/agent.ts";
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

/** One `bgp-lb plan` to its end. */
async function plan(...args: readonly string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...agentArguments(), "plan", ...args],
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  const text = (octets: Uint8Array) => new TextDecoder().decode(octets);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("bgp-lb plan asks the running agent about its own file and others, of any length, and changes nothing", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const [file, other, socket] = [`${folder}/a.json`, `${folder}/b.json`, `${folder}/s`];
    const services = [{ name: "web", addresses: ["10.99.0.1"] }];
    const local = { routerID: "127.0.0.1", as: 65512, listenPort: -1 };
    const peers = [{ name: "tor-1", address: "127.0.0.2", as: 65512, port: 9 }];
    const text = (parts: object = {}) =>
      JSON.stringify({
        network: { setup: false },
        http: { listen: "" },
        control: { socket },
        state: { directory: "" },
        bgp: { local, peers },
        services,
        ...parts,
      });
    Deno.writeTextFileSync(file, text());
    await using agent = new AgentProcess(["--config", file]);
    await agent.said('"running"');
    const at = `--control-socket=${socket}`;
    assert.deepEqual(await plan(at), { code: 0, stdout: "A reload would change nothing.\n", stderr: "" });

    Deno.writeTextFileSync(file, text({ services: [...services, { name: "b", addresses: ["10.99.0.2"] }] }));
    const own = await plan(at, "--json");
    assert.equal(own.code, 0, own.stderr);
    const { action, routes, changes } = JSON.parse(own.stdout);
    assert.deepEqual([action, changes], ["reload", ["service b added"]]);
    assert.deepEqual(routes.announced, [
      { prefix: "10.99.0.2/32", service: "b", to: { localPreference: 100 }, when: "at once" },
    ]);

    const peer = { ...peers[0], holdTime: "9s" };
    Deno.writeTextFileSync(
      other,
      `${text({ bgp: { local, peers: [peer] } })}\n${"# words\n".repeat(100_000)}`,
    );
    const long = await plan(at, other);
    assert.match(long.stdout, /^ {2}~ tor-1 \(127\.0\.0\.2\) reset: holdTime.* changed: Cease \(6\/6\)$/m);

    Deno.writeTextFileSync(other, text({ bogus: 1 }));
    const invalid = await plan(at, other);
    assert.deepEqual([invalid.code, invalid.stdout], [2, ""]);
    assert.match(invalid.stderr, /b\.json:1:\d+: bogus: is not a known key\n.*b\.json: cannot be used\n$/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
