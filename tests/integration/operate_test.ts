/** What an operator does to the agent, as a process and with its own commands, and what BIRD sees of it. */
import assert from "node:assert/strict";
import { agentArguments, AgentProcess } from "../support/agent.ts";
import { Bird } from "../support/bird.ts";
import { namespacePair } from "../support/namespace.ts";
import { type Answer, run } from "../support/process.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually } from "../support/until.ts";

const PASSWORD = "correct-horse-battery";

/** Both sessions are iBGP. BIRD locks a neighbour's address, so the second one comes from another address of ours. */
const ROUTER = `
  router id 10.9.0.2;
  protocol device {}
  template bgp session {
    local as 65512; strict bind yes; passive on; error wait time 1, 1; error forget time 1;
    graceful restart on; graceful restart time 60;
    ipv4 { import all; export none; };
  }
  protocol bgp one from session { source address 10.9.0.2; neighbor 10.9.0.1 as 65512; }
  protocol bgp two from session { source address 10.9.0.3; neighbor 10.9.0.5 as 65512; }`;

interface Shape {
  readonly med?: number;
  readonly password?: string;
  readonly extra?: boolean;
  readonly onlyOne?: boolean;
}

/** A router, an agent of one file, and its commands. */
class Scene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly #stack = new AsyncDisposableStack();
  #agent: AgentProcess | undefined;

  private constructor(readonly bird: Bird, readonly namespace: string, disposables: AsyncDisposableStack) {
    this.#stack.use(disposables);
  }

  static async create(): Promise<Scene> {
    const { advice } = await ensurePackages(["iproute2", "bird2"], console.log);
    assert.equal(advice, undefined);
    await using stack = new AsyncDisposableStack();
    const { a, b } = stack.use(await namespacePair());
    await b.ip("addr", "add", "10.9.0.3/24", "dev", "vb");
    await a.ip("addr", "add", "10.9.0.5/24", "dev", "va");
    const bird = stack.use(await Bird.start(ROUTER, ["ip", "netns", "exec", b.name]));
    const scene = new Scene(bird, a.name, stack.move());
    scene.write({});
    return scene;
  }

  get agent(): AgentProcess {
    assert.ok(this.#agent);
    return this.#agent;
  }

  get #file(): string {
    return `${this.folder}/config.json`;
  }

  writeText(text: string): void {
    Deno.writeTextFileSync(this.#file, text, { mode: 0o600 });
  }

  write({ med = 100, password, extra = false, onlyOne = false }: Shape): void {
    const base = { as: 65512, connectRetryTime: "1s", gracefulRestart: { restartTime: "60s" } };
    const peers = [
      { ...base, name: "one", address: "10.9.0.2" },
      {
        ...base,
        name: "two",
        address: "10.9.0.3",
        localAddress: "10.9.0.5",
        ...password === undefined ? {} : { password },
      },
    ];
    const stop = { shift: "2s", converge: "100ms", quiesce: "100ms" };
    const services = [
      { name: "web", addresses: ["10.99.0.1"], announce: { med }, stop },
      ...extra ? [{ name: "dns", addresses: ["10.99.0.2"], stop }] : [],
    ];
    this.writeText(JSON.stringify({
      network: { setup: false },
      http: { listen: "" },
      control: { socket: `${this.folder}/control.sock` },
      state: { directory: `${this.folder}/state` },
      bgp: {
        local: { routerID: "10.9.0.1", as: 65512, listenPort: -1 },
        peers: onlyOne ? peers.slice(0, 1) : peers,
      },
      services,
    }));
  }

  /** Starts the agent, again where one has ended. */
  async start(): Promise<void> {
    await this.#agent?.exited;
    const within = ["ip", "netns", "exec", this.namespace];
    this.#agent = this.#stack.use(new AgentProcess(["--config", this.#file], { within }));
    await this.agent.said('"running"');
  }

  /** A command to its end. */
  command(...args: readonly string[]): Promise<Answer> {
    const socket = ["--control-socket", `${this.folder}/control.sock`];
    return run(Deno.execPath(), [...agentArguments(), ...args, ...socket]);
  }

  /** The JSON that a command gives. @throws where it does not end well */
  async json(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.command(...args, "--json");
    assert.equal(code, 0, stderr);
    return stdout;
  }

  /** Waits until BIRD shows this of a route from `protocol`. */
  seen(protocol: string, address: string, words: RegExp): Promise<string> {
    return this.bird.awaits(`show route protocol ${protocol} all ${address}/32`, words);
  }

  /** How many routes and withdrawals BIRD has got from `protocol`, and since when the session is up. */
  async got(protocol: string): Promise<string> {
    const answer = await this.bird.ask(`show protocols all ${protocol}`);
    const received = /Import updates: +(\d+)/.exec(answer)?.[1];
    const withdrawn = /Import withdraws: +(\d+)/.exec(answer)?.[1];
    const since = new RegExp(`^${protocol} .*$`, "m").exec(answer)?.[0];
    assert.ok(received !== undefined && withdrawn !== undefined && since?.includes("Established"), answer);
    return `${received} ${withdrawn} ${since}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const MED_100 = /BGP\.med: 100\b/;

async function established(): Promise<Scene> {
  const scene = await Scene.create();
  try {
    await scene.start();
    await Promise.all(["one", "two"].map((each) => scene.seen(each, "10.99.0.1", MED_100)));
    return scene;
  } catch (error) {
    await scene[Symbol.asyncDispose]();
    throw error;
  }
}

Deno.test("reload as BIRD sees it: unchanged nothing, a MED one UPDATE, a service of its own, an invalid file nothing (CONTRACT Reload)", async () => {
  await using scene = await established();
  const before = await scene.got("one");
  const [updates = ""] = before.split(" ");
  assert.match(await scene.json("reload"), /"unchanged"/);
  scene.writeText("{\n  nonsense: 1\n}");
  const invalid = await scene.command("reload");
  assert.equal(invalid.code, 2);
  assert.match(invalid.stderr, /config\.json:2:3: .*nonsense.*\n[^]*the running configuration stays\n$/);
  assert.match((await scene.command("status")).stdout, /reload .*refused.*config\.json:\d+:\d+: /);
  assert.equal(await scene.got("one"), before);

  scene.write({ med: 200 });
  assert.match(await scene.json("reload"), /"applied"/);
  assert.doesNotMatch((await scene.command("status")).stdout, /refused/);
  await scene.seen("one", "10.99.0.1", /BGP\.med: 200\b/);
  assert.equal(await scene.got("one"), before.replace(updates, `${Number(updates) + 1}`));

  scene.write({ med: 200, extra: true });
  scene.agent.signal("SIGHUP");
  await scene.seen("one", "10.99.0.2", /unreachable|unicast/);
  assert.equal(await scene.got("one"), before.replace(updates, `${Number(updates) + 2}`));

  scene.write({ med: 200 });
  assert.match(await scene.json("reload"), /"applied"/);
  await scene.seen("one", "10.99.0.2", /BGP\.community: \(65535,0\)/);
  await scene.seen("one", "10.99.0.2", /^(?![^]*10\.99\.0\.2)/);
  assert.match(await scene.got("one"), /^\d+ 1 /);
});

Deno.test("reload resets the peer whose password has changed alone, with 6/6, shows no password, and ends a removed one with 6/3 (CONTRACT Reload)", async () => {
  await using scene = await established();
  const one = await scene.got("one");
  scene.write({ password: PASSWORD });
  const plan = await scene.command("plan");
  const reload = await scene.command("reload");
  assert.deepEqual([plan.code, reload.code], [0, 0]);
  const words = /Other configuration change/i;
  await scene.bird.awaits("show protocols all two", words);
  assert.match(plan.stdout, /two .*reset: password changed/);
  scene.write({});
  await scene.json("reload");
  await scene.seen("two", "10.99.0.1", MED_100);
  scene.write({ onlyOne: true });
  await scene.json("reload");
  await scene.bird.awaits("show protocols all two", /Peer de-configured/i);
  assert.equal(await scene.got("one"), one);
  const events = await scene.json("events");
  const told = [plan, reload].map(({ stdout, stderr }) => stdout + stderr).join();
  assert.ok(!`${told}${events}${scene.agent.lines.join()}`.includes(PASSWORD));
});

Deno.test("drain shifts traffic as BIRD sees it, outlives SIGKILL, and undrain restores; --for ends while the agent is down (CONTRACT Drain)", async () => {
  await using scene = await established();
  const before = await scene.seen("one", "10.99.0.1", MED_100);
  const drained = scene.command("drain", "web", "--wait", "--reason", "new disks");
  const shifting = await scene.seen("one", "10.99.0.1", /BGP\.community: \(65535,0\)/);
  assert.match(shifting, /BGP\.med: 4294967295[^]*BGP\.local_pref: 0\b/);
  assert.equal((await drained).code, 0);
  const gone = /^(?![^]*10\.99\.0\.1)/;
  await scene.seen("one", "10.99.0.1", gone);
  scene.agent.signal("SIGKILL");
  await scene.start();
  assert.doesNotMatch(scene.agent.lines.join("\n"), /"shifting"/);
  assert.match((await scene.command("explain", "web")).stdout, /shut +not drained\n.*new disks/);
  await scene.bird.awaits("show protocols one", "Established");
  await scene.seen("one", "10.99.0.1", gone);

  assert.equal((await scene.command("undrain", "web")).code, 0);
  const attributes = (answer: string) => answer.match(/BGP\..*/g);
  assert.deepEqual(attributes(await scene.seen("one", "10.99.0.1", MED_100)), attributes(before));

  await scene.json("drain", "web", "--for", "2s");
  const endMs = Date.now() + 2000;
  scene.agent.signal("SIGKILL");
  await scene.agent.exited;
  await eventually(() => Date.now() > endMs, (over) => over, "the drain's end");
  await scene.start();
  await scene.seen("one", "10.99.0.1", MED_100);
});

Deno.test("handover by command: BIRD keeps the routes until the successor has taken over", async () => {
  await using scene = await established();
  const withdrawals = (answer: string) => /Import withdraws: +(\d+)/.exec(answer)?.[1];
  const before = withdrawals(await scene.bird.ask("show protocols all one"));
  assert.equal((await scene.command("handover")).code, 0);
  assert.deepEqual(await scene.agent.exited, { code: 0, signal: null });
  assert.match(await scene.bird.ask("show route protocol one 10.99.0.1/32"), /10\.99\.0\.1/);
  await scene.start();
  await scene.bird.awaits("show protocols one", "Established");
  const after = await scene.bird.ask("show protocols all one");
  assert.match(await scene.bird.ask("show route protocol one 10.99.0.1/32"), /10\.99\.0\.1/);
  assert.equal(withdrawals(after), before);
});
