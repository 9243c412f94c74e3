/** The tripwire against real servers: that are killed, close what is idle, talk without being asked, or come back. */
import assert from "node:assert/strict";
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import { Check } from "../../src/health/check.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import { countedAllowance } from "../../src/health/kinds/allowance.ts";
import { systemClock } from "../../src/time/clock.ts";
import { httpCheckConfig } from "../support/config.ts";
import { Process } from "../support/process.ts";
import { until } from "../support/until.ts";
import { type Behaviour, Certificates, probePorts, RawServer } from "./health_servers.ts";

const HOUR_MS = 3_600_000;
const OK = new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

/** A check that nothing but its watch makes unhealthy in time. */
function run(overrides: Partial<HttpCheckConfig>): Check {
  const config = httpCheckConfig({
    intervalMs: HOUR_MS,
    fastIntervalMs: HOUR_MS,
    timeoutMs: 5000,
    tripwire: true,
    ...overrides,
  });
  const slots = countedAllowance(() => 10, countedAllowance(() => 10));
  const check = new Check({
    name: "http-1",
    config,
    probe: createProbe(config, probePorts({ slots })),
    clock: systemClock,
    target: { type: "service", service: "web" },
  });
  check.start();
  return check;
}

/** Answers who asks, and closes connections on which nobody has within this time. */
function keeping(idleMs?: number): Behaviour {
  return async (connection) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      if (idleMs !== undefined) timer = setTimeout(() => resolve(null), idleMs);
    });
    const count = await Promise.race([connection.read(new Uint8Array(4096)).catch(() => null), late]);
    clearTimeout(timer);
    if (count !== null) await connection.write(OK);
  };
}

Deno.test("Check finds out by its watch that the server is gone, an hour before its beat, and is watched again", async () => {
  const server = new RawServer(keeping());
  const { port } = server;
  using check = run({ port });
  await until(() => server.accepted === 2 && server.open.size === 1);
  assert.equal(check.status().verdict, "healthy");
  await server[Symbol.asyncDispose]();
  await until(() => check.status().verdict === "unhealthy");
  assert.equal(check.status().cause, "connection refused");
  assert.equal(check.status().failures, 1);
  await using again = new RawServer(keeping(), { port });
  check.probeNow();
  await until(() => again.accepted === 2 && check.status().watch?.sinceMs !== undefined);
});

const ANSWERS = "() => new Response('ok')";

for (const scheme of ["http", "https"] as const) {
  Deno.test(`Check by ${scheme} finds out by its watch that a process was killed, and says nothing of one that stands still`, async () => {
    await using certificates = new Certificates();
    const { key, cert } = scheme === "https" ? await certificates.selfSigned() : { key: "", cert: "" };
    const options = JSON.stringify({ hostname: "127.0.0.1", port: 0, ...key === "" ? {} : { key, cert } });
    const program = `Deno.serve({ ...${options}, onListen: ({ port }) => console.log(port) }, ${ANSWERS})`;
    let port = 0;
    await using backend = new Process({
      command: Deno.execPath(),
      args: ["run", "--no-prompt", "--allow-net", `data:text/javascript,${encodeURIComponent(program)}`],
      onLine: ({ text }) => port ||= Number(text),
    });
    await until(() => port > 0);
    using check = run({ port, scheme, insecureSkipVerify: scheme === "https", timeoutMs: 60_000 });
    await until(() => check.status().watch?.sinceMs !== undefined);
    Deno.kill(backend.pid, "SIGSTOP");
    check.trip();
    await until(() => check.status().inFlight === 1);
    assert.deepEqual([check.status().watch?.trips, check.status().verdict], [0, "healthy"]);
    Deno.kill(backend.pid, "SIGCONT");
    await until(() => check.status().inFlight === 0);
    assert.equal(check.status().verdict, "healthy");
    Deno.kill(backend.pid, "SIGKILL");
    await until(() => check.status().verdict === "unhealthy");
    assert.equal(check.status().watch?.trips, 1);
  });
}

Deno.test("Check does not flap, nor probe oftener, where the server closes idle connections sooner than its beat", async () => {
  await using server = new RawServer(keeping(60));
  using check = run({ port: server.port, intervalMs: 200, fastIntervalMs: 200 });
  await until(() => check.status().watch?.lifetimeMs !== undefined);
  const { passes, watch } = check.status();
  await until(() => check.status().passes >= passes + 5);
  assert.equal(check.status().watch?.trips, watch?.trips, "it is learned");
  assert.equal(watch?.trips, 2);
  assert.equal(check.status().failures, 0);
});

/** Sends for ever, whoever asks for nothing. */
async function chatter(connection: Deno.Conn): Promise<void> {
  for (const octets = new Uint8Array(4096).fill(0x78);;) await connection.write(octets);
}

Deno.test("Check whose server sends without end on an idle connection drops that, and is probed once more", async () => {
  const behaviour: Behaviour = (connection) => {
    return server.accepted === 2 ? chatter(connection) : keeping()(connection);
  };
  await using server = new RawServer(behaviour);
  using check = run({ port: server.port });
  await until(() => check.status().passes === 2);
  const { verdict, watch, inFlight } = check.status();
  assert.deepEqual([verdict, watch?.trips, inFlight], ["healthy", 1, 0]);
  assert.match(watch?.lastTrip?.reason ?? "", /longer than 65536 octets|pieces/);
  await until(() => server.open.size === 0);
});
