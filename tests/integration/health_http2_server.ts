/** A server that speaks nothing but HTTP/2, by the runtime's library; the path says what it answers. */
import assert from "node:assert/strict";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Certificate } from "./health_servers.ts";

/** By `:path`: `/STATUS`, or what the first part says with the text behind the question mark. */
export async function http2Server(
  { key, cert }: Pick<Certificate, "key" | "cert">,
): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Http2SecureServer = createSecureServer({ key, cert, allowHTTP1: false });
  server.on("stream", (stream, fields) => {
    const [path = "", query = ""] = (fields[":path"] ?? "").split("?");
    const text = decodeURIComponent(query);
    stream.on("error", () => {});
    switch (path) {
      case "/body":
        stream.respond({ ":status": 200 });
        return stream.end(text);
      case "/trailers":
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
        return stream.end(text);
      case "/filled": {
        const [length, words = ""] = text.split("&");
        stream.respond({ ":status": 200 });
        return stream.end("x".repeat(Number(length)) + words);
      }
      case "/compressed":
        stream.respond({ ":status": 200, "content-encoding": "br" });
        return stream.end("x");
      case "/asked":
        stream.respond({ ":status": 200 });
        return stream.end(
          `${fields[":method"]} ${fields[":authority"]} ${fields["x-probe"]} ${fields["user-agent"]}`,
        );
      default:
        return answerWithStatus(stream, Number(path.slice(1)));
    }
  });
  server.on("sessionError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const isOfTcp = (at: typeof address): at is AddressInfo => typeof at === "object" && at !== null;
  assert.ok(isOfTcp(address));
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function answerWithStatus(stream: ServerHttp2Stream, status: number): void {
  if (status === 103) stream.additionalHeaders({ ":status": 103 });
  stream.respond({
    ":status": status === 103 ? 200 : status,
    location: "/somewhere?else=1",
    "x-long": "y".repeat(20_000),
  });
  if (!stream.writableEnded) stream.end("body");
}
