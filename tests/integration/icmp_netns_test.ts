/** Echo requests by raw and by ping sockets between network namespaces, with every way not to be answered. Needs root. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { ERRNO, ErrnoError } from "../../ffi/errno.ts";
import { Datagrams } from "../../ffi/datagrams.ts";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import type { Icmp } from "../../src/health/kinds/icmp.ts";
import { IcmpEchoer } from "../../src/icmp/echoer.ts";
import { splitIPv4 } from "../../src/icmp/packet.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";
import type { Datagrams as DatagramPort, DatagramSocket } from "../../src/net/sockets.ts";
import { systemClock } from "../../src/time/clock.ts";
import { withoutLeak } from "../support/descriptors.ts";
import { canMakeNamespaces, NetworkNamespace } from "../support/namespace.ts";
import { until, within } from "../support/until.ts";

const privileged = await canMakeNamespaces();
const ECHO_REQUEST = 8;
const LIMIT_MS = 60_000;
/** How long to wait for an echo that comes. */
const PATIENT_MS = 30_000;
const never = () => new AbortController().signal;

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

/** us (10.9.0.1, fd09::1) - router (.2, and 10.9.1.2, fd09:1::2) - far (10.9.1.1, fd09:1::1). */
async function chain(stack: AsyncDisposableStack) {
  const us = stack.use(await NetworkNamespace.create("us"));
  const router = stack.use(await NetworkNamespace.create("router"));
  const far = stack.use(await NetworkNamespace.create("far"));
  await us.ip("link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", router.name);
  await far.ip("link", "add", "va", "type", "veth", "peer", "name", "vc", "netns", router.name);
  await router.sysctl("net.ipv4.ip_forward", "1");
  await router.sysctl("net.ipv6.conf.all.forwarding", "1");
  const rows = [[us, "va", "0", "1"], [router, "vb", "0", "2"], [router, "vc", "1", "2"], [
    far,
    "va",
    "1",
    "1",
  ]] as const;
  for (const [namespace, device, network, host] of rows) {
    // The kernel's own link-local address would only be usable after duplicate address detection, and a router asks for
    // its neighbours from that address: it may give them up before.
    await namespace.ip("link", "set", device, "addrgenmode", "none", "up");
    await namespace.ip("addr", "add", `fe80::${device === "vc" ? "c" : host}/64`, "dev", device, "nodad");
    await namespace.ip("addr", "add", `10.9.${network}.${host}/24`, "dev", device);
    await namespace.ip("addr", "add", `fd09:${network}::${host}/64`, "dev", device, "nodad");
  }
  for (const [namespace, network] of [[us, "0"], [far, "1"]] as const) {
    await namespace.ip("route", "add", "default", "via", `10.9.${network}.2`);
    await namespace.ip("-6", "route", "add", "default", "via", `fd09:${network}::2`);
  }
  await router.ip("route", "add", "unreachable", "10.66.0.0/24");
  await router.ip("route", "add", "prohibit", "10.66.1.0/24");
  await router.ip("-6", "route", "add", "unreachable", "fd66::/64");
  await router.ip("-6", "route", "add", "prohibit", "fd66:1::/64");
  await router.ip("route", "add", "blackhole", "10.67.0.0/24");
  await router.ip("-6", "route", "add", "blackhole", "fd67::/64");
  return { us, router, far };
}

for (const kind of ["raw", "ping"] as const) {
  Deno.test({
    name: `IcmpEchoer by ${kind} sockets answers, fails or times out as the network does (RFC 792, 4443)`,
    ignore: !privileged,
    async fn(t) {
      await using stack = new AsyncDisposableStack();
      const { us, router, far } = await chain(stack);
      if (kind === "ping") await us.sysctl("net.ipv4.ping_group_range", "0 2147483647");
      await withoutLeak(async () => {
        using libc = openLibc();
        await using reactor = new Reactor(libc);
        const sockets = new Sockets(libc, reactor);
        using echoer = new IcmpEchoer(opensInside(us, sockets, kind), systemClock);
        const icmp: Icmp = echoer;
        const step = (name: string, body: () => Promise<void>) =>
          t.step(name, () => within(body(), name, LIMIT_MS));

        for (const at of ["10.9.0.2", "10.9.1.1", "127.0.0.1", "fd09:0::2", "fd09:1::1", "::1"]) {
          await step(`${at} answers`, async () => {
            const { rttMs } = await icmp.echo(address(at), { timeoutMs: PATIENT_MS, signal: never() });
            assert.ok(rttMs > 0 && rttMs < PATIENT_MS, String(rttMs));
            assert.equal(echoer.kind(address(at).family), kind);
          });
        }

        const failing = [
          ["10.66.0.1", /^host unreachable, says 10\.9\.0\.2$/],
          ["10.66.1.1", /^communication administratively prohibited, says 10\.9\.0\.2$/],
          ["fd66::1", /^no route to destination, says fd09::2$/],
          ["fd66:1::1", /^communication administratively prohibited, says fd09::2$/],
          ["10.67.0.1", /^no echo reply within 100 ms$/],
          ["fd67::1", /^no echo reply within 100 ms$/],
        ] as const;
        for (const [at, message] of failing) {
          await step(`${at} fails: ${message.source}`, async () => {
            const timeoutMs = message.source.includes("100 ms") ? 100 : PATIENT_MS;
            await assert.rejects(icmp.echo(address(at), { timeoutMs, signal: never() }), { message });
          });
        }

        for (
          const [at, source, back] of [["10.9.1.1", "10.9.5.5", "10.9.0.1"], [
            "fd09:1::1",
            "fd09:5::5",
            "fd09::1",
          ]] as const
        ) {
          await step(`${at} answers to ${source}, an address that comes and goes`, async () => {
            const echo = (from: Address | undefined, timeoutMs = PATIENT_MS) =>
              icmp.echo(address(at), { timeoutMs, source: from, signal: never() });
            const own = address(source);
            const change = async (verb: "add" | "del") => {
              await us.ip(
                "addr",
                verb,
                source,
                "dev",
                "va",
                ...(verb === "add" && own.family === 6 ? ["nodad"] : []),
              );
            };
            await router.ip("route", "add", source, "via", back);
            await assert.rejects(echo(own), { code: "EADDRNOTAVAIL" });
            await change("add");
            await Promise.all([echo(own), echo(undefined), echo(own)]);
            await change("del");
            await assert.rejects(echo(own), { code: "EADDRNOTAVAIL" });
            await change("add");
            await echo(own);
            // The answer goes to the source, and there is no way back to that one.
            await router.ip("route", "replace", "blackhole", source);
            await assert.rejects(echo(own, 100), { message: "no echo reply within 100 ms" });
            await echo(undefined);
          });
        }

        await step("a router on the way says that the TTL ran out", async () => {
          await us.sysctl("net.ipv4.ip_default_ttl", "1");
          await us.sysctl("net.ipv6.conf.va.hop_limit", "1");
          const rows = [
            ["10.9.1.1", "TTL exceeded in transit, says 10.9.0.2"],
            ["fd09:1::1", "hop limit exceeded in transit, says fd09::2"],
          ] as const;
          for (const [at, message] of rows) {
            await assert.rejects(icmp.echo(address(at), { timeoutMs: PATIENT_MS, signal: never() }), {
              message,
            });
          }
          await us.sysctl("net.ipv4.ip_default_ttl", "64");
          await us.sysctl("net.ipv6.conf.va.hop_limit", "64");
        });

        await step("many at once are told apart, answered and failed", async () => {
          const targets = ["10.9.0.2", "10.9.1.1", "fd09:1::1", "10.67.0.1", "fd09::2"];
          const echoes = Array.from({ length: 300 }, (_, index) => targets[index % targets.length] ?? "");
          const results = await Promise.allSettled(
            echoes.map((at) =>
              icmp.echo(address(at), { timeoutMs: at === "10.67.0.1" ? 500 : PATIENT_MS, signal: never() })
            ),
          );
          results.forEach((result, index) => {
            assert.equal(
              result.status,
              echoes[index] === "10.67.0.1" ? "rejected" : "fulfilled",
              `${echoes[index]}`,
            );
          });
        });

        await step("an abort ends it with its reason, before and while it waits", async () => {
          const reason = new Error("stopping");
          const controller = new AbortController();
          const waiting = icmp.echo(address("10.67.0.1"), {
            timeoutMs: PATIENT_MS,
            signal: controller.signal,
          });
          const rejected = assert.rejects(waiting, (error) => error === reason);
          controller.abort(reason);
          await rejected;
          const late = icmp.echo(address("10.9.0.2"), { timeoutMs: PATIENT_MS, signal: controller.signal });
          await assert.rejects(late, (error) => error === reason);
          const other = new AbortController();
          await icmp.echo(address("10.9.0.2"), { timeoutMs: PATIENT_MS, signal: other.signal });
          assert.equal(getEventListeners(other.signal, "abort").length, 0);
        });

        await step("nothing but the true reply of the host is taken for it", async () => {
          await far.sysctl("net.ipv4.icmp_echo_ignore_all", "1");
          using farHand = far.inside(() => new Hand(new Datagrams(sockets)));
          using routerHand = router.inside(() => new Hand(new Datagrams(sockets)));
          const echo = (timeoutMs: number) => icmp.echo(address("10.9.1.1"), { timeoutMs, signal: never() });
          await assert.rejects(echo(20), { message: "no echo reply within 20 ms" });
          const late = await farHand.next();

          let answered = false;
          const answer = echo(PATIENT_MS).then(() => answered = true);
          const request = await farHand.next();
          const reply = replyTo(request);
          farHand.send(replyTo(late));
          farHand.send(withOctet(replyTo(request), 20, 1, "checksum too"));
          farHand.send(withOctet(reply, 20, 1, "octet alone"));
          farHand.send(reply.slice(0, 20));
          farHand.send(reply.slice(0, 7));
          farHand.send(withOctet(reply, 5, 1, "checksum too"));
          routerHand.send(reply);
          farHand.send(unreachable(request, "10.9.1.99"));
          farHand.send(withOctet(unreachable(request, "10.9.1.1"), 28 + 7, 1, "checksum too"));
          // Packets are handled in order, so an answer by the router comes after all of those.
          await icmp.echo(address("10.9.0.2"), { timeoutMs: PATIENT_MS, signal: never() });
          assert.equal(answered, false);
          farHand.send(reply);
          await answer;

          const refused = assert.rejects(echo(PATIENT_MS), { message: "host unreachable, says 10.9.1.1" });
          farHand.send(unreachable(await farHand.next(), "10.9.1.1"));
          await refused;
        });

        await step("the reactor is left alone between echoes", async () => {
          assert.equal(reactor.size, 0);
          await Promise.resolve();
        });

        await step("disposing fails what is under way", async () => {
          const waiting = icmp.echo(address("10.67.0.1"), { timeoutMs: PATIENT_MS, signal: never() });
          const rejected = assert.rejects(waiting, { message: "the ICMP socket is closed" });
          echoer[Symbol.dispose]();
          await rejected;
        });
      });
    },
  });
}

Deno.test({
  name: "IcmpEchoer names both ways to be allowed where neither is (icmp(7), capabilities(7))",
  ignore: !privileged,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const us = stack.use(await NetworkNamespace.create("us"));
    await us.sysctl("net.ipv4.ping_group_range", "1 0");
    using libc = openLibc();
    await using reactor = new Reactor(libc);
    using echoer = new IcmpEchoer(opensInside(us, new Sockets(libc, reactor), "ping"), systemClock);
    for (const at of ["127.0.0.1", "::1"]) {
      await assert.rejects(echoer.echo(address(at), { timeoutMs: 100, signal: never() }), {
        message: /no ICMP socket: raw: .*EPERM.*CAP_NET_RAW; ping: .*EACCES.*net\.ipv4\.ping_group_range/,
      });
    }
  },
});

/** Receives echo requests and sends any message, by hand. */
class Hand implements Disposable {
  readonly #socket: DatagramSocket;

  constructor(datagrams: Datagrams) {
    this.#socket = datagrams.open({ family: 4, kind: "icmp", icmpTypes: [ECHO_REQUEST] });
  }

  /** The next echo request, without IP header. */
  async next(): Promise<Uint8Array> {
    let packet: ReturnType<typeof splitIPv4>;
    await until(() => {
      const datagram = this.#socket.receive();
      packet = datagram && splitIPv4(datagram.octets);
      return datagram !== undefined;
    });
    assert.ok(packet !== undefined);
    return packet.payload.slice();
  }

  send(message: Uint8Array<ArrayBuffer>): void {
    assert.ok(this.#socket.send(message, { address: address("10.9.0.1"), port: 0, scopeId: 0 }));
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** The reply to a request. */
function replyTo(request: Uint8Array): Uint8Array<ArrayBuffer> {
  const reply = Uint8Array.from(request);
  reply[0] = 0;
  return withChecksum(reply);
}

/** What a router says of a request that was going to `to`. */
function unreachable(request: Uint8Array, to: string): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(20);
  header.set([0x45, 0, 0, 20 + request.byteLength, 0, 0, 0, 0, 64, 1]);
  header.set(address("10.9.0.1").bytes, 12);
  header.set(address(to).bytes, 16);
  return withChecksum(Uint8Array.from([3, 1, 0, 0, 0, 0, 0, 0, ...header, ...request]));
}

/** The message with one octet changed by `difference`, its checksum set right or left wrong. */
function withOctet(
  message: Uint8Array,
  offset: number,
  difference: number,
  how: "checksum too" | "octet alone",
): Uint8Array<ArrayBuffer> {
  const changed = Uint8Array.from(message);
  changed[offset] = ((changed[offset] ?? 0) + difference) & 0xff;
  return how === "checksum too" ? withChecksum(changed) : changed;
}

function withChecksum(message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(message.buffer);
  view.setUint16(2, 0);
  let sum = 0;
  for (let offset = 0; offset + 1 < message.byteLength; offset += 2) sum += view.getUint16(offset);
  view.setUint16(2, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return message;
}

/** Opens in `namespace`; for ping sockets raw ones are refused as they are without CAP_NET_RAW. */
function opensInside(namespace: NetworkNamespace, sockets: Sockets, kind: "raw" | "ping"): DatagramPort {
  const datagrams: DatagramPort = new Datagrams(sockets);
  return {
    open(options) {
      if (kind === "ping" && options.kind === "icmp") throw new ErrnoError("socket", ERRNO.EPERM);
      return namespace.inside(() => datagrams.open(options));
    },
  };
}
