/** What the control socket answers: the views of the status and what explains it, as text for people or as JSON; and orders. */
import { type Context, Hono } from "hono";
import { explain } from "../status/explain.ts";
import { explainText } from "../status/explain_text.ts";
import type { Status } from "../status/status.ts";
import { jsonInSteps } from "../text/json_steps.ts";
import type { Style } from "../text/style.ts";
import { inSlices } from "../time/steps.ts";
import { isViewName, UnknownNameError, VIEWS } from "../status/views.ts";
import { type ControlBindings, type OrderPorts, orderRoutes } from "./order_routes.ts";
import { type Planner, planRoutes } from "./plan_route.ts";

/** What the app shows, and who follows orders. */
export interface ControlAppPorts extends OrderPorts {
  status(): Status | Promise<Status>;
  now(): Date;
  /** Of this process. */
  readonly pid: number;
  readonly planner: Planner;
  /** Answers with the stream of events that a request asks for. */
  events(request: Request): Response;
}

/**
 * `GET /v1/status`, `/v1/peers`, `/v1/services`, `/v1/routes`, with `?name=` of one peer or service, and
 * `/v1/explain/SERVICE`, with `?peer=`; text where `accept` says so, set for `?width=` columns and with `?colour=1` in
 * colours. And `GET /v1/agent`: that it is an agent who answers, and which one.
 */
export function createControlApp(
  ports: ControlAppPorts,
): (request: Request, client: ControlBindings["Bindings"]) => Promise<Response> {
  const app = new Hono<ControlBindings>();
  app.route("/", orderRoutes(ports));
  app.route("/", planRoutes(ports.planner));
  app.get("/v1/agent", async (context) => {
    const { version, state } = await ports.status();
    return context.json({ agent: "bgp-lb", version, pid: ports.pid, state });
  });
  app.get("/v1/events", (context) => ports.events(context.req.raw));
  app.get("/v1/explain/:service", async (context) => {
    const now = ports.now();
    const answer = explain(
      await ports.status(),
      context.req.param("service"),
      context.req.query("peer"),
      now,
    );
    return isTextWanted(context)
      ? context.text(explainText(answer, now, styleOf(context)))
      : context.json(answer);
  });
  app.get("/v1/:view", async (context) => {
    const name = context.req.param("view");
    if (!isViewName(name)) {
      return context.text(`this agent has no view ${name}: it may be an older one\n`, 404);
    }
    const view = VIEWS[name];
    const only = context.req.query("name");
    const status = await ports.status();
    const shown = only === undefined ? status : view.only(status, only);
    if (isTextWanted(context)) return context.text(view.text(shown, ports.now(), styleOf(context)));
    const json = await inSlices(ports.clock, jsonInSteps(view.json(shown)));
    return context.body(json, 200, { "content-type": "application/json" });
  });
  app.all("/v1/:view", (context) => context.text("only GET and HEAD here\n", 405, { allow: "GET, HEAD" }));
  app.onError((error, context) => {
    if (!(error instanceof UnknownNameError)) throw error;
    return context.text(`${error.message}\n`, 404);
  });
  app.notFound((context) => context.text(`no ${context.req.method} ${context.req.path} here\n`, 404));
  return async (request, { credentials }) => await app.fetch(request, { credentials });
}

function isTextWanted({ req }: Context): boolean {
  return req.header("accept") === "text/plain";
}

/** So wide is what is set for a terminal, at least and at most. */
const WIDTHS = { least: 30, most: 1000 } as const;

/** What the terminal of whoever asks can show; who says nothing gets lines as long as they are. */
function styleOf({ req }: Context): Style {
  const digits = /^\d{1,6}$/.exec(req.query("width") ?? "")?.[0];
  const width = digits === undefined
    ? undefined
    : Math.min(Math.max(Number(digits), WIDTHS.least), WIDTHS.most);
  return { width, colour: req.query("colour") === "1" };
}
