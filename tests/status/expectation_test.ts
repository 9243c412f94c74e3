/** What a probe must find, in words, for every kind that is about this host. */
import assert from "node:assert/strict";
import { expectationOf } from "../../src/status/expectation.ts";
import { PLAIN_CHECK } from "../support/config.ts";

const BASE = {
  name: "c",
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1500,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
} as const;
const EXEC = { type: "exec", environment: {}, user: undefined, destination: undefined, alone: true } as const;
const FILE = { type: "file", path: "/run/a", absent: false, contains: undefined } as const;
const PROCESS = { type: "process", pidFile: undefined, unit: undefined } as const;

for (
  const [check, words] of [
    [{ ...EXEC, command: ["/bin/check", "-v"] }, "/bin/check -v ends with status 0 within 1500ms"],
    [FILE, "/run/a is there"],
    [{ ...FILE, absent: true }, "/run/a is not there"],
    [{ ...FILE, contains: 'a "b"\n' }, String.raw`/run/a contains "a \"b\"\n"`],
    [{ ...PROCESS, pidFile: "/run/a.pid" }, "the process that /run/a.pid names runs"],
    [{ ...PROCESS, unit: "a.service" }, "a.service is active, as systemctl says within 1500ms"],
  ] as const
) {
  Deno.test(`expectationOf() is: ${words}`, () => assert.equal(expectationOf({ ...BASE, ...check }), words));
}
