/** What this host's files and programs may say, by chance and seeded: pid files, systemctl's answer, a program's first line. */
import assert from "node:assert/strict";
import type { FileCheckConfig } from "../../../src/config/checks/file.ts";
import { execProbe } from "../../../src/health/kinds/exec.ts";
import { fileProbe } from "../../../src/health/kinds/file.ts";
import type { FileSight } from "../../../src/health/kinds/host.ts";
import { processProbe } from "../../../src/health/kinds/process.ts";
import type { ProgramResult, StartProgram } from "../../../src/health/kinds/programs.ts";
import type { FuzzSubject } from "../../fuzz/fuzz.ts";
import { PLAIN_CHECK } from "../../support/config.ts";
import type { Dice } from "../../support/dice.ts";
import { FuzzNetwork } from "../../support/fuzz_network.ts";

const TIMING = {
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
} as const;
const PROCESS = { type: "process", name: "p", pidFile: undefined, unit: undefined, ...TIMING } as const;
const text = (value: string) => new TextEncoder().encode(value);
const neverRun: StartProgram = () => assert.fail("nothing is to be run");

/** The only process that runs. */
const PID = 4711;
const PID_FILES = [
  `${PID}\n`,
  `${PID}`,
  ` ${PID} \r\n`,
  `${PID}\n1\n/data\n`,
  "1\n",
  "0\n",
  "-1\n",
  "99999999999\n",
  "4294971007\n",
]
  .map(text);
const PID_WORDS = [`${PID}`, "\n", "0", " ", "\ufeff", "\u2028", "\u202e", "\0", "e3", "0x"].map(text);

const PID_FILE_FUZZ: FuzzSubject = {
  name: "pid-file",
  open: () => (dice) => {
    const shown = dice.damaged(dice.pick(PID_FILES), PID_WORDS);
    const name = new TextDecoder().decode(dice.octets(dice.below(16)));
    const startedMs = [undefined, 0, 1e6][dice.below(3)];
    return {
      shown,
      async judge() {
        const host = {
          files: { look: () => Promise.resolve(regular(shown)) },
          processes: {
            find: (pid: number) => pid === PID ? { name, startedMs } : undefined,
            onEnd: () => undefined,
          },
        };
        const network = new FuzzNetwork({});
        const { clock } = network;
        const probe = processProbe({ ...PROCESS, pidFile: "/run/a.pid" }, {
          clock,
          host,
          startProgram: neverRun,
        });
        const outcome = await network.outcomeOf(probe);
        const [line] = new TextDecoder().decode(shown).split("\n");
        const passes = line?.trim() === `${PID}` && startedMs !== 1e6;
        assert.equal(outcome.verdict, passes ? "pass" : "fail", outcome.detail);
        return { verdict: outcome.verdict, sort: outcome.sort.replace(/process N \(.*/s, "process N (…)") };
      },
    };
  },
};

const STATES = ["active", "reloading", "inactive", "failed", "activating", "refreshing", ""];
const UNIT_WORDS = ["ActiveState=", "active", "=", "\n", "\0", "\u202e", "MainPID=-1\n", "LoadState=masked\n"]
  .map(text);

const UNIT_FUZZ: FuzzSubject = {
  name: "unit",
  open: () => (dice) => {
    const lines = [
      `LoadState=${dice.pick(["loaded", "not-found", "masked"])}`,
      `ActiveState=${dice.pick(STATES)}`,
      `SubState=${dice.pick(["running", "dead", "exited"])}`,
      `MainPID=${dice.pick([0, 1, PID, -1, 1e21])}`,
    ];
    const order = lines.map((line) => ({ line, at: dice.random() })).sort((a, b) => a.at - b.at);
    const shown = dice.damaged(text(order.map(({ line }) => `${line}\n`).join("")), UNIT_WORDS);
    const result = ended(dice, shown);
    return {
      shown,
      async judge() {
        const watched: number[] = [];
        const processes = { find: () => undefined, onEnd: (pid: number) => void watched.push(pid) };
        const host = { files: { look: () => assert.fail() }, processes };
        const network = new FuzzNetwork({});
        const ports = { clock: network.clock, host, startProgram: starts(result) };
        const probe = processProbe({ ...PROCESS, unit: "app.service" }, ports);
        using _watch = probe.watch?.(() => {});
        const outcome = await network.outcomeOf(probe);
        const states = new TextDecoder().decode(shown).split("\n").filter((line) =>
          line.startsWith("ActiveState=")
        );
        const state = states.at(-1)?.slice("ActiveState=".length);
        const passes = state === "active" || state === "reloading" || state === "refreshing";
        const isWell = result.code === 0 && result.signal === undefined;
        const expected = !isWell || state === undefined || state === ""
          ? "unknown"
          : passes
          ? "pass"
          : "fail";
        assert.equal(outcome.verdict, expected, outcome.detail);
        for (const pid of watched) assert.ok(Number.isSafeInteger(pid) && pid > 0, `pid ${pid}`);
        return { verdict: outcome.verdict, sort: outcome.sort.replace(/(app.service is |tell: ).*/s, "$1…") };
      },
    };
  },
};

const OUTPUTS = [
  "",
  "\n",
  "all well\n",
  "  \r\nCRITICAL: disk full\nmore\n",
  "\u001b[31mred\u001b[0m\n",
  "\u202eevil",
].map(text);

const EXEC = {
  type: "exec",
  name: "x",
  command: ["/usr/lib/check"],
  environment: {},
  user: undefined,
  alone: true,
  destination: undefined,
} as const;

const EXEC_FUZZ: FuzzSubject = {
  name: "exec",
  open: () => (dice) => {
    const shown = dice.damaged(dice.pick(OUTPUTS), OUTPUTS);
    const result = ended(dice, shown);
    return {
      shown,
      async judge() {
        const config = { ...EXEC, ...TIMING };
        const network = new FuzzNetwork({});
        const outcome = await network.outcomeOf(execProbe(config, { service: "s" }, starts(result)));
        const isWell = result.code === 0 && result.signal === undefined;
        assert.equal(outcome.verdict, isWell ? "pass" : "fail", outcome.detail);
        return {
          verdict: outcome.verdict,
          sort: outcome.sort.replace(/(status N|ended by \w+): .*/s, "$1: …"),
        };
      },
    };
  },
};

const CONTAINS = "ready é";
const FILES = ["", "ready é\n", "not\nready é", "rea", "\ufeffready é", "\u001b]0;x\u0007"].map(text);

const FILE_FUZZ: FuzzSubject = {
  name: "file",
  open: () => (dice) => {
    const shown = dice.damaged(dice.pick(FILES), FILES);
    return {
      shown,
      async judge() {
        const config: FileCheckConfig = {
          type: "file",
          name: "f",
          path: "/a",
          absent: false,
          contains: CONTAINS,
          ...TIMING,
        };
        const host = {
          files: { look: () => Promise.resolve(regular(shown)) },
          processes: { find: () => assert.fail(), onEnd: () => assert.fail() },
        };
        const network = new FuzzNetwork({});
        const outcome = await network.outcomeOf(fileProbe(config, host, network.clock));
        const has = shown.toHex().replace(/../g, "$& ").includes(
          text(CONTAINS).toHex().replace(/../g, "$& "),
        );
        assert.equal(outcome.verdict, has ? "pass" : "fail", outcome.detail);
        return outcome;
      },
    };
  },
};

function regular(head: Uint8Array): FileSight {
  return { type: "regular", modifiedMs: 0, head };
}

function ended(dice: Dice, stdout: Uint8Array) {
  return {
    type: "ended",
    code: dice.oneIn(3) ? dice.below(256) : 0,
    signal: dice.oneIn(10) ? "SIGKILL" : undefined,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(dice.octets(dice.below(20))),
  } as const;
}

function starts(result: ProgramResult): StartProgram {
  return () => ({ ended: Promise.resolve(result), kill() {} });
}

/** What checks of this host read. */
export const HOST_FUZZ: readonly FuzzSubject[] = [PID_FILE_FUZZ, UNIT_FUZZ, EXEC_FUZZ, FILE_FUZZ];
