import assert from "node:assert/strict";
import { ask, type Question } from "../../src/cli/ask.ts";
import { ExitStatus } from "../../src/cli/exit_status.ts";
import type { Answer } from "../../src/control/client.ts";
import { FakeTerminal } from "../support/fake_terminal.ts";

const question: Question = { view: "peers", name: undefined, json: false, socket: "/s" };

async function asked(question: Question, answer: Answer | Error, terminal = FakeTerminal.none()) {
  let stdout = "";
  let stderr = "";
  const requests: unknown[] = [];
  const status = await ask(question, {
    askControl: (request) => {
      requests.push(request);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    terminal,
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
  });
  return { status, stdout, stderr, requests };
}

Deno.test("ask() prints the agent's text as it is, JSON for people to read, and resolves to 0", async () => {
  const text = await asked(question, { status: 200, body: "r1: Established\n" });
  assert.deepEqual(text, {
    status: ExitStatus.OK,
    stdout: "r1: Established\n",
    stderr: "",
    requests: [{ path: "/s", target: "/v1/peers", accept: "text/plain" }],
  });
  const json = await asked({ ...question, name: "fe80::1%eth0", json: true }, {
    status: 200,
    body: '[{"a":1}]',
  });
  assert.equal(json.stdout, '[\n  {\n    "a": 1\n  }\n]\n');
  assert.deepEqual(json.requests, [{
    path: "/s",
    target: "/v1/peers?name=fe80%3A%3A1%25eth0",
    accept: "application/json",
  }]);
});

Deno.test("ask() asks nobody where --control-socket is no path of a socket, and resolves to 2", async () => {
  const rows: readonly (readonly [string, string])[] = [
    ["", '--control-socket: must not be empty (got "")\n'],
    ["run/s", '--control-socket: must be an absolute path of a file (got "run/s")\n'],
  ];
  for (const [socket, stderr] of rows) {
    const answer = await asked({ ...question, socket }, { status: 200, body: "" });
    assert.deepEqual(answer, { status: ExitStatus.USAGE, stdout: "", stderr, requests: [] });
  }
});

Deno.test("ask() does not take a failing stdout for a missing agent", async () => {
  let stderr = "";
  const asking = ask(question, {
    askControl: () => Promise.resolve({ status: 200, body: "x" }),
    terminal: FakeTerminal.none(),
    stdout: () => {
      throw new Error("No space left on device");
    },
    stderr: (text) => void (stderr += text),
  });
  await assert.rejects(asking, /No space left/);
  assert.equal(stderr, "");
});

Deno.test("ask() prints JSON without raw control characters", async () => {
  const { stdout } = await asked({ ...question, json: true }, {
    status: 200,
    body: JSON.stringify(["\u009b"]),
  });
  assert.equal(stdout, '[\n  "\\u009b"\n]\n');
});

Deno.test("ask() says on stderr what the agent refuses: 2 for a name that there is not, 1 for what an older agent does not know", async () => {
  const rows: readonly (readonly [Answer, number])[] = [
    [{ status: 404, body: "no peer r9; there is r1\n" }, ExitStatus.USAGE],
    [{ status: 404, body: "this agent has no view services: it may be an older one\n" }, ExitStatus.FAILED],
    [{ status: 404, body: "no GET /v1/explain/web here\n" }, ExitStatus.FAILED],
    [{ status: 503, body: "busy\n" }, ExitStatus.FAILED],
  ];
  for (const [answer, status] of rows) {
    const refused = await asked(question, answer);
    assert.deepEqual([refused.status, refused.stdout, refused.stderr], [status, "", answer.body]);
  }
  const silent = await asked(question, new Error("no agent answers at /s: there is no socket"));
  assert.equal(silent.status, ExitStatus.FAILED);
  assert.match(silent.stderr, /^no agent answers at \/s: there is no socket\n.*--control-socket PATH/);
  const hung = await asked(question, new Error("no agent answers at /s: nothing came within 5 s"));
  assert.match(hung.stderr, /within 5 s\nIt is there, and stands still: .*kill -s KILL bgp-lb/);
});

Deno.test("ask() explains a service, and says how wide and whether in colours where there is a terminal (no-color.org)", async () => {
  const explain: Question = { view: "explain", name: "a b", peer: "fe80::1%eth0", json: false, socket: "/s" };
  const rows: readonly (readonly [Question, FakeTerminal, string])[] = [
    [explain, FakeTerminal.none(), "/v1/explain/a%20b?peer=fe80%3A%3A1%25eth0"],
    [explain, new FakeTerminal(), "/v1/explain/a%20b?peer=fe80%3A%3A1%25eth0&width=80&colour=1"],
    [{ ...explain, json: true }, new FakeTerminal(), "/v1/explain/a%20b?peer=fe80%3A%3A1%25eth0"],
    [question, new FakeTerminal({ noColor: "1" }), "/v1/peers?width=80"],
    [question, new FakeTerminal({ noColor: "" }), "/v1/peers?width=80&colour=1"],
    [question, new FakeTerminal({ term: "dumb" }), "/v1/peers?width=80"],
    [question, new FakeTerminal({ term: undefined }), "/v1/peers?width=80"],
  ];
  for (const [question, terminal, target] of rows) {
    const { requests } = await asked(question, { status: 200, body: "{}" }, terminal);
    assert.deepEqual(requests, [{
      path: "/s",
      target,
      accept: question.json ? "application/json" : "text/plain",
    }]);
  }
});
