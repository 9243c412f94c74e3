/**
 * What a router does to the agent of `bfd_agent_bench.ts`: OURS THEIRS PORT SETTLE. It answers HTTP at PORT, has a BGP session
 * with THEIRS, and after SETTLE seconds pours 1,000,000 prefixes into it, again and again, until it is ended.
 */
import { flood } from "../support/raw_flood.ts";
import { connectRaw, keepalive, open } from "../support/raw_peer.ts";

const PREFIXES = 1_000_000;
const HOLD_TIME = 240;
const ATTEMPTS = 100;

const [ours = "", theirs = "", port = "", settle = ""] = Deno.args;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
Deno.serve({ hostname: ours, port: Number(port), onListen() {} }, () => new Response(null));

async function establish() {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const peer = await connectRaw(ours, theirs, 179);
      await peer.establish(open({ holdTime: HOLD_TIME }));
      return peer;
    } catch {
      await pause(200);
    }
  }
  throw new Error("no session");
}

const peer = await establish();
setInterval(() => peer.send(keepalive()), 10_000);
const octets = flood(PREFIXES);
await pause(Number(settle) * 1000);
while (peer.ended === undefined) await peer.pour(octets);
