// Clients who mean harm, or know no better, against the agent as a process: another client is answered all the while.
import assert from "node:assert/strict";
import { askControl } from "../../src/control/client.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { systemClock } from "../../src/time/clock.ts";
import { AgentProcess } from "../support/agent.ts";
import { runOrThrow } from "../support/process.ts";
import { freePort } from "../support/raw_peer.ts";
import { within } from "../support/until.ts";

const ports = { streams: denoStreams(), clock: systemClock };
const GET = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
const encode = (text: string) => new TextEncoder().encode(text);

/** An agent with HTTP and a control socket, and clients of them that are closed at the end. */
class Scene implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly socket = `${this.#folder}/run/control.sock`;
  readonly agent: AgentProcess;
  readonly #clients: Deno.Conn[] = [];
  readonly #pouring: Promise<unknown>[] = [];

  constructor(readonly port: number, maxDescriptors?: number) {
    const file = `${this.#folder}/config.json`;
    Deno.writeTextFileSync(
      file,
      JSON.stringify({
        network: { setup: false },
        http: { listen: `127.0.0.1:${this.port}` },
        control: { socket: this.socket },
        bgp: {
          local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
          peers: [{ name: "tor-1", address: "127.0.0.2", as: 65512, port: 9 }],
        },
        services: [{ name: "web", addresses: ["10.99.0.1"] }],
      }),
    );
    this.agent = new AgentProcess(["--config", file], maxDescriptors === undefined ? {} : { maxDescriptors });
  }

  static async running(maxDescriptors?: number): Promise<Scene> {
    const scene = new Scene(await freePort(), maxDescriptors);
    await scene.agent.said('"running"');
    return scene;
  }

  async connect(): Promise<Deno.Conn> {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    this.#clients.push(client);
    return client;
  }

  connectControl(): Promise<Deno.Conn> {
    return Deno.connect({ transport: "unix", path: this.socket }).then((client) => {
      this.#clients.push(client);
      return client;
    });
  }

  /** Sends twice what may never be read; it is over when the agent is. */
  pour(client: Deno.Conn, octets: Uint8Array): void {
    this.#pouring.push(client.write(octets).then(() => client.write(octets)).catch(() => {}));
  }

  /** A good client of HTTP, and one of the control socket. */
  async answers(): Promise<void> {
    const response = await within(fetch(`http://127.0.0.1:${this.port}/healthz`), "an answer over HTTP");
    assert.deepEqual([response.status, await response.text()], [200, "ok\n"]);
    const answer = await askControl({ path: this.socket, target: "/v1/status", accept: "text/plain" }, ports);
    assert.equal(answer.status, 200);
  }

  async residentOctets(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/metrics`);
    const [, octets] = /^process_resident_memory_bytes (\S+)$/m.exec(await response.text()) ?? [];
    return Number(octets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) {
      try {
        client.close();
      } catch {
        // Read to its end, it is closed.
      }
    }
    await this.agent[Symbol.asyncDispose]();
    await Promise.all(this.#pouring);
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** All that comes until the end, or until the connection is reset. */
async function textOf(client: Deno.Conn): Promise<string> {
  let text = "";
  try {
    for await (const octets of client.readable) text += new TextDecoder().decode(octets);
  } catch {
    // Reset: what came before is what counts.
  }
  return text;
}

Deno.test("2,000 idle clients of each server keep nobody from an answer, and cost a bounded number of descriptors", async () => {
  await using scene = await Scene.running();
  await scene.answers();
  const before = await scene.residentOctets();
  for (let index = 0; index < 2000; index++) {
    await scene.connect();
    await scene.connectControl();
    if (index % 400 === 0) await scene.answers();
  }
  await scene.answers();
  const open = (await runOrThrow("ls", [`/proc/${scene.agent.pid}/fd`])).trim().split("\n").length;
  assert.ok(open < 350, `${open} descriptors`);
  const grown = await scene.residentOctets() - before;
  assert.ok(grown < 48e6, `${grown} octets more`);
  assert.doesNotMatch(scene.agent.lines.join("\n"), /"error"|unexpected/);
});

Deno.test("clients who drip, never read, send garbage ahead, or a head of 100 MB keep nobody from an answer", async () => {
  await using scene = await Scene.running();
  const dripping = await Promise.all(Array.from({ length: 100 }, () => scene.connect()));
  for (const client of dripping) await client.write(encode("GET /metrics HTTP/1.1\r\nHost: 127.0"));
  // Their requests come faster than the agent could be read.
  const flood = encode(GET.repeat(100));
  const deaf = await Promise.all(Array.from({ length: 20 }, () => scene.connect()));
  for (const client of deaf) scene.pour(client, flood);
  await scene.answers();
  // Where this took long they have been sent away.
  for (const client of dripping) await client.write(encode(".")).catch(() => {});

  const garbage = await scene.connect();
  await garbage.write(encode(`${GET}${GET}\x00\x01 nonsense\r\n\r\n${GET}`));
  const answers = await within(textOf(garbage), "the answers before the garbage");
  assert.deepEqual(answers.match(/^HTTP\/1\.1 \d+/gm), ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 400"]);

  const before = await scene.residentOctets();
  const endless = await scene.connect();
  await endless.write(encode("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"));
  const line = encode(`x: ${"y".repeat(60_000)}\r\n`);
  const sending = (async () => {
    for (let sent = 0; sent < 100e6; sent += line.length) await endless.write(line);
  })().catch(() => {});
  assert.match(await within(textOf(endless), "an answer to the endless head"), /^(HTTP\/1\.1 431 |$)/);
  await sending;
  await scene.answers();
  const grown = await scene.residentOctets() - before;
  assert.ok(grown < 48e6, `${grown} octets more`);
  assert.doesNotMatch(scene.agent.lines.join("\n"), /"error"|unexpected/);
});

Deno.test("where descriptors are few that is said at the start, clients beyond are sent away, and everybody is answered again (faults.md S5)", async () => {
  await using scene = await Scene.running(64);
  await scene.answers();
  const clients: Deno.Conn[] = [];
  for (let index = 0; index < 200; index++) {
    clients.push(await scene.connect());
    if (index % 40 === 0) await scene.answers();
  }
  assert.match(await scene.agent.said("this process may have 64 open files"), /LimitNOFILE/);
  await scene.answers();
  await scene.answers();
  assert.ok(scene.agent.lines.filter((line) => line.includes("cannot be accepted")).length < 20);
  assert.doesNotMatch(scene.agent.lines.join("\n"), /"error"|unexpected/);
  scene.agent.signal("SIGTERM");
  assert.equal((await scene.agent.exited).code, 0);
});

Deno.test("Host chooses neither the path nor whether a stranger's page may read, and HEAD is GET without its body (faults.md S13)", async () => {
  await using scene = await Scene.running();
  const ask = async (request: string) => {
    const client = await scene.connect();
    await client.write(encode(request));
    await client.closeWrite();
    return await within(textOf(client), request);
  };
  assert.match(await ask("GET /healthz HTTP/1.1\r\nHost: x/metrics?\r\n\r\n"), /^HTTP\/1\.1 421 /);
  assert.match(
    await ask("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    /^HTTP\/1\.1 421 .*rebinding/s,
  );
  assert.match(await ask("GET /healthz HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await ask("GET /healthz HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 .*ok\n$/s);
  assert.match(
    await ask(`GET /healthz HTTP/1.1\r\nHost: ${Deno.hostname()}\r\n\r\n`),
    /^HTTP\/1\.1 200 .*ok\n$/s,
  );
  assert.match(
    await ask("HEAD /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n"),
    /^HTTP\/1\.1 200 .*content-length: 3\r\n\r\n$/s,
  );
  assert.match(
    await ask("DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    /^HTTP\/1\.1 405 .*allow: GET, HEAD/s,
  );
  assert.match(await ask("GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"), /^HTTP\/1\.1 404 /);
});

Deno.test("a port that somebody has is no reason not to run, and is had when they have gone (faults.md S9)", async () => {
  const holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using scene = new Scene(holder.addr.port);
  await scene.agent.said('"running"');
  await scene.agent.said("http.listen: cannot listen on");
  holder.close();
  await scene.agent.said("http.listen: listening on");
  await scene.answers();
});
