/** A check of each kind for every attack on it, and what each of them must say. */
import { within } from "../support/until.ts";
import type { Scripts } from "../support/scripts.ts";

/** Where the servers of hostile_servers.ts listen, by what they do. */
export type HostilePorts = Readonly<
  Record<"http" | "https" | "bodies" | "raw" | "udp", Readonly<Record<string, number>>>
>;

/** One check. */
export interface HostileCheck {
  readonly name: string;
  readonly check: Readonly<Record<string, unknown>>;
}

/** The servers, a process of their own. */
export async function startHostile(
  keyFile: string,
  certFile: string,
): Promise<AsyncDisposable & { readonly ports: HostilePorts }> {
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

/** Each kind against each server that it can meet, and this host's own. */
export function hostileChecks(ports: HostilePorts, scripts: Scripts): readonly HostileCheck[] {
  const of = (
    kind: string,
    attacks: Readonly<Record<string, number>>,
    check: Readonly<Record<string, unknown>>,
  ) =>
    Object.entries(attacks).map(([name, port]) => ({ name: `${kind}: ${name}`, check: { ...check, port } }));
  const https = { type: "http", scheme: "https", insecureSkipVerify: true };
  const dns = { type: "dns", name: "example.org" };
  return [
    ...of("http", ports.http, { type: "http" }),
    ...of("http", ports.raw, { type: "http" }),
    ...of("https", ports.https, https),
    ...of("https", ports.raw, https),
    ...of("body", ports.bodies, { type: "http", body: { contains: "well" } }),
    ...of("tcp", ports.raw, { type: "tcp", send: "PING\r\n", expect: "PONG" }),
    ...of("tls", ports.raw, { type: "tls", insecureSkipVerify: true }),
    ...of("grpc", ports.raw, { type: "grpc" }),
    ...of("grpcs", ports.https, { type: "grpc", tls: true, insecureSkipVerify: true }),
    ...of("dns tcp", ports.raw, { ...dns, protocol: "tcp" }),
    ...of("dns", ports.udp, dns),
    ...of("udp", ports.udp, { type: "udp", send: "x", expect: "PONG" }),
    ...programs(scripts).map(({ name, text }) => ({
      name: `exec: ${name}`,
      check: { type: "exec", command: [scripts.script(name.replaceAll(/\W/g, "-"), `#!/bin/sh\n${text}\n`)] },
    })),
    ...files(scripts),
  ];
}

function programs({ folder }: Scripts): readonly { readonly name: string; readonly text: string }[] {
  const noted = `echo $$ >> ${folder}/pids`;
  return [
    { name: "ignores SIGTERM", text: `trap '' TERM INT HUP; ${noted}; echo busy; while :; do sleep 1; done` },
    {
      name: "forks",
      text: `${noted}; for i in 1 2 3 4 5; do sleep 1000 & echo $! >> ${folder}/pids; done; wait`,
    },
    { name: "floods its pipe", text: `${noted}; exec cat /dev/zero` },
    { name: "floods and fails", text: "head -c 3000000 /dev/zero | tr '\\0' x; exit 3" },
    { name: "closes its output and lives on", text: `${noted}; exec >&- 2>&-; exec sleep 1000` },
    // It has left the group, and what it holds is not waited for.
    { name: "leaves a grandchild with its pipe", text: "setsid sleep 2 & echo left; exit 4" },
    { name: "ends by a signal", text: "kill -SEGV $$" },
  ];
}

function files({ folder }: Scripts): readonly HostileCheck[] {
  const fifo = `${folder}/fifo`;
  new Deno.Command("mkfifo", { args: [fifo] }).outputSync();
  const sparse = `${folder}/sparse`;
  using file = Deno.openSync(sparse, { create: true, write: true });
  file.truncateSync(2 ** 40);
  const contains = { type: "file", contains: "well" };
  const numbers = Object.entries({
    "0": "0",
    "-1": "-1",
    "a huge number": "99999999999999999999",
    "no pid": "4194304\r\n",
  });
  return [
    { name: "file: a FIFO", check: { ...contains, path: fifo } },
    { name: "file: a folder", check: { ...contains, path: folder } },
    { name: "file: a device", check: { ...contains, path: "/dev/zero" } },
    { name: "file: a terabyte", check: { ...contains, path: sparse } },
    { name: "process: a FIFO", check: { type: "process", pidFile: fifo } },
    { name: "process: a terabyte", check: { type: "process", pidFile: sparse } },
    ...numbers.map(([name, text], index) => {
      const pidFile = `${folder}/${index}.pid`;
      Deno.writeTextFileSync(pidFile, text);
      return { name: `process: ${name}`, check: { type: "process", pidFile, tripwire: true } };
    }),
    { name: "ping: nobody", check: { type: "ping", addresses: ["240.0.0.1"] } },
  ];
}

const TIMEOUT = "timed out after 2000 ms";
const TLS =
  "the answer is not TLS|connection (closed|reset)( within the TLS handshake)?|no version or cipher";
const FRAMES = `fail: (${TLS}|the answer is (not HTTP/2|longer than)|the server does not speak HTTP/2)`;
const HTTP_RAW = "fail: (the answer is not HTTP|the answer is too large)";

/** The result and its words, by kind and attack, or by kind alone: the beginning of what must be told. */
const WORDS: Readonly<Record<string, string>> = {
  "interim answers": "fail: more than 16 interim answers",
  "an endless header": "fail: the answer is too large: the head is longer than 65536 octets$",
  "an endless body": "pass: status 200$",
  "an endless status line": "fail: the answer is (too large|not HTTP)",
  "one octet at a time": `fail: (the answer (is too large|is longer|comes in more than)|${TIMEOUT})`,
  "one octet a second": `fail: ${TIMEOUT} waiting for the answer$`,
  "interim answers by HTTP/2": "fail: more than 16 interim answers",
  "endless SETTINGS": "fail: more than 32 SETTINGS and PING frames in one answer$",
  "endless PING": "fail: more than 32 SETTINGS and PING frames in one answer$",
  "an endless header by HTTP/2": "fail: the answer is (too large|longer)",
  "a header that unpacks to 48 MB": "fail: the answer is not HTTP/2",
  "nothing but zeros": "fail: the answer is not HTTP/2$",
  "DATA without end": "pass: status 200$",
  "empty DATA without end": "pass: status 200$",
  "endless handshake records": `fail: (${TLS}|${TIMEOUT} in the TLS handshake$)`,
  "http: silence": `fail: ${TIMEOUT} waiting for the answer$`,
  "http: garbage": HTTP_RAW,
  "http: garbage, and the end": HTTP_RAW,
  "http: zeros": HTTP_RAW,
  "http: a drip": HTTP_RAW,
  "http: a reset": "fail: connection (closed without an answer|reset)$",
  "http: the end at once": "fail: connection (closed without an answer|reset)$",
  "https: silence": `fail: ${TIMEOUT} in the TLS handshake$`,
  "tls: silence": `fail: ${TIMEOUT} in the TLS handshake$`,
  "https": `fail: (${TLS})`,
  "tls": `fail: (${TLS})`,
  "tcp: silence": `fail: ${TIMEOUT} waiting for "PONG", nothing came$`,
  "tcp: garbage":
    'fail: (the answer is longer than 65536 octets|the answer comes in more than 256 pieces) before "PONG" came, what came: octets 00c3',
  "tcp: garbage, and the end": 'fail: connection (closed|reset) before "PONG" came, what came: octets 1503',
  "tcp: zeros": 'fail: the answer (is longer|comes in more).* before "PONG" came, what came: octets 0000',
  "tcp: a drip": `fail: ${TIMEOUT} waiting for "PONG", what came: "y+"$`,
  "tcp": 'fail: connection (closed|reset) before "PONG" came, nothing came$',
  "grpc: silence": `fail: ${TIMEOUT} waiting for the answer$`,
  "grpc: a drip": `fail: (${TIMEOUT} waiting for the answer$|the answer is not HTTP/2)`,
  "grpc: a reset": "fail: connection (closed without an answer|reset)$",
  "grpc: the end at once": "fail: connection (closed without an answer|reset)$",
  "grpc": "fail: the answer is not HTTP/2",
  "grpcs: DATA without end": "fail: ",
  "grpcs: empty DATA without end": "fail: ",
  "grpcs: endless handshake records": `fail: (${TLS}|${TIMEOUT} in the TLS handshake$)`,
  "grpcs: interim answers by HTTP/2": "fail: ",
  "grpcs: endless SETTINGS": "fail: more than 32 SETTINGS and PING frames in one answer$",
  "grpcs: endless PING": "fail: more than 32 SETTINGS and PING frames in one answer$",
  "grpcs": FRAMES,
  "dns tcp: silence": `fail: ${TIMEOUT} waiting for the answer$`,
  "dns tcp": "fail: (an answer with another identifier|connection (closed|reset)|the answer)",
  "dns tcp: a drip": `fail: (${TIMEOUT} waiting for the answer|.)`,
  "dns: no datagram": `fail: ${TIMEOUT} waiting for the answer$`,
  "dns: an empty datagram": `fail: ${TIMEOUT} waiting for the answer, ignored 1 datagrams`,
  "dns":
    `fail: (${TIMEOUT} waiting for the answer, ignored [0-9]+ datagrams: [0-9]+ with another identifier|[0-9]+ datagrams)`,
  "udp: no datagram": `fail: ${TIMEOUT} waiting for "PONG", nothing came$`,
  "udp: a flood of datagrams": 'fail: 64 answers without "PONG", the last one: octets 8080',
  "udp": `fail: ${TIMEOUT} waiting for "PONG", what came: `,
  "exec: floods and fails": "fail: status 3: xxx",
  "exec: leaves a grandchild with its pipe": "fail: status 4: left$",
  "exec: ends by a signal": "fail: ended by SIGSEGV$",
  "exec": `fail: ${TIMEOUT} waiting for the program to end$`,
  "file: a folder": "fail: .* is a folder$",
  "file: a terabyte": 'fail: .* does not contain "well" in its first 64 KiB: it begins with ',
  "file": "fail: .* is no regular file$",
  "process: a FIFO": "fail: .* is no regular file$",
  "process: no pid": "fail: no process 4194304 runs, which ",
  "process": "fail: .* does not begin with a process's number \\(got ",
  "ping": "fail: .*240.0.0.1",
};

/** What bodies come to, as in health_hostile_test.ts. */
const BODIES: Readonly<Record<string, string>> = {
  "a body without end": "fail: status 200, but the body does not contain",
  "chunks without end": "fail: the answer (is longer than|comes in more)",
  "a chunk of a terabyte": "fail: status 200, but the body does not contain",
  "a length of a petabyte": "fail: status 200, but the body does not contain",
  "a bomb of gzip": "fail: status 200, but the body is compressed",
  "half a body, and a reset": "fail: connection (reset|closed within the body)$",
  "half a body, and silence": `fail: ${TIMEOUT} reading the body$`,
  "a body by the octet": `fail: (the answer comes in more than|status 200, but|${TIMEOUT})`,
};

/** What the check of this name must say. */
export function detailOf(name: string): RegExp {
  const [kind = "", attack = ""] = name.split(/: (.*)/);
  const plain = attack.replace(/ over TLS$/, "");
  const words = kind === "body"
    ? BODIES[attack] ?? "fail: the body cannot be read: a line of the chunked coding is too long"
    : WORDS[name] ?? (kind.startsWith("http") ? WORDS[plain] : undefined) ?? WORDS[kind] ?? "never";
  return new RegExp(`^${words}`);
}
