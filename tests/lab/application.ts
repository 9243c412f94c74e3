/**
 * The web application of a load-balancer host: answers every request with the host's name, and a download with a pattern
 * on a beat, so that it lasts; a datagram with the name and what was in it. To make it hang, stop the process (SIGSTOP): the kernel goes on accepting connections for
 * it and nothing ever answers. Arguments: NAME ADDRESS PORT [ADDRESS]…, the last ones for datagrams. Writes `ready` once it
 * listens.
 */
import { BEAT_MS, BEAT_OCTETS, DOWNLOAD_PATH, pattern } from "./pattern.ts";

const [name = "", hostname = "0.0.0.0", port = "0", ...datagrams] = Deno.args;

// An answer must come from the address that was asked, so each one has a socket of its own.
for (const address of datagrams) {
  answerDatagrams(Deno.listenDatagram({ transport: "udp", hostname: address, port: Number(port) }));
}

Deno.serve({
  hostname,
  port: Number(port),
  onListen: (address) => void Deno.stdout.write(new TextEncoder().encode(`ready ${address.port}\n`)),
}, (request, { remoteAddr }) => {
  const { pathname } = new URL(request.url);
  const headers = { "content-type": "text/plain", "connection": "close", "x-host": name };
  if (!pathname.startsWith(DOWNLOAD_PATH)) {
    return new Response(`${name}\n${remoteAddr.hostname}\n`, { headers });
  }
  return answerDownload(Number(pathname.slice(DOWNLOAD_PATH.length)), headers);
});

async function answerDatagrams(socket: Deno.DatagramConn): Promise<void> {
  for await (const [octets, from] of socket) {
    const answer = `${name} ${new TextDecoder().decode(octets)}`;
    // Whoever asked may have gone already.
    await socket.send(new TextEncoder().encode(answer), from).catch(() => {});
  }
}

/** The application's answer: so many octets of the pattern, a few on each beat. */
function answerDownload(octets: number, headers: Readonly<Record<string, string>>): Response {
  let sent = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { promise, resolve } = Promise.withResolvers<void>();
      timer = setTimeout(() => {
        const length = Math.min(BEAT_OCTETS, octets - sent);
        controller.enqueue(pattern(sent, length));
        sent += length;
        if (sent >= octets) controller.close();
        resolve();
      }, BEAT_MS);
      return promise;
    },
    cancel: () => clearTimeout(timer),
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { ...headers, "content-length": `${octets}` } });
}
