/** What a probe of kind tcp, udp or grpc must find, in words. */
import assert from "node:assert/strict";
import { expectationOf } from "../../src/status/expectation.ts";
import { grpcCheckConfig, tcpCheckConfig, udpCheckConfig } from "../support/config.ts";

const octets = (text: string) => new TextEncoder().encode(text);

for (
  const [check, words] of [
    [tcpCheckConfig(), "127.0.0.1:8080 accepts a TCP connection within 1s"],
    [tcpCheckConfig({ address: "::1", expect: octets("220 ") }), '[::1]:8080 says "220 " within 1s'],
    [
      tcpCheckConfig({ send: octets("PING\r\n"), expect: octets("+PONG") }),
      String.raw`127.0.0.1:8080 answers "PING\r\n" with "+PONG" within 1s`,
    ],
    [udpCheckConfig(), "127.0.0.1:8080 by UDP does not refuse octets 00"],
    [udpCheckConfig({ expect: octets("y") }), '127.0.0.1:8080 by UDP answers octets 00 with "y" within 1s'],
    [grpcCheckConfig(), "127.0.0.1:8080 answers SERVING by gRPC within 1s"],
    [
      grpcCheckConfig({ service: "shop", tls: true }),
      "127.0.0.1:8080 answers SERVING for shop by gRPC over TLS within 1s",
    ],
  ] as const
) {
  Deno.test(`expectationOf() is: ${words}`, () => assert.equal(expectationOf(check), words));
}
