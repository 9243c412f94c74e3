// The control socket as its users meet it: an agent, and the commands that ask it.
import assert from "node:assert/strict";
import { askControl } from "../../src/control/client.ts";
import { ControlSocketInUseError, openControlSocket } from "../../src/control/socket_file.ts";
import { HttpServer } from "../../src/http/server.ts";
import { denoSocketFiles } from "../../src/os/deno_socket_files.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { systemClock } from "../../src/time/clock.ts";
import { agentArguments, AgentProcess } from "../support/agent.ts";
import { until } from "../support/until.ts";

/** A folder with a configuration whose control socket is in a folder that is not there yet. */
class Scene implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly socket = `${this.#folder}/run/control.sock`;
  readonly file = `${this.#folder}/config.json`;

  constructor() {
    Deno.writeTextFileSync(
      this.file,
      JSON.stringify({
        network: { setup: false },
        http: { listen: "" },
        control: { socket: this.socket },
        bgp: {
          local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
          peers: [{ name: "tor-1", address: "127.0.0.2", as: 65512, port: 9 }],
        },
        services: [{ name: "web", addresses: ["10.99.0.1"] }],
      }),
    );
  }

  async agent(): Promise<AgentProcess> {
    const agent = new AgentProcess(["--config", this.file]);
    await agent.said('"running"');
    return agent;
  }

  /** One command of ours, to its end, where every name and address is said to need no proxy. */
  async ask(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...agentArguments(), ...args, "--control-socket", this.socket],
      env: { NO_PROXY: "localhost,127.0.0.1,bgp-lb", no_proxy: "*" },
      stdin: "null",
    }).output();
    const text = (octets: Uint8Array) => new TextDecoder().decode(octets);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("bgp-lb status, peers and routes ask the running agent, as text and as JSON (CONTRACT Command line)", async () => {
  await using scene = new Scene();
  await using agent = await scene.agent();
  const mode = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;
  assert.equal(mode(scene.socket), 0o600);
  assert.equal(mode(scene.socket.replace(/\/[^/]*$/, "")), 0o700);

  const status = await scene.ask("status");
  assert.equal(status.code, 0, status.stderr);
  assert.match(
    status.stdout,
    /^bgp-lb \S+: running, started \d+s ago, BGP Identifier 127\.0\.0\.1, AS 65512\n/,
  );
  assert.match(status.stdout, /^web +healthy +10\.99\.0\.1\/32 +to 0 of 1 peers .*not Established: tor-1$/m);
  const peers = await scene.ask("peers", "tor-1");
  assert.match(
    peers.stdout,
    /^tor-1: .*\n.*\n {2}why +cannot connect to tor-1 .*refused.*; next attempt in \d/,
  );
  const routes = await scene.ask("routes", "--json");
  assert.deepEqual(
    JSON.parse(routes.stdout).map((
      route: { prefix: string; announce: boolean },
    ) => [route.prefix, route.announce]),
    [["10.99.0.1/32", true]],
  );
  const unknown = await scene.ask("peers", "tor-9");
  assert.deepEqual(unknown, {
    code: 2,
    stdout: "",
    stderr: "no peer tor-9, did you mean tor-1? there is tor-1\n",
  });

  agent.signal("SIGTERM");
  assert.equal((await agent.exited).code, 0);
  assert.throws(() => Deno.lstatSync(scene.socket), Deno.errors.NotFound);
  const late = await scene.ask("status");
  assert.equal(late.code, 1);
  assert.match(late.stderr, /^no agent answers at .*control\.sock: there is no socket\n.*--control-socket/);
});

Deno.test("a socket that a killed agent left is taken over; one where an agent answers is not, and it goes on", async () => {
  await using scene = new Scene();
  {
    await using killed = await scene.agent();
    killed.signal("SIGKILL");
    await killed.exited;
  }
  assert.ok(Deno.lstatSync(scene.socket).isSocket);
  assert.match((await scene.ask("status")).stderr, /nobody listens there/);
  await using agent = await scene.agent();
  await using second = new AgentProcess(["--config", scene.file]);
  assert.equal((await second.exited).code, 3);
  assert.match(
    await second.said("another agent (version"),
    /, process \d+\) answers at .*choose another socket/,
  );
  assert.equal((await scene.ask("status")).code, 0);
  assert.deepEqual(agent.lines.filter((line) => line.includes("error")), []);
});

const ports = { streams: denoStreams(), files: denoSocketFiles(), clock: systemClock };

/** A server that answers as an agent does, and whatever else is asked with its name. */
function named(name: string): HttpServer {
  const app = ({ url }: Request) =>
    Promise.resolve(
      url.endsWith("/v1/agent") ? Response.json({ agent: "bgp-lb", pid: 7 }) : new Response(name),
    );
  return new HttpServer({ clock: systemClock, app, onFault: (error) => assert.fail(String(error)) });
}

Deno.test("of two agents that start at once one runs and the other ends with 3 (faults.md S9)", async () => {
  await using scene = new Scene();
  await using one = new AgentProcess(["--config", scene.file]);
  await using other = new AgentProcess(["--config", scene.file]);
  const { code } = await Promise.race([one.exited, other.exited]);
  assert.equal(code, 3);
  const [winner, loser] = one.lines.some((line) => line.includes("not fit")) ? [other, one] : [one, other];
  await winner.said('"running"');
  assert.match(await loser.said("another agent (version"), new RegExp(`process ${winner.pid}\\)`));
  assert.equal((await scene.ask("status")).code, 0);
});

Deno.test("a running agent whose control socket is deleted says so, puts it back and answers (faults.md S10)", async () => {
  await using scene = new Scene();
  await using agent = await scene.agent();
  Deno.removeSync(scene.socket);
  await agent.said("the socket was removed");
  await until(() => agent.lines.filter((line) => line.includes("control.socket: listening")).length === 2);
  assert.equal((await scene.ask("status")).code, 0);
});

Deno.test("openControlSocket() gives the socket to one of two that start at once, and to the other when that one has ended", async () => {
  await using scene = new Scene();
  await using servers = new AsyncDisposableStack();
  const open = (name: string) => {
    const server = named(name);
    servers.defer(() => server.close(1000));
    return openControlSocket({ path: scene.socket, group: undefined }, server, ports);
  };
  const starters = await Promise.allSettled(["a", "b"].map(open));
  const [winner, ...others] = starters.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
  const losers = starters.flatMap((each) => each.status === "rejected" ? [each.reason] : []);
  assert.ok(winner !== undefined && others.length === 0);
  assert.ok(losers[0] instanceof ControlSocketInUseError, String(losers[0]));
  winner[Symbol.dispose]();
  using _next = await open("c");
  assert.deepEqual(await askControl({ path: scene.socket, target: "/", accept: "text/plain" }, ports), {
    status: 200,
    body: "c",
  });
});

Deno.test("a reader that has had enough of an answer is no failure", async () => {
  await using scene = new Scene();
  await using _agent = await scene.agent();
  const script = '"$0" "$@" | true; exit ${PIPESTATUS[0]}';
  const { code, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, Deno.execPath(), ...agentArguments(), "status", "--control-socket", scene.socket],
    stdin: "null",
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
});

Deno.test("an answer that cannot be written, as the disk is full, is told in words with status 1 (faults.md C7)", async () => {
  await using scene = new Scene();
  await using _agent = await scene.agent();
  for (
    const args of [["status", "--control-socket", scene.socket], ["check", "--print", scene.file], [
      "version",
    ]]
  ) {
    const { code, stderr } = await new Deno.Command("bash", {
      args: ["-c", '"$@" > /dev/full', "bash", Deno.execPath(), ...agentArguments(), ...args],
      stdin: "null",
    }).output();
    const words = "the answer cannot be written to standard output: No space left on device (os error 28)\n";
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [1, words]);
  }
});

Deno.test("a path that cannot be had is named in the log; the agent works without, and what is there stays", async () => {
  await using scene = new Scene();
  Deno.mkdirSync(scene.socket.replace(/\/[^/]*$/, ""));
  Deno.writeTextFileSync(scene.socket, "somebody's file");
  await using agent = await scene.agent();
  assert.match(
    await agent.said("control.socket: cannot listen on"),
    /what is there is not a socket, and stays/,
  );
  agent.signal("SIGTERM");
  assert.equal((await agent.exited).code, 0);
  assert.equal(Deno.readTextFileSync(scene.socket), "somebody's file");
});
