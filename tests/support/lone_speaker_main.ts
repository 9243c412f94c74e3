/**
 * A speaker in a process of its own: its own namespace, its own limits. `lone_speaker_main.ts JSON` prints its events as
 * JSON lines; "exhaust" on standard input takes every descriptor that is left, "release" gives them back, "count" counts those in use.
 */
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { denoTransport } from "./deno_transport.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig } from "./bgp.ts";

/** What such a speaker is told. */
export interface LoneSpeaker {
  readonly adapter: "deno" | "ffi";
  readonly port: number;
  readonly listen: readonly string[];
  readonly peers: readonly { readonly name: string; readonly address: string; readonly zone?: string }[];
}

/** The line that says that it runs. */
export type LoneEvent = SpeakerEvent | { readonly type: "running" } | { readonly type: "exhausted" } | {
  readonly type: "descriptors";
  readonly count: number;
};

function print(event: LoneEvent): void {
  console.log(JSON.stringify(event));
}

function transportOf(adapter: LoneSpeaker["adapter"]): Transport {
  if (adapter === "deno") return denoTransport();
  const libc = openLibc();
  return socketTransport(new Sockets(libc, new Reactor(libc)));
}

async function main({ adapter, port, listen, peers }: LoneSpeaker): Promise<void> {
  const speaker = new Speaker({
    local: localBgp({ listenPort: port, listenAddresses: listen.map(address) }),
    peers: peers.map(({ name, address: at, zone }) =>
      peerConfig({ name, address: address(at), zone, passive: true })
    ),
    transport: transportOf(adapter),
    clock: systemClock,
    random: Math.random,
    onEvent: print,
  });
  speaker.start();
  print({ type: "running" });
  const taken: Deno.FsFile[] = [];
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const command of text.trim().split("\n")) {
      if (command === "release") { for (const file of taken.splice(0)) file.close(); }
      if (command === "count") {
        print({ type: "descriptors", count: [...Deno.readDirSync("/proc/self/fd")].length });
      }
      if (command !== "exhaust") continue;
      try {
        for (;;) taken.push(Deno.openSync("/dev/null"));
      } catch {
        print({ type: "exhausted" });
      }
    }
  }
  Deno.exit(0);
}

if (import.meta.main) {
  const options: LoneSpeaker = JSON.parse(Deno.args[0] ?? "{}");
  await main(options);
}
