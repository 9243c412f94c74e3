/** The read-only HTTP surface, page and data: Request in, Response out; what it says is taken from ports. */
import { Hono } from "hono";
import type { Status } from "../status/status.ts";
import { jsonInSteps } from "../text/json_steps.ts";
import type { Clock } from "../time/clock.ts";
import { inSlices } from "../time/steps.ts";
import type { Exposition } from "./exposition.ts";
import { StatusPage, type StatusPagePorts } from "./page/status_page.ts";

const JSON_TYPE = { "content-type": "application/json" } as const;

/** What the app shows. */
export interface HttpAppPorts extends StatusPagePorts {
  status(): Status | Promise<Status>;
  /** By which long answers are made in slices. */
  readonly clock: Clock;
  /** Prometheus text exposition. */
  metrics(): Promise<Exposition>;
  /** Answers with the stream of events that a request asks for. */
  events(request: Request): Response;
}

/** The app as one function from request to response. */
export function createHttpApp(ports: HttpAppPorts): (request: Request) => Promise<Response> {
  const app = new Hono();
  const page = new StatusPage(ports);
  app.get("/", (context) => page.answer(context.req.raw));
  app.get("/metrics", async (context) => {
    const { contentType, body } = await ports.metrics();
    return context.body(body, 200, { "content-type": contentType });
  });
  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    const missing = unannounced(await ports.status());
    return missing.length === 0
      ? context.text("ok\n")
      : context.text(missing.map((line) => `${line}\n`).join(""), 503);
  });
  app.get("/api/v1/status", async (context) => {
    const json = await inSlices(ports.clock, jsonInSteps(await ports.status()));
    return context.body(json, 200, JSON_TYPE);
  });
  app.get("/api/v1/events", (context) => ports.events(context.req.raw));
  // What is unexpected is the server's to tell, and not Hono's.
  app.onError((error) => {
    throw error;
  });
  app.notFound((context) =>
    context.text(
      `no ${context.req.path} here; try /, /metrics, /healthz, /readyz, /api/v1/status, /api/v1/events\n`,
      404,
    )
  );
  return async (request) => {
    if (request.method === "GET" || request.method === "HEAD") return await app.fetch(request);
    return new Response("read only: GET and HEAD\n", { status: 405, headers: { allow: "GET, HEAD" } });
  };
}

/**
 * A line for each enabled service that no peer has been sent though its health lets it be announced, as degraded, too; one
 * whose destinations failed is not healthy.
 */
function unannounced(status: Status): readonly string[] {
  const routes = status.services.flatMap((service) => service.routes.map((route) => ({ service, route })));
  return routes
    .filter(({ service, route }) =>
      service.enabled && route.peers.length === 0 &&
      (service.verdict === "healthy" || route.gates.some(({ degraded }) => degraded)) &&
      !route.gates.some(({ name, open }) => name === "quorum" && !open)
    )
    .map(({ service, route }) => `service ${service.name}: ${route.prefix} is not announced to any peer`);
}
