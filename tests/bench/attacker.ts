/**
 * A process that attacks, so that whoever measures is not busy with it: attacker.ts KIND [ARGUMENT]…; a server prints its
 * port. It goes on until it is ended.
 */
import { connect, createServer, type Socket } from "node:net";

/** What connects gets octets for as long as it reads them. */
function endless(head: string, octets: string): void {
  const chunk = new TextEncoder().encode(octets.repeat(Math.ceil(16_384 / octets.length)));
  const server = createServer((socket) => {
    const pour = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("error", () => {});
    socket.on("drain", pour);
    socket.write(head);
    pour();
  });
  server.listen(0, "127.0.0.1", () => {
    const at = server.address();
    if (at !== null && typeof at === "object") console.log(at.port);
  });
}

/** Keeps `count` connections open, made `atOnce` at a time and made again when they end. */
function occupy(local: string, host: string, port: number, count: number, atOnce: number): void {
  let open = 0;
  let connecting = 0;
  const more = () => {
    while (connecting < atOnce && open + connecting < count) {
      connecting++;
      let connected = false;
      const socket: Socket = connect({ host, port, localAddress: local, noDelay: true });
      socket.on("connect", () => {
        connected = true;
        connecting--;
        open++;
        more();
      });
      socket.on("error", () => {});
      socket.on("data", () => {});
      socket.on("close", () => {
        if (connected) open--;
        else connecting--;
        // Not at once: an attacker that is refused must not spin.
        setTimeout(more, 10);
      });
    }
  };
  more();
}

/** Connects and resets, over and over. */
function knock(local: string, host: string, port: number, atOnce: number): void {
  const once = () => {
    const socket = connect({ host, port, localAddress: local }, () => socket.resetAndDestroy());
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(once, 0));
  };
  for (let each = 0; each < atOnce; each++) once();
}

/** Addresses of the loopback interface come and go, a few hundred at a time. */
async function churn(): Promise<void> {
  const lines = (verb: string) =>
    Array.from({ length: 500 }, (_, index) => `addr ${verb} 10.200.${index >> 8}.${index & 255}/32 dev lo\n`);
  const batch = new TextEncoder().encode([...lines("add"), ...lines("del")].join(""));
  for (;;) {
    const child = new Deno.Command("ip", {
      args: ["-force", "-batch", "-"],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(batch).catch(() => {});
    await writer.close().catch(() => {});
    await child.status;
  }
}

if (import.meta.main) {
  const [kind = "", local = "", host = "", port = "0", count = "0"] = Deno.args;
  switch (kind) {
    case "interim":
      endless("", "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n");
      break;
    case "headers":
      endless("HTTP/1.1 200 OK\r\n", `X-Flood: ${"x".repeat(60)}\r\n`);
      break;
    case "body":
      endless("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", "x");
      break;
    case "occupy":
      occupy(local, host, Number(port), Number(count), 200);
      break;
    case "knock":
      knock(local, host, Number(port), 50);
      break;
    case "churn":
      await churn();
      break;
    default:
      throw new Error(`no attack ${kind}`);
  }
}
