// `bgp-lb plan`: asks the agent, or plans a start where there is none; exit status, problems to stderr.
import assert from "node:assert/strict";
import { plan, type PlanArguments, type PlanRequest } from "../../src/cli/plan.ts";
import type { Config } from "../../src/config/config.ts";
import type { Answer, Found } from "../../src/control/client.ts";
import { planRoutes } from "../../src/control/plan_route.ts";
import type { Plan } from "../../src/status/plan.ts";
import { MINIMAL } from "../config/text.ts";
import { filePorts } from "./files.ts";

const PLAN: Plan = {
  action: "reload",
  changes: ["log: level changed"],
  sessions: [],
  routes: { announced: [], changed: [], withdrawn: [] },
  kernel: [],
  restart: [],
  warnings: [],
};
const AGENT: Found = { type: "agent", agent: { version: "1", pid: 1 } };
const OK: Answer = { status: 200, body: JSON.stringify(PLAN) };

interface World {
  readonly files?: Readonly<Record<string, string>>;
  readonly found?: Found | Error;
  readonly answer?: Answer | Error;
}

/** What the command did in a world. */
async function run(
  args: Partial<PlanArguments>,
  { files = { "a.yaml": MINIMAL }, found = AGENT, answer = OK }: World = {},
) {
  const asked: PlanRequest[] = [];
  const started: Config[] = [];
  const ports = filePorts(files);
  const status = await plan({ file: undefined, json: false, socket: "/s", overrides: {}, ...args }, {
    ...ports,
    findAgent: () => found instanceof Error ? Promise.reject(found) : Promise.resolve(found),
    postControl(request) {
      asked.push(request);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    planStart(config) {
      started.push(config);
      return Promise.resolve({ ...PLAN, action: "start", changes: [], warnings: ["of the host"] });
    },
    paint: (line, tone) => tone === "strong" ? `*${line}*` : line,
  });
  return { status, out: ports.out.join(""), err: ports.err.join(""), asked, started };
}

const TEXT = `*A reload would touch no session, no route and nothing in the kernel.*

*Configuration:*
  ~ log: level changed
`;

Deno.test("plan() asks the agent about its own file, or about the text of another one", async () => {
  const own = await run({});
  assert.deepEqual([own.status, own.out, own.err], [0, TEXT, ""]);
  assert.deepEqual(own.asked, [{ path: "/s", target: "/v1/plan", body: {} }]);
  const other = await run({ file: "a.yaml" });
  assert.deepEqual([other.status, other.out], [0, TEXT]);
  assert.deepEqual(other.asked, [
    { path: "/s", target: "/v1/plan", body: { file: { name: "a.yaml", text: MINIMAL } } },
  ]);
  const stdin = await run({ file: "-" }, { files: { "-": MINIMAL } });
  assert.deepEqual(stdin.asked[0]?.body, { file: { name: "<stdin>", text: MINIMAL } });
});

Deno.test("plan() prints the plan as JSON where that is asked for", async () => {
  const { out } = await run({ json: true });
  assert.deepEqual(JSON.parse(out), PLAN);
  assert.match(out, /^\{\n {2}"action": "reload",\n/);
});

Deno.test("plan() of an invalid file ends with 2 and every problem, whoever finds them (CONTRACT Meanings)", async () => {
  const problems = ["a.yaml:1:1: services: is required", "a.yaml:1:6: bgp: must be a mapping (got 1)"];
  const byAgent = await run({ file: "a.yaml" }, {
    answer: { status: 422, body: JSON.stringify({ problems }) },
  });
  assert.deepEqual([byAgent.status, byAgent.out], [2, ""]);
  assert.equal(byAgent.err, `${problems.join("\n")}\na.yaml: cannot be used\n`);
  const own = await run({}, { answer: { status: 422, body: JSON.stringify({ problems }) } });
  assert.match(own.err, /the agent's file: cannot be used\n$/);
  const here = await run({ file: "a.yaml" }, { files: { "a.yaml": "bgp: 1\n" }, found: { type: "nobody" } });
  assert.deepEqual([here.status, here.out, here.err], [2, "", `${problems.join("\n")}\n`]);
  const missing = await run({ file: "b.yaml" });
  assert.deepEqual([missing.status, missing.err], [2, "b.yaml: does not exist\n"]);
});

Deno.test("plan() plans a start where no agent runs, with the flags, and says so", async () => {
  const { status, out, err, asked, started } = await run(
    { file: "a.yaml", overrides: { networkSetup: "false" } },
    { found: { type: "nobody" } },
  );
  assert.equal(status, 0);
  assert.match(out, /^\*A start would change nothing\.\*\n[^]*! of the host\n$/);
  assert.equal(err, "no agent runs at /s: this is what a start with a.yaml would do\n");
  assert.deepEqual(asked, []);
  assert.equal(started[0]?.network.setup, false);
});

Deno.test("plan() tells warnings about the file beside those about the host", async () => {
  const reference = JSON.stringify({
    bgp: { local: { routerID: "10.0.0.1", as: 1 }, peers: [{ address: "10.0.0.2", as: 1 }] },
    service: { name: "web", ip: "10.99.0.1", comment: "x" },
  });
  const files = { "a.json": reference };
  const { out } = await run({ file: "a.json", json: true }, { files, found: { type: "nobody" } });
  assert.deepEqual(JSON.parse(out).warnings, [
    "a.json:1:130: warning: service.comment: is not a known key and ignored",
    "of the host",
  ]);
});

Deno.test("plan() without an agent and without a file says what to do, and ends with 1", async () => {
  const answer = new Error("no agent answers at /s: there is no socket");
  const { status, err } = await run({}, { found: { type: "nobody" }, answer });
  assert.equal(status, 1);
  assert.equal(
    err,
    "no agent answers at /s: there is no socket\nname a FILE to see what a start with it would do\n",
  );
});

Deno.test("plan() never plans a start where there may be an agent that does not answer", async () => {
  const answer = new Error("no agent answers at /s: this user may not");
  for (const found of [new Error("EACCES"), { type: "silent" }, { type: "other" }] as const) {
    const { status, started, err } = await run({ file: "a.yaml" }, { found, answer });
    assert.deepEqual([status, started], [1, []]);
    assert.match(err, /^no agent answers at \/s: this user may not\nIs the agent running/);
  }
});

Deno.test("plan() hands on why the agent has no plan, and what is no plan at all", async () => {
  const rows: readonly (readonly [Answer, string])[] = [
    [{ status: 409, body: '{"error":"the agent is stopping"}' }, "the agent is stopping\n"],
    [{ status: 404, body: "no POST /v1/plan here\n" }, "no POST /v1/plan here\n"],
    [{ status: 400, body: '{"error":"\\u001b[2J"}' }, "\\u001b[2J\n"],
    [
      { status: 200, body: '{"action":"reload"}' },
      "what the agent answers is no plan: it may be of another version\n",
    ],
    [{ status: 200, body: "hello" }, "what the agent answers is no plan: it may be of another version\n"],
  ];
  for (const [answer, words] of rows) {
    const { status, out, err } = await run({}, { answer });
    assert.deepEqual([status, out, err], [1, "", words]);
  }
});

Deno.test("plan() refuses a control socket that is none", async () => {
  const { status, err } = await run({ socket: "" });
  assert.deepEqual([status, err], [2, '--control-socket: must not be empty (got "")\n']);
});

Deno.test("plan() and the control app understand each other", async () => {
  const ports = filePorts({ "a.yaml": MINIMAL });
  const asked: unknown[] = [];
  const app = planRoutes({
    plan(file) {
      asked.push(file);
      return Promise.resolve({ result: "plan", plan: PLAN });
    },
  });
  const status = await plan({ file: "a.yaml", json: false, socket: "/s", overrides: {} }, {
    ...ports,
    findAgent: () => Promise.resolve(AGENT),
    async postControl({ target, body }) {
      const response = await app.request(`http://bgp-lb${target}`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.text() };
    },
    planStart: () => Promise.reject(new Error("there is an agent")),
    paint: (line) => line,
  });
  assert.deepEqual([status, ports.out.join("")], [0, TEXT.replaceAll("*", "")]);
  assert.deepEqual(asked, [{ name: "a.yaml", text: MINIMAL }]);
});
