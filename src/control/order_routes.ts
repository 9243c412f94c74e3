/**
 * The orders of the control socket: `POST /v1/drain`, `undrain`, `reload`, `check-now`, `handover` with a body of JSON, and
 * `GET /v1/progress`. Whoever accepts `application/x-ndjson` gets the progress of a drain, undrain or reload as a stream
 * behind the answer. What is refused is refused whole, as `{"error": SENTENCE}`.
 */
import { Hono } from "hono";
import { UnknownNameError } from "../status/views.ts";
import type { PeerCredentials } from "../net/sockets.ts";
import type { Parsed } from "../text/parsed.ts";
import type { Clock } from "../time/clock.ts";
import { NDJSON } from "./line_stream.ts";
import { readDrain, readNothing, readSelection } from "./order_body.ts";
import { BusyError, type Orders, type Requester, type Selection } from "./orders.ts";
import { progressStream } from "./progress_stream.ts";

/** What of a request its connection knows, for Hono's `env`. */
export interface ControlBindings {
  readonly Bindings: { readonly credentials: PeerCredentials | undefined };
}

/** What orders need. */
export interface OrderPorts {
  readonly orders: Orders;
  readonly clock: Clock;
}

/** So many watch at once; an order beyond is followed all the same, and answered without a stream. */
export const MAX_PROGRESS_STREAMS = 8;
const ALL: Selection = { services: [] };

/** An order as it is answered: its answer, and of what there is progress to be told. */
interface Outcome {
  readonly answer: unknown;
  readonly progressOf?: Selection;
}

/** One order: how its body is read, and what is done. */
interface OrderRow {
  carryOut(body: unknown, orders: Orders, by: Requester | undefined): Outcome | Promise<Outcome>;
}

const ORDERS: Readonly<Record<string, OrderRow>> = {
  drain: order(readDrain, async (drain, orders, by) => {
    return { answer: await orders.drain(drain, by), progressOf: { services: drain.services } };
  }),
  undrain: order(readSelection, async (selection, orders, by) => {
    return { answer: await orders.undrain(selection, by), progressOf: selection };
  }),
  "check-now": order(readSelection, (selection, orders, by) => {
    return { answer: orders.checkNow(selection, by) };
  }),
  reload: order(readNothing, async (_nothing, orders, by) => {
    const answer = await orders.reload(by);
    return answer.result === "invalid" ? { answer } : { answer, progressOf: ALL };
  }),
  handover: order(readNothing, (_nothing, orders, by) => {
    orders.handover(by);
    return { answer: { result: "handing over" } };
  }),
};

/** Something about the request itself will not do. */
class RequestError extends Error {
  constructor(readonly status: 400 | 415 | 503, message: string) {
    super(message);
  }
}

/** The routes of orders. */
export function orderRoutes({ orders, clock }: OrderPorts): Hono<ControlBindings> {
  const app = new Hono<ControlBindings>();
  let streams = 0;

  const stream = (request: Request, selection: Selection, answer?: unknown): Response => {
    streams++;
    const { signal } = request;
    const body = progressStream({ orders, selection, answer, clock, signal, onEnd: () => streams-- });
    // That it is chunked tells the server to send it as it comes.
    return new Response(body, { headers: { "content-type": NDJSON, "transfer-encoding": "chunked" } });
  };

  for (const [name, row] of Object.entries(ORDERS)) {
    app.post(`/v1/${name}`, async (context) => {
      const request = context.req.raw;
      const body = await bodyOf(request);
      const { answer, progressOf } = await row.carryOut(body, orders, context.env.credentials);
      const watched = progressOf !== undefined && wantsStream(request) && streams < MAX_PROGRESS_STREAMS;
      return watched ? stream(request, progressOf, answer) : context.json(answer);
    });
    app.all(`/v1/${name}`, (context) => {
      return context.json({ error: `${name} is an order: only POST here` }, 405, { allow: "POST" });
    });
  }
  app.get("/v1/progress", (context) => {
    const selection = { services: context.req.queries("service") ?? [] };
    // Whether there are such services is asked first: of a stream nobody could be told.
    const progress = orders.progress(selection);
    if (!wantsStream(context.req.raw)) return context.json(progress);
    if (streams >= MAX_PROGRESS_STREAMS) {
      throw new RequestError(503, `${streams} clients are being told of progress, more are not`);
    }
    return stream(context.req.raw, selection);
  });
  app.onError((error, context) => {
    const { message } = error;
    if (error instanceof UnknownNameError) return context.json({ error: message }, 404);
    if (error instanceof BusyError) return context.json({ error: message }, 409);
    if (error instanceof RequestError) return context.json({ error: message }, error.status);
    throw error;
  });
  return app;
}

function order<Body>(
  read: (body: unknown) => Parsed<Body>,
  carryOut: (body: Body, orders: Orders, by: Requester | undefined) => Outcome | Promise<Outcome>,
): OrderRow {
  return {
    carryOut(body, orders, by) {
      const parsed = read(body);
      if ("problem" in parsed) throw new RequestError(400, parsed.problem);
      return carryOut(parsed.value, orders, by);
    },
  };
}

/** @throws {RequestError} */
async function bodyOf(request: Request): Promise<unknown> {
  const [type = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") {
    throw new RequestError(415, "the body of an order is JSON: content-type must be application/json");
  }
  const octets = await request.arrayBuffer();
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(octets));
  } catch {
    throw new RequestError(400, "the body is no JSON; an order that says nothing more has the body {}");
  }
}

function wantsStream({ headers }: Request): boolean {
  return (headers.get("accept") ?? "").split(",").some((each) => each.split(";")[0]?.trim() === NDJSON);
}
