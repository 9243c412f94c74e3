/** Backends that answer as nobody should (S4, S8): each is one verdict within bounds, and nothing else is late for it. */
import assert from "node:assert/strict";
import { Check } from "../../src/health/check.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import type { StreamSocket } from "../../src/net/sockets.ts";
import { systemClock } from "../../src/time/clock.ts";
import { httpCheckConfig } from "../support/config.ts";
import { liveOctets } from "../support/live_memory.ts";
import { until, within } from "../support/until.ts";
import { answer, Certificates, probePorts, RawServer } from "./health_servers.ts";

/** What the servers are, and what a probe of each comes to. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  "interim answers": /^more than 16 interim answers/,
  "an endless header": /^the answer is too large: the head is longer than 65536 octets$/,
  "an endless body": /^status 200$/,
  "an endless status line": /^the answer is (too large|not HTTP)/,
  "one octet at a time": /^the answer (is too large|is longer|comes in more than)/,
  "one octet a second": /^timed out after 1000 ms /,
  "interim answers by HTTP/2": /^more than 16 interim answers/,
  "endless SETTINGS": /^more than 32 SETTINGS and PING frames in one answer$/,
  "endless PING": /^more than 32 SETTINGS and PING frames in one answer$/,
  "an endless header by HTTP/2": /^the answer is (too large|longer)/,
  "a header that unpacks to 48 MB": /^the answer is not HTTP\/2/,
  "nothing but zeros": /^the answer is not HTTP\/2$/,
  "DATA without end": /^status 200$/,
  "empty DATA without end": /^status 200$/,
  "endless handshake records": /./,
};
/** More than any answer may have, with what the runtime had read ahead. */
const OCTETS = 196_608 + 65_536;
const PIECES = 1025;
const ROUNDS = 5;
/** What never ends is cut off after a second; all else may take what a busy machine takes. */
const TIMEOUT_MS = { endless: 1000, all: 20_000 } as const;
const ENDLESS = /^(one octet a second|endless handshake records|half a body, and silence)/;
const GROWTH_OCTETS = 8 * 2 ** 20;

interface Ports {
  readonly http: Readonly<Record<string, number>>;
  readonly https: Readonly<Record<string, number>>;
  readonly bodies: Readonly<Record<string, number>>;
}

const LACKING = /^status 200, but the body does not contain "well" in its first 64 KiB/;
const TOO_LONG = "the body cannot be read: a line of the chunked coding is too long";
/** The same of checks that read bodies; by HTTP/2 too. */
const EXPECTED_BODIES: Readonly<Record<string, RegExp>> = {
  "a body without end": LACKING,
  "chunks without end": /^the answer is longer than 196608 octets$/,
  "an extension of a chunk without end": new RegExp(TOO_LONG),
  "trailers without end": new RegExp(TOO_LONG),
  "a chunk's size without end": new RegExp(TOO_LONG),
  "a chunk of a terabyte": LACKING,
  "a length of a petabyte": LACKING,
  "a bomb of gzip": /^status 200, but the body is compressed \(gzip\), though identity was asked for$/,
  "half a body, and a reset": /^connection (reset|closed within the body)$/,
  "half a body, and silence": /^timed out after 1000 ms reading the body$/,
  "a body by the octet": /^the answer comes in more than 1024 pieces$|in its first 64 KiB/,
  "DATA without end": LACKING,
  "empty DATA without end": /^the answer is longer than \d+ octets$/,
};

async function startHostile(
  keyFile: string,
  certFile: string,
): Promise<AsyncDisposable & { readonly ports: Ports }> {
  const script = new URL("../support/hostile_servers.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net", "--allow-read", script, keyFile, certFile],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const line = await within(reader.read(), "the hostile servers");
  return {
    ports: JSON.parse(line.value ?? "{}"),
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}

/** Streams that keep how much was read of each connection. */
function countingStreams() {
  const real = denoStreams();
  const most = { octets: 0, pieces: 0 };
  return {
    most,
    streams: {
      ...real,
      async connect(...args: Parameters<typeof real.connect>): Promise<StreamSocket> {
        const socket = await real.connect(...args);
        let [octets, pieces] = [0, 0];
        return {
          local: socket.local,
          remote: socket.remote,
          async read() {
            const piece = await socket.read();
            most.octets = Math.max(most.octets, octets += piece?.byteLength ?? 0);
            most.pieces = Math.max(most.pieces, ++pieces);
            return piece;
          },
          write: (sent) => socket.write(sent),
          end: (limitMs) => socket.end(limitMs),
          [Symbol.dispose]: () => socket[Symbol.dispose](),
        };
      },
    },
  };
}

/** A check of a hostile backend. */
interface Row {
  readonly name: string;
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly body?: { readonly contains: string };
}

function headRows({ http, https }: Ports): readonly Row[] {
  return [
    ...Object.entries(http).map(([name, port]) => ({ name, port, scheme: "http" as const })),
    ...Object.entries(https).map(([name, port]) => ({ name, port, scheme: "https" as const })),
  ];
}

function bodyRows({ bodies, https }: Ports): readonly Row[] {
  const body = { contains: "well" };
  return [
    ...Object.entries(bodies).map(([name, port]) => ({ name, port, scheme: "http" as const, body })),
    ...["DATA without end", "empty DATA without end"].map((name) => {
      return { name, port: https[name] ?? assert.fail(name), scheme: "https" as const, body };
    }),
  ];
}

Deno.test("Check of hostile backends: one verdict each, octets and pieces bounded, memory flat, others on time (S4)", () =>
  meet(headRows, EXPECTED, 21));

Deno.test("Check of hostile bodies: one verdict each, octets and pieces bounded, memory flat, others on time (S4)", () =>
  meet(bodyRows, EXPECTED_BODIES, 13));

async function meet(
  rowsOf: (ports: Ports) => readonly Row[],
  expected: Readonly<Record<string, RegExp>>,
  count: number,
): Promise<void> {
  await using certificates = new Certificates();
  const { certFile } = await certificates.selfSigned();
  await using hostile = await startHostile(certFile.replace(/pem$/, "key"), certFile);
  await using good = new RawServer(answer("HTTP/1.1 200 OK\r\n\r\n"));
  const { most, streams } = countingStreams();
  const ports = probePorts({ streams });
  const rows = rowsOf(hostile.ports);
  assert.equal(rows.length, count);
  using stack = new DisposableStack();
  const details: [name: string, detail: string][] = [];
  const start = (name: string, config: Partial<Parameters<typeof httpCheckConfig>[0]>, index: number) => {
    const checked = httpCheckConfig({
      intervalMs: 500,
      ...config,
      timeoutMs: ENDLESS.test(name) ? TIMEOUT_MS.endless : TIMEOUT_MS.all,
      rise: 1,
      fall: 1,
    });
    const check = new Check({
      name,
      target: { type: "service", service: "web" },
      config: checked,
      probe: createProbe(checked, ports),
      clock: systemClock,
      spread: { index, count: rows.length },
      // Where this machine is so busy that the process stands still, a probe says nothing, and should not.
      onResult: ({ kind, detail }) => kind === "unknown" || details.push([name, detail]),
    });
    stack.use(check).start();
    return check;
  };
  const literal = start("good", { port: good.port, intervalMs: 100 }, 0);
  const checks = rows.map(({ name, ...row }, index) => {
    return start(name, { ...row, insecureSkipVerify: row.scheme === "https" }, index);
  });
  const results = (check: Check) => check.status().passes + check.status().failures;
  await until(() => checks.every((check) => results(check) >= 1));
  const before = liveOctets();
  const [passesBefore] = [literal.status().passes];
  const behind = () =>
    checks.filter((check) => results(check) < ROUNDS)
      .map((check) => `${check.name}: ${JSON.stringify(check.status().lastResult)}`).join("; ");
  await until(() => checks.every((check) => results(check) >= ROUNDS), behind);
  for (const check of checks) {
    const words = expected[check.name.replace(/ over TLS$/, "")] ?? /^never$/;
    for (const [name, detail] of details) if (name === check.name) assert.match(detail, words, name);
    assert.equal(check.status().fault, undefined, check.name);
  }
  assert.ok(most.octets <= OCTETS, `${most.octets} octets of one answer`);
  assert.ok(most.pieces <= PIECES, `${most.pieces} pieces of one answer`);
  const growth = liveOctets() - before;
  assert.ok(growth < GROWTH_OCTETS, `${growth} octets more`);
  const { verdict, failures, passes } = literal.status();
  assert.deepEqual([verdict, failures], ["healthy", 0]);
  assert.ok(passes > passesBefore + ROUNDS, `${passes} passes of the good one`);
}
