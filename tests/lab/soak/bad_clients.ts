/** Clients of the agent's HTTP that are many, slow, hung or half gone. */
import type { Host } from "../host.ts";
import { pause } from "./agent_surface.ts";
import { HTTP_PORT, httpAddress } from "./network.ts";
import type { Scene } from "./scene.ts";

/** How they are. */
export type Manner = "scraper" | "hung" | "half-open";

const HOW_MANY = 20;
const PATHS = ["/metrics", "/", "/api/v1/status", "/readyz", "/healthz"] as const;

/** They begin now; what is given back ends them. */
export function badClients(_scene: Scene, { node }: Host, manner: Manner): () => Promise<void> {
  const hostname = httpAddress(node);
  const over = new AbortController();
  const clients = Array.from(
    { length: manner === "scraper" ? 1 : HOW_MANY },
    (_, index) =>
      one(hostname, manner, index, over.signal).catch(() => {
        // What becomes of them is no concern of theirs.
      }),
  );
  return async () => {
    over.abort();
    await Promise.all(clients);
  };
}

async function one(hostname: string, manner: Manner, index: number, over: AbortSignal): Promise<void> {
  if (manner === "scraper") {
    for (let count = 0; !over.aborted; count++) {
      const url = `http://${hostname}:${HTTP_PORT}${PATHS[count % PATHS.length]}`;
      await fetch(url, { signal: over }).then((response) => response.arrayBuffer()).catch(() => {});
      await pause(200, over);
    }
    return;
  }
  // Whoever names another host is refused at once.
  const host = `host: ${hostname}:${HTTP_PORT}`;
  using connection = await Deno.connect({ hostname, port: HTTP_PORT });
  const request = manner === "hung"
    ? `GET ${index % 2 === 0 ? "/api/v1/events" : "/api/v1/status"} HTTP/1.1\r\n${host}\r\n\r\n`
    // Half a request, and a connection of which one side is closed.
    : index % 2 === 0
    ? "GET /met"
    : `GET /metrics HTTP/1.1\r\n${host}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  if (manner === "half-open" && index % 2 === 1) await connection.closeWrite();
  // Nothing is ever read.
  await pause(60_000, over);
}
