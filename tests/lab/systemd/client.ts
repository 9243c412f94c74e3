/**
 * Clients of the service on the router's side: one connection that is used again and again, and a new one each time. What
 * fails is written to the file that is named, a line each; a round that goes well adds a dot to the other one.
 */
const [failures = "", rounds = ""] = Deno.args;
const SERVICE = { hostname: "10.99.0.1", port: 80 };
const PAUSE_MS = 200;
const PATIENCE_MS = 5_000;

async function echoed(connection: Deno.Conn, word: string): Promise<void> {
  await connection.write(new TextEncoder().encode(word));
  const answer = new Uint8Array(16);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("no answer")), PATIENCE_MS);
  try {
    const length = await Promise.race([connection.read(answer), late.promise]);
    if (new TextDecoder().decode(answer.subarray(0, length ?? 0)) !== word) throw new Error("another answer");
  } finally {
    clearTimeout(timer);
  }
}

async function attempt(what: string, action: () => Promise<void>): Promise<void> {
  await action().catch((error) => Deno.writeTextFile(failures, `${what}: ${error}\n`, { append: true }));
}

await Deno.writeTextFile(failures, "");
const standing = await Deno.connect(SERVICE);
for (;;) {
  await attempt("standing connection", () => echoed(standing, "standing"));
  await attempt("new connection", async () => {
    using connection = await Deno.connect(SERVICE);
    await echoed(connection, "new");
  });
  await Deno.writeTextFile(rounds, ".", { append: true });
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
