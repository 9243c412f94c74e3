/**
 * `POST /v1/plan`: what a reload would do. The body is `{}` for the agent's own file as it is now, or `{"file": {"name",
 * "text"}}`; 200 with the plan, 422 with `{"problems": [...]}` where the file is invalid. Nothing is changed by it.
 */
import { Hono } from "hono";
import type { NamedText } from "../config/load.ts";
import { MAX_FILE_OCTETS } from "../config/source_text.ts";
import type { Plan } from "../status/plan.ts";
import type { Parsed } from "../text/parsed.ts";
import { BusyError } from "./orders.ts";

/** A plan, or every problem of the file, as `FILE:LINE:COLUMN: …`. */
export type PlanAnswer =
  | { readonly result: "plan"; readonly plan: Plan }
  | { readonly result: "invalid"; readonly problems: readonly string[] };

/** Who makes plans: the agent. */
export interface Planner {
  /**
   * What a reload of `file` would do; undefined: of the agent's own file, read again.
   * @throws {BusyError} while it is starting or stopping
   */
  plan(file: NamedText | undefined): Promise<PlanAnswer>;
}

/** A request may be so long: a file, whose text as JSON is somewhat longer. */
export const MAX_PLAN_OCTETS = 1.5 * MAX_FILE_OCTETS;

/** A name is for people, and one line. */
const MAX_NAME_LENGTH = 4096;

/** The route of plans. */
export function planRoutes(planner: Planner): Hono {
  const app = new Hono();
  app.post("/v1/plan", async (context) => {
    const body = await context.req.json().then((value: unknown) => ({ value }), () => undefined);
    if (body === undefined) return context.json({ error: "the body is no JSON" }, 400);
    const request = readPlanRequest(body.value);
    if ("problem" in request) return context.json({ error: request.problem }, 400);
    const answer = await planner.plan(request.value);
    return answer.result === "plan"
      ? context.json(answer.plan)
      : context.json({ problems: answer.problems }, 422);
  });
  app.all("/v1/plan", (context) => context.json({ error: "only POST here" }, 405, { allow: "POST" }));
  app.onError((error, context) => {
    if (error instanceof BusyError) return context.json({ error: error.message }, 409);
    throw error;
  });
  return app;
}

/** The file that a request's body is about. */
export function readPlanRequest(body: unknown): Parsed<NamedText | undefined> {
  const outer = entriesOf(body, ["file"]);
  if (outer === undefined) {
    return { problem: 'the body must be {} or {"file": {"name": NAME, "text": TEXT}}' };
  }
  const file = outer.get("file");
  if (file === undefined) return { value: undefined };
  const inner = entriesOf(file, ["name", "text"]);
  const [name, text] = [inner?.get("name"), inner?.get("text")];
  if (typeof name !== "string" || typeof text !== "string") {
    return { problem: "file must have a name and a text, and nothing else" };
  }
  if (name === "" || name.length > MAX_NAME_LENGTH) {
    return { problem: `file.name must have 1 to ${MAX_NAME_LENGTH} characters` };
  }
  // As many octets at least.
  return text.length > MAX_FILE_OCTETS
    ? { problem: `file.text is longer than ${MAX_FILE_OCTETS} octets` }
    : { value: { name, text } };
}

/** The entries of a JSON object that has no other keys than `keys`. */
function entriesOf(value: unknown, keys: readonly string[]): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries = new Map<string, unknown>(Object.entries(value));
  return [...entries.keys()].every((key) => keys.includes(key)) ? entries : undefined;
}
