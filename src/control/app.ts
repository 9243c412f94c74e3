/** What the control socket answers: the views of the status, as text for people or as JSON, and orders. */
import { Hono } from "hono";
import type { Status } from "../status/status.ts";
import { isViewName, UnknownNameError, VIEWS } from "../status/views.ts";
import { type ControlBindings, type OrderPorts, orderRoutes } from "./order_routes.ts";

/** What the app shows, and who follows orders. */
export interface ControlAppPorts extends OrderPorts {
  status(): Status;
  now(): Date;
  /** Of this process. */
  readonly pid: number;
}

/**
 * `GET /v1/status`, `/v1/peers`, `/v1/routes`, with `?name=` of one peer or service; text where `accept` says so. And
 * `GET /v1/agent`: that it is an agent who answers, and which one.
 */
export function createControlApp(
  ports: ControlAppPorts,
): (request: Request, client: ControlBindings["Bindings"]) => Promise<Response> {
  const app = new Hono<ControlBindings>();
  app.route("/", orderRoutes(ports));
  app.get("/v1/agent", (context) => {
    const { version, state } = ports.status();
    return context.json({ agent: "bgp-lb", version, pid: ports.pid, state });
  });
  app.get("/v1/:view", (context) => {
    const name = context.req.param("view");
    if (!isViewName(name)) {
      return context.text(`this agent has no view ${name}: it may be an older one\n`, 404);
    }
    const view = VIEWS[name];
    const only = context.req.query("name");
    const status = ports.status();
    const shown = only === undefined ? status : view.only(status, only);
    return context.req.header("accept") === "text/plain"
      ? context.text(view.text(shown, ports.now()))
      : context.json(view.json(shown));
  });
  app.all("/v1/:view", (context) => context.text("only GET and HEAD here\n", 405, { allow: "GET, HEAD" }));
  app.onError((error, context) => {
    if (!(error instanceof UnknownNameError)) throw error;
    return context.text(`${error.message}\n`, 404);
  });
  app.notFound((context) => context.text(`no ${context.req.method} ${context.req.path} here\n`, 404));
  return async (request, { credentials }) => await app.fetch(request, { credentials });
}
