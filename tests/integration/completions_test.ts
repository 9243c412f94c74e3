// Completions as people meet them: typed with the Tab key into real shells, beside a running agent and without one.
import assert from "node:assert/strict";
import { CommandScene } from "../support/command_scene.ts";
import { run } from "../support/process.ts";
import { missingPackages } from "../support/setup.ts";
import { Tmux } from "../support/tmux.ts";
import { eventually } from "../support/until.ts";

/** A shell with nobody's configuration, and how it reads the script. */
interface Shell {
  readonly name: "bash" | "zsh" | "fish";
  readonly command: readonly string[];
  readonly setup: (folder: string) => string;
}

const SHELLS: readonly Shell[] = [
  {
    name: "bash",
    command: ["env", "PS1=ready> ", "bash", "--norc", "--noprofile"],
    setup: () => "source <(bgp-lb completions bash)",
  },
  {
    name: "zsh",
    command: ["env", "PS1=ready> ", "zsh", "-f"],
    setup: (folder) =>
      `autoload -U compinit; compinit -d ${folder}/zcompdump; source <(bgp-lb completions zsh)`,
  },
  {
    name: "fish",
    command: [
      "fish",
      "--no-config",
      "-C",
      "function fish_prompt; echo 'ready> '; end; set -g fish_autosuggestion_enabled 0",
    ],
    setup: () => "bgp-lb completions fish | source",
  },
];

/** What is typed before the Tab key, and the line that comes of it. */
const ROWS: readonly (readonly [string, string])[] = [
  // Commands.
  ["bgp-lb stat", "bgp-lb status"],
  ["bgp-lb expl", "bgp-lb explain"],
  ["bgp-lb help sche", "bgp-lb help schema"],
  // Options, of a command and of the one that is run by default.
  ["bgp-lb routes --js", "bgp-lb routes --json"],
  ["bgp-lb --netw", "bgp-lb --network-setup"],
  // Words of an argument and of an option.
  ["bgp-lb completions zs", "bgp-lb completions zsh"],
  ["bgp-lb run --log-level war", "bgp-lb run --log-level warning"],
  // Files.
  ["bgp-lb check /etc/hostn", "bgp-lb check /etc/hostname"],
  ["bgp-lb --config /etc/hostn", "bgp-lb --config /etc/hostname"],
];

/** The same, of the running agent, which is found by the option. */
const ASKED: readonly (readonly [string, string])[] = [
  ["services mat", "services matchbox"],
  ["explain matchbox --peer tor", "explain matchbox --peer tor-1"],
  ["explain matchbox --peer=tor", "explain matchbox --peer=tor-1"],
  ["peers fe80::7", "peers fe80::7%eth0"],
];

for (const { name, command, setup } of SHELLS) {
  Deno.test({
    name:
      `completions in ${name}: commands, options, words, files, and names of the running agent (CONTRACT Command line)`,
    ignore: missingPackages(name === "bash" ? ["tmux"] : ["tmux", name]).length > 0,
    async fn() {
      await using scene = new CommandScene(["matchbox", "dns"], [{ name: "tor-1" }, {
        name: "fe80::7%eth0",
      }]);
      const agent = await scene.agent();
      await using _agent = agent;
      const env = { ...scene.env, HOME: scene.folder, XDG_CONFIG_HOME: scene.folder, HISTFILE: "" };
      await using tmux = await Tmux.start(scene.folder, command, { columns: 160, env });
      await tmux.shows(/ready>/);
      await tmux.type(`${setup(scene.folder)}; echo is read`, "Enter");
      await tmux.shows(/^is read$/m);
      const socket = `--control-socket ${scene.socket}`;
      const asked = ASKED.map(([typed, line]) =>
        [
          `bgp-lb ${typed.replace(" ", ` ${socket} `)}`,
          `bgp-lb ${line.replace(" ", ` ${socket} `)}`,
        ] as const
      );
      for (const [typed, line] of [...ROWS, ...asked]) await completes(tmux, typed, line);
      // Hidden options are not offered.
      await completesNothing(tmux, "bgp-lb completions --li");
      // Without an agent there is nothing to offer, and nothing is said.
      agent.signal("SIGTERM");
      await agent.exited;
      await completesNothing(tmux, `bgp-lb services ${socket} mat`);
    },
  });
}

Deno.test("names for completions come of the running agent, and are silent within a second where there is none", async () => {
  await using scene = new CommandScene(["matchbox", "dns"]);
  const list = (kind: string) =>
    run(`${scene.bin}/bgp-lb`, ["completions", "--list", kind, "--control-socket", scene.socket]);
  {
    await using _agent = await scene.agent();
    assert.deepEqual(await list("services"), { code: 0, stdout: "matchbox\ndns\n", stderr: "" });
    assert.deepEqual(await list("peers"), { code: 0, stdout: "tor-1\n", stderr: "" });
  }
  assert.deepEqual(await list("services"), { code: 1, stdout: "", stderr: "" });
});

async function completes(tmux: Tmux, typed: string, line: string): Promise<void> {
  await tmux.type(typed, "Tab");
  await eventually(() => tmux.screen(), (text) => lineOf(text) === line, `${typed} is completed to ${line}`);
  await empty(tmux);
}

/** What is typed behind the key comes once the shell has ended completing. */
async function completesNothing(tmux: Tmux, typed: string): Promise<void> {
  await tmux.type(typed, "Tab");
  await tmux.type("x");
  await eventually(
    () => tmux.screen(),
    (text) => lineOf(text) === `${typed}x`,
    `nothing is added to ${typed}`,
  );
  await empty(tmux);
}

/** Takes the line back. */
async function empty(tmux: Tmux): Promise<void> {
  await tmux.type("", "C-u");
  await eventually(() => tmux.screen(), (text) => lineOf(text) === "", "an empty line");
}

/** What stands behind the prompt, however the shell shows it; a backslash before a sign is how it is quoted. */
function lineOf(screen: string): string {
  return ([...screen.matchAll(/^ready> *(.*)$/gm)].at(-1)?.[1] ?? "").replaceAll("\\", "").trim();
}
