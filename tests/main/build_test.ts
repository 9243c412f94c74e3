// The stamp of a build: written by packaging, read by the program, and nothing else taken for one.
import assert from "node:assert/strict";
import { stamped } from "../../packaging/bundle.ts";
import { version } from "../../src/cli/version.ts";
import { readStamp, stampOf, UNSTAMPED } from "../../src/main/build.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const COMMITTED = "2026-11-27T18:45:59Z";

Deno.test("readStamp() reads what stampOf() writes, of a checkout with changes, too", () => {
  for (const commit of [COMMIT, `${COMMIT}+changes`]) {
    const build = { commit, committed: COMMITTED };
    assert.deepEqual(readStamp(stampOf(build)), build);
  }
});

Deno.test("readStamp() takes nothing else for a stamp", () => {
  const wrong = [
    UNSTAMPED,
    "",
    COMMIT,
    `${COMMIT} today`,
    `${COMMIT}  ${COMMITTED}`,
    `x${COMMIT} ${COMMITTED}`,
    `${COMMIT} ${COMMITTED}\n`,
  ];
  for (const stamp of wrong) assert.equal(readStamp(stamp), undefined, stamp);
});

Deno.test("stamped() wants just one place in the bundle, and leaves everything else as it is", () => {
  const build = { commit: COMMIT, committed: COMMITTED };
  assert.equal(stamped(`a("${UNSTAMPED}")`, build), `a("${COMMIT} ${COMMITTED}")`);
  assert.throws(() => stamped("a()", build), /has 0 places/);
  assert.throws(() => stamped(`${UNSTAMPED} ${UNSTAMPED}`, build), /has 2 places/);
});

Deno.test("bgp-lb version says version, commit, runtime and target; sources have no commit", async () => {
  const runtime = { deno: "2.9.6", v8: "15.0", target: "x86_64-unknown-linux-gnu" };
  const said = async (build: Parameters<typeof version>[0]["build"], json: boolean) => {
    let text = "";
    const status = await version({ version: "1.2.3", build, runtime }, json, {
      stdout: (words) => void (text += words),
    });
    assert.equal(status, 0);
    return text;
  };
  const build = { commit: COMMIT, committed: COMMITTED };
  assert.equal(
    await said(build, false),
    `bgp-lb 1.2.3\ncommit   ${COMMIT} of ${COMMITTED}\nruntime  Deno 2.9.6, V8 15.0\ntarget   x86_64-unknown-linux-gnu\n`,
  );
  assert.match(await said(undefined, false), /\ncommit {3}none: run from its sources\n/);
  assert.deepEqual(JSON.parse(await said(build, true)), { version: "1.2.3", ...build, runtime });
  assert.deepEqual(JSON.parse(await said(undefined, true)), {
    version: "1.2.3",
    commit: null,
    committed: null,
    runtime,
  });
});
