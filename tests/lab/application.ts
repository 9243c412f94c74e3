/**
 * The web application of a load-balancer host: answers every request with the host's name. To make it hang, stop the
 * process (SIGSTOP): the kernel goes on accepting connections for it and nothing ever answers.
 * Arguments: NAME ADDRESS PORT. Writes `ready` once it listens.
 */

const [name = "", hostname = "0.0.0.0", port = "0"] = Deno.args;

Deno.serve({
  hostname,
  port: Number(port),
  onListen: (address) => void Deno.stdout.write(new TextEncoder().encode(`ready ${address.port}\n`)),
}, () => new Response(`${name}\n`, { headers: { "content-type": "text/plain", "connection": "close" } }));
