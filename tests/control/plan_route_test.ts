// POST /v1/plan: what a body may be, and what is answered.
import assert from "node:assert/strict";
import { BusyError } from "../../src/control/orders.ts";
import { type PlanAnswer, planRoutes, readPlanRequest } from "../../src/control/plan_route.ts";
import type { NamedText } from "../../src/config/load.ts";
import { MAX_FILE_OCTETS } from "../../src/config/source_text.ts";
import type { Plan } from "../../src/status/plan.ts";

const PLAN: Plan = {
  action: "reload",
  changes: ["log: level changed"],
  sessions: [],
  routes: { announced: [], changed: [], withdrawn: [] },
  kernel: [],
  restart: [],
  warnings: [],
};

/** What is answered, and what was asked of the planner. */
async function post(
  body: string,
  answer: PlanAnswer | Error = { result: "plan", plan: PLAN },
  method = "POST",
): Promise<{ readonly code: number; readonly json: unknown; readonly asked: readonly unknown[] }> {
  const asked: (NamedText | undefined)[] = [];
  const app = planRoutes({
    plan(file) {
      asked.push(file);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
  const init = method === "POST" ? { method, body } : { method };
  const response = await app.request("http://bgp-lb/v1/plan", init);
  return { code: response.status, json: await response.json(), asked };
}

Deno.test("POST /v1/plan answers the plan of a file, or of the agent's own", async () => {
  assert.deepEqual(await post("{}"), { code: 200, json: PLAN, asked: [undefined] });
  const file = { name: "a.yaml", text: "bgp: {}\n" };
  assert.deepEqual(await post(JSON.stringify({ file })), { code: 200, json: PLAN, asked: [file] });
});

Deno.test("POST /v1/plan answers 422 with every problem of an invalid file", async () => {
  const problems = ["a.yaml:1:1: services: is required", "a.yaml:2:1: bogus: is not a known key"];
  const { code, json } = await post("{}", { result: "invalid", problems });
  assert.deepEqual([code, json], [422, { problems }]);
});

Deno.test("POST /v1/plan refuses what is no question, and says what would be one", async () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["", /no JSON/],
    ["nonsense", /no JSON/],
    ["[]", /must be \{\} or/],
    ["null", /must be \{\} or/],
    ['{"fiel": {}}', /must be \{\} or/],
    ['{"file": "a.yaml"}', /a name and a text/],
    ['{"file": {"name": "a"}}', /a name and a text/],
    ['{"file": {"name": "a", "text": 5}}', /a name and a text/],
    ['{"file": {"name": "a", "text": "", "mode": 1}}', /a name and a text/],
    ['{"file": {"name": "", "text": ""}}', /1 to 4096 characters/],
    [JSON.stringify({ file: { name: "a".repeat(4097), text: "" } }), /1 to 4096 characters/],
  ];
  for (const [body, words] of rows) {
    const { code, json, asked } = await post(body);
    assert.equal(code, 400, body);
    assert.match(JSON.stringify(json), words, body);
    assert.deepEqual(asked, []);
  }
  const long = readPlanRequest({ file: { name: "a", text: " ".repeat(MAX_FILE_OCTETS + 1) } });
  assert.ok("problem" in long && /longer than/.test(long.problem));
  assert.equal((await post("", undefined, "GET")).code, 405);
});

Deno.test("POST /v1/plan says that the agent is busy; a fault of its own is the server's", async () => {
  const busy = await post("{}", new BusyError("the agent is stopping"));
  assert.deepEqual([busy.code, busy.json], [409, { error: "the agent is stopping" }]);
  await assert.rejects(post("{}", new Error("boom")), /boom/);
});
