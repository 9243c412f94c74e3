/**
 * The server of a node, whose answers can be made bad in any way: arguments NAME PORT. A line on standard input is how it
 * answers from then on. Writes `ready` once it listens.
 */

/** What it says while it is well. */
export const WELL = "fit and well";
/** How it answers. */
export const MANNERS = ["well", "errors", "hangs", "lies", "half-answers", "resets"] as const;
/** One of them. */
export type Manner = typeof MANNERS[number];

const encoder = new TextEncoder();

/** Serves until it is ended. */
async function main(name: string, port: number): Promise<void> {
  let manner: Manner = "well";
  const listener = Deno.listen({ hostname: "::", port });
  console.log("ready");
  void (async () => {
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      manner = MANNERS.find((each) => text.trim().endsWith(each)) ?? manner;
    }
  })();
  for await (const connection of listener) {
    void answer(connection, name, () => manner).catch(() => {}).finally(() => close(connection));
  }
}

async function answer(connection: Deno.TcpConn, name: string, manner: () => Manner): Promise<void> {
  // What has come and was not read makes the end of a connection a reset.
  if (manner() === "resets") return await new Promise((resolve) => setTimeout(resolve, 5));
  const buffer = new Uint8Array(4096);
  let request = "";
  while (!request.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) return;
    request += new TextDecoder().decode(buffer.subarray(0, count));
  }
  const body = request.startsWith("GET /healthz ") ? `${name} is ${WELL}\n` : `${name}\n`;
  switch (manner()) {
    case "well":
      return await write(connection, reply("200 OK", body));
    case "errors":
      return await write(connection, reply("503 Service Unavailable", "not now\n"));
    case "lies":
      return await write(connection, reply("200 OK", `${name} feels ill\n`));
    case "half-answers":
      return await write(connection, reply("200 OK", body).slice(0, -body.length + 1));
    case "hangs":
    case "resets":
      while (await connection.read(buffer) !== null) {
        // Until whoever asked has given up.
      }
  }
}

function reply(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}

async function write(connection: Deno.TcpConn, text: string): Promise<void> {
  const octets = encoder.encode(text);
  for (let sent = 0; sent < octets.length;) sent += await connection.write(octets.subarray(sent));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}

if (import.meta.main) await main(Deno.args[0] ?? "", Number(Deno.args[1]));
