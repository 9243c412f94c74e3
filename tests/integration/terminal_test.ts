// What is drawn on a terminal, on a real one: it fits, follows its size, and leaves it as it was, whatever ends it.
import assert from "node:assert/strict";
import { columnsOf } from "../../src/text/columns.ts";
import { CommandScene } from "../support/command_scene.ts";
import { run } from "../support/process.ts";
import { missingPackages } from "../support/setup.ts";
import { type TerminalState, Tmux } from "../support/tmux.ts";
import { eventually } from "../support/until.ts";
import { visible } from "../support/visible.ts";

const ignore = missingPackages(["tmux"]).length > 0;
const SANE: TerminalState = { alternate: false, cursor: true, wraps: true };
const SHELL = ["env", "PS1=ready> ", "bash", "--norc", "--noprofile"];

/** A shell in a terminal, and what its settings were. */
async function shell(scene: CommandScene, env: Readonly<Record<string, string>> = {}): Promise<Tmux> {
  const tmux = await Tmux.start(scene.folder, SHELL, { env: { ...scene.env, ...env } });
  await tmux.shows(/ready>/);
  await tmux.type(`stty -g > ${scene.folder}/before; echo what was here before`, "Enter");
  await tmux.shows(/^what was here before$/m);
  return tmux;
}

/** The terminal is as it was, and what was on it is there again. */
async function assertSane(scene: CommandScene, tmux: Tmux, status = 0): Promise<void> {
  await tmux.type(`echo status $?; stty -g > ${scene.folder}/after; echo written`, "Enter");
  const screen = await tmux.shows(/^written$/m);
  assert.match(screen, new RegExp(`^what was here before$[^]*^status ${status}$`, "m"));
  assert.deepEqual(await tmux.state(), SANE);
  const read = (name: string) => Deno.readTextFileSync(`${scene.folder}/${name}`);
  assert.equal(read("after"), read("before"));
}

Deno.test({
  name:
    "bgp-lb top draws, follows the terminal's size, and leaves it as it was by q and by Ctrl-C (CONTRACT Command line)",
  ignore,
  async fn() {
    await using scene = new CommandScene(["web", "dns"]);
    await using _agent = await scene.agent();
    await using tmux = await shell(scene);
    for (const end of ["q", "C-c"]) {
      await tmux.type(`bgp-lb top --control-socket ${scene.socket}`, "Enter");
      const first = await tmux.shows(/EVENTS/);
      assert.match(first, /^bgp-lb .* running .*65512/);
      assert.match(first, /^web +healthy .*not Established: tor-1/m);
      assert.match(first, /^tor-1 +\w+ /m);
      assert.deepEqual(await tmux.state(), { alternate: true, cursor: false, wraps: false });
      for (const [columns, rows] of [[40, 10], [200, 50], [30, 6], [80, 24]] as const) {
        await tmux.resize(columns, rows);
        // The time at the right end, or what is cut of it, is drawn for this width and no other.
        const screen = await eventually(() => tmux.screen(), (text) => {
          const [head = ""] = text.split("\n");
          const whole = /AS 65512 {2}[\d:]{8}$/.test(head);
          return columns >= 60 ? whole : head.endsWith("…") && columnsOf(head) === columns;
        }, `drawn for ${columns}x${rows}`);
        assert.ok(screen.split("\n").every((line) => columnsOf(line) <= columns), screen);
        assert.match(screen, /^web /m);
      }
      await tmux.type("", end);
      await tmux.shows(/^ready> $|^ready>$/m);
      await assertSane(scene, tmux);
    }
  },
});

Deno.test({
  name:
    "bgp-lb services --watch redraws in place, says that the agent went away and that it is back, and leaves the terminal as it was",
  ignore,
  async fn() {
    await using scene = new CommandScene(["web", "dns"]);
    await using tmux = await shell(scene);
    await using agents = new AsyncDisposableStack();
    const first = agents.use(await scene.agent());
    await tmux.type(`bgp-lb services --watch 0.2 --control-socket ${scene.socket}`, "Enter");
    await tmux.shows(/every 0\.2 s[^]*^web +healthy[^]*^dns +healthy/m);
    assert.match(visible(await tmux.screen({ colours: true })), /ESC\[32mhealthy/);
    first.signal("SIGTERM");
    await first.exited;
    await tmux.shows(/^no agent answers at [^]*^tried again; what was answered .* ago:[^]*^web +healthy/m);
    agents.use(await scene.agent());
    await eventually(
      () => tmux.screen(),
      (text) => !/no agent/.test(text) && /^web /m.test(text),
      "answered again",
    );
    await tmux.type("", "C-c");
    await tmux.shows(/^ready> $|^ready>$/m);
    await assertSane(scene, tmux);
  },
});

Deno.test({
  name: "SIGTERM ends --watch with a sane terminal, and a terminal that is lost ends it, too",
  ignore,
  async fn() {
    await using scene = new CommandScene(["web"]);
    await using _agent = await scene.agent();
    {
      await using tmux = await shell(scene);
      await tmux.type(
        `bgp-lb status --watch --control-socket ${scene.socket} & echo $! > ${scene.folder}/pid; fg`,
        "Enter",
      );
      await tmux.shows(/every 2 s[^]*^web /m);
      Deno.kill(Number(Deno.readTextFileSync(`${scene.folder}/pid`)), "SIGTERM");
      await tmux.shows(/^ready> $|^ready>$/m);
      await assertSane(scene, tmux);
    }
    await using tmux = await Tmux.start(scene.folder, [
      "bgp-lb",
      "top",
      "--control-socket",
      scene.socket,
    ], { env: scene.env });
    await tmux.shows(/^web /m);
    // Which waits for its end.
    await tmux[Symbol.asyncDispose]();
  },
});

Deno.test({
  name:
    "answers fit the terminal, in colours unless NO_COLOR or TERM=dumb say otherwise; into a pipe they are as long as they are",
  ignore,
  async fn() {
    await using scene = new CommandScene(["web"]);
    await using _agent = await scene.agent();
    for (
      const [variables, coloured] of [["", true], ["NO_COLOR=1 ", false], ["TERM=dumb ", false]] as const
    ) {
      await using tmux = await shell(scene);
      await tmux.resize(50, 24);
      await tmux.type(`clear; ${variables}bgp-lb status --control-socket ${scene.socket}; echo end`, "Enter");
      const screen = await tmux.shows(/^end$/m, { colours: true });
      assert.equal(/ESC\[(31|32|33)m/.test(visible(screen)), coloured, screen);
      // Nothing is broken by the terminal itself: a table's first column is at the left in its own lines alone.
      assert.match(await tmux.screen(), /^SERV\S* +VERD/m);
      assert.match(await tmux.screen(), /^web +heal/m);
    }
    const { stdout, code } = await run(`${scene.bin}/bgp-lb`, ["status", "--control-socket", scene.socket]);
    assert.equal(code, 0);
    assert.doesNotMatch(visible(stdout), /ESC/);
    assert.match(stdout, /^web +healthy +10\.99\.0\.1\/32 +to 0 of 1 peers +\w+ +not Established: tor-1$/m);
  },
});

Deno.test("names that there are not are wrong usage for every question, with the nearest; explain answers with 0", async () => {
  await using scene = new CommandScene(["web"]);
  await using _agent = await scene.agent();
  const ask = (...args: readonly string[]) =>
    run(`${scene.bin}/bgp-lb`, [...args, "--control-socket", scene.socket]);
  for (
    const args of [["status", "wbe"], ["services", "wbe"], ["routes", "wbe"], ["explain", "wbe"], [
      "services",
      "wbe",
      "--watch",
    ]]
  ) {
    assert.deepEqual(await ask(...args), {
      code: 2,
      stdout: "",
      stderr: "no service wbe, did you mean web? there is web\n",
    });
  }
  for (const args of [["peers", "tor1"], ["explain", "web", "--peer", "tor1"]]) {
    assert.deepEqual(await ask(...args), {
      code: 2,
      stdout: "",
      stderr: "no peer tor1, did you mean tor-1? there is tor-1\n",
    });
  }
  const text = await ask("explain", "web", "--peer", "tor-1");
  assert.deepEqual([text.code, text.stderr], [0, ""]);
  assert.match(
    text.stdout,
    /^web: 10\.99\.0\.1\/32 is not announced to tor-1\n {2}shut {5}session Established\n/,
  );
  assert.match(text.stdout, /\n {2}opens {4}start BGP at 127\.0\.0\.2, /);
  const json = JSON.parse((await ask("explain", "web", "--json")).stdout);
  assert.deepEqual([json.shut.name, json.shut.peer, json.routes.length], ["session Established", "tor-1", 1]);
});
