/** A real gRPC server with the health service, in this process. */
import assert from "node:assert/strict";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** The definition of grpc.health.v1.Health. @throws where the file has none */
function healthService(): grpc.ServiceDefinition {
  const file = loadSync("tests/support/health.proto", { enums: String, defaults: true });
  let found: unknown = grpc.loadPackageDefinition(file);
  for (const name of ["grpc", "health", "v1", "Health"]) found = Reflect.get(Object(found), name);
  const service: unknown = Reflect.get(Object(found), "service");
  assert.ok(isDefinition(service));
  return service;
}

function isDefinition(value: unknown): value is grpc.ServiceDefinition {
  return typeof value === "object" && value !== null && "Check" in value;
}

/** A server that runs. */
export interface GrpcServer extends AsyncDisposable {
  readonly port: number;
  /** What it was asked, in order. */
  readonly asked: readonly unknown[];
  /** Ends at once, with its connections. */
  shutDown(): void;
}

/** A real server, of whose services some serve and some do not. */
export async function startGrpcServer(
  { hostname = "127.0.0.1", withHealth = true } = {},
): Promise<GrpcServer> {
  const server = new grpc.Server();
  const asked: unknown[] = [];
  const check: grpc.handleUnaryCall<{ service: string }, { status: string }> = (call, done) => {
    const { service } = call.request;
    asked.push({ service, authority: call.getHost(), deadline: Number(call.getDeadline()) < Infinity });
    const status = new Map([["", "SERVING"], ["shop", "SERVING"], ["bin", "NOT_SERVING"]]).get(service);
    if (status !== undefined) return done(null, { status });
    done({ code: grpc.status.NOT_FOUND, details: "unknown service: ünbekannt" });
  };
  if (withHealth) server.addService(healthService(), { Check: check });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(
      `${hostname.includes(":") ? `[${hostname}]` : hostname}:0`,
      grpc.ServerCredentials.createInsecure(),
      (error, port) => error === null ? resolve(port) : reject(error),
    )
  );
  return {
    port,
    asked,
    shutDown: () => server.forceShutdown(),
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    },
  };
}
