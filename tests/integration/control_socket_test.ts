// What may happen to the file of the control socket while the agent runs, on real files; the slow beat is virtual.
import assert from "node:assert/strict";
import { askControl } from "../../src/control/client.ts";
import { openControlSocket } from "../../src/control/socket_file.ts";
import { HttpServer } from "../../src/http/server.ts";
import { SideListener } from "../../src/http/side_listener.ts";
import { denoSocketFiles } from "../../src/os/deno_socket_files.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { systemClock } from "../../src/time/clock.ts";
import { runOrThrow } from "../support/process.ts";
import { PATIENCE_MS, waitFor, within } from "../support/until.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const ports = { streams: denoStreams(), files: denoSocketFiles(), clock: systemClock };

/** A server on a control socket that is kept open, in a folder of its own. */
class Scene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly runFolder = `${this.folder}/run`;
  readonly path = `${this.runFolder}/control.sock`;
  group: string | undefined;
  readonly clock = new VirtualClock();
  readonly server = new HttpServer({
    clock: systemClock,
    app: () => Promise.resolve(Response.json({ agent: "bgp-lb", version: "1", pid: 7 })),
    onFault: (error) => assert.fail(String(error)),
  });
  readonly listener = new SideListener({
    clock: this.clock,
    address: this.path,
    open: () => openControlSocket({ path: this.path, group: this.group }, this.server, ports),
    onChange() {},
  });

  get said(): string {
    const { state } = this.listener;
    return state.state === "failed" ? state.error : state.state;
  }

  /** Lets the slow beat go on, until the listener says so. */
  async says(words: string | RegExp): Promise<void> {
    const matches = () => typeof words === "string" ? this.said === words : words.test(this.said);
    await waitFor(`${words} of a control socket`, PATIENCE_MS, async () => {
      await this.clock.advance(500);
      return matches();
    }, 2);
  }

  async answers(): Promise<void> {
    const { status } = await askControl({ path: this.path, target: "/v1/agent", accept: "*/*" }, ports);
    assert.equal(status, 200);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener[Symbol.dispose]();
    await this.server.close(1000);
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("a control socket that is deleted, or whose folder is, is put back; its clients are answered on (faults.md S10)", async () => {
  await using scene = new Scene();
  await scene.listener.start();
  const early = await Deno.connect({ transport: "unix", path: scene.path });
  for (const gone of [scene.path, scene.runFolder]) {
    Deno.removeSync(gone, { recursive: true });
    await scene.says("the socket was removed");
    await scene.says("listening");
    await scene.answers();
    assert.equal((Deno.lstatSync(scene.path).mode ?? 0) & 0o777, 0o600);
    assert.equal((Deno.lstatSync(scene.runFolder).mode ?? 0) & 0o777, 0o700);
  }
  await early.write(new TextEncoder().encode("GET /v1/agent HTTP/1.1\r\nHost: x\r\n\r\n"));
  const buffer = new Uint8Array(500);
  assert.ok((await within(early.read(buffer), "an answer on the old connection") ?? 0) > 0);
  early.close();
});

Deno.test("what is put in the control socket's place stays and is named, opened by nobody, and the socket is back when it goes", async () => {
  const replacements: [string, (path: string) => unknown, RegExp][] = [
    ["a file", (path) => Deno.writeTextFileSync(path, "somebody's"), /not a socket, and stays/],
    ["a folder", (path) => Deno.mkdirSync(path), /not a socket, and stays/],
    ["a FIFO", (path) => runOrThrow("mkfifo", [path]), /not a socket, and stays/],
    [
      "a link",
      (path) => Deno.symlinkSync("/etc/passwd", path),
      /symbolic link, which is not followed, and stays/,
    ],
  ];
  for (const [what, put, words] of replacements) {
    await using scene = new Scene();
    await scene.listener.start();
    Deno.removeSync(scene.path);
    await put(scene.path);
    const { ino, mode } = Deno.lstatSync(scene.path);
    await scene.says(words);
    assert.deepEqual([Deno.lstatSync(scene.path).ino, Deno.lstatSync(scene.path).mode], [ino, mode], what);
    Deno.removeSync(scene.path);
    await scene.says("listening");
    await scene.answers();
  }
});

Deno.test("at its end an agent removes only a file that is still its own", async () => {
  await using scene = new Scene();
  await scene.listener.start();
  Deno.removeSync(scene.path);
  const other = Deno.listen({ transport: "unix", path: scene.path });
  scene.listener[Symbol.dispose]();
  assert.ok(Deno.lstatSync(scene.path).isSocket);
  other.close();
});

Deno.test("neither a lock of somebody else's nor a listener that is no agent keeps the rest from starting (faults.md S9, S11)", async () => {
  await using scene = new Scene();
  Deno.mkdirSync(scene.runFolder, { mode: 0o700 });
  using folder = Deno.openSync(scene.runFolder);
  folder.lockSync(true);
  // What version 0.1.0 would have opened, and waited on for ever.
  await runOrThrow("mkfifo", [`${scene.path}.lock`]);
  await within(scene.listener.start(), "the start");
  assert.equal(scene.said, "listening");
  await scene.answers();

  await using silent = new Scene();
  Deno.mkdirSync(silent.runFolder);
  const foreigner = Deno.listen({ transport: "unix", path: silent.path });
  await within(silent.listener.start(), "the start");
  assert.match(silent.said, /something listens there and does not answer, and stays/);
  foreigner.close();
  await silent.says("listening");
});

Deno.test("a folder that everybody may write to, or that another user owns, holds no control socket (faults.md S11)", async () => {
  for (
    const [mode, owner, words] of [[0o777, 0, /everybody may write/], [
      0o755,
      1000,
      /another user \(1000\)/,
    ]] as const
  ) {
    await using scene = new Scene();
    Deno.mkdirSync(scene.runFolder);
    Deno.chmodSync(scene.runFolder, mode);
    if (owner !== 0) Deno.chownSync(scene.runFolder, owner, owner);
    await scene.listener.start();
    assert.match(scene.said, words);
    assert.deepEqual([...Deno.readDirSync(scene.runFolder)], []);
    Deno.chownSync(scene.runFolder, 0, 0);
    Deno.chmodSync(scene.runFolder, 0o1777);
    await scene.says("listening");
  }
});
