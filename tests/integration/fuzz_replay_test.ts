/** What tcpdump and BIRD themselves write of a session is replayed whole: a capture, and MRT files of messages and of a table. */
import assert from "node:assert/strict";
import { replay } from "../fuzz/replay/replay.ts";
import { address, manyRoutes } from "../support/bgp.ts";
import { Bird } from "../support/bird.ts";
import { interopNamespaces, OURS, OurSpeaker, ROUTER, ROUTER_AS } from "../support/interop.ts";
import { ensurePackages } from "../support/setup.ts";
import { eventually, until } from "../support/until.ts";

const ROUTES = 3000;

Deno.test("replay() finds every message of a session in what tcpdump and BIRD wrote of it", async () => {
  const { advice } = await ensurePackages(["iproute2", "bird2", "tcpdump"], console.log);
  assert.equal(advice, undefined);
  await using stack = new AsyncDisposableStack();
  const namespaces = stack.use(await interopNamespaces(0));
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const prefix = ["ip", "netns", "exec", namespaces.b.name];
  const capture = `${folder}/session.pcap`;
  const [command = "", ...args] = [
    ...prefix,
    "tcpdump",
    "-i",
    "vb",
    "-U",
    "-Z",
    "root",
    "-w",
    capture,
    "tcp",
  ];
  const tcpdump = new Deno.Command(command, { args, stdout: "null", stderr: "piped" }).spawn();
  const said = tcpdump.stderr.getReader();
  await said.read();
  const bird = stack.use(
    await Bird.start(
      `router id ${ROUTER[4]}; protocol device {}
       mrtdump "${folder}/messages.mrt"; mrtdump protocols { messages, states };
       protocol bgp lb {
         local ${ROUTER[4]} as ${ROUTER_AS}; neighbor ${OURS[4]} as 65001; passive on;
         ipv4 { import all; export none; };
       }`,
      prefix,
    ),
  );
  const ours = stack.use(new OurSpeaker(namespaces, { peers: [{ localAddress: address(OURS[4]) }] }));
  ours.speaker.announce(manyRoutes(ROUTES));
  ours.speaker.start();
  await ours.established();
  await bird.awaits("show route count", `${ROUTES} of ${ROUTES} routes`);
  await bird.ask(`mrt dump table "master4" to "${folder}/table.mrt"`);
  await ours.speaker.stop({ mode: "shutdown", communication: "the end" });
  await bird.awaits("show route count", "0 of 0 routes");

  const outcomesOf = async (name: string) => {
    const { outcomes, oddities, failures } = await replay((await Deno.open(`${folder}/${name}`)).readable);
    assert.deepEqual([oddities, failures], [[], []], name);
    return outcomes;
  };
  const isWhole = (outcomes: ReadonlyMap<string, number>) => (outcomes.get("NOTIFICATION") ?? 0) > 0;
  const captured = await eventually(() => outcomesOf("session.pcap"), isWhole, "the end in the capture");
  tcpdump.kill("SIGTERM");
  await tcpdump.status;
  await said.cancel();
  assert.equal(captured.get("OPEN"), 2);
  assert.ok((captured.get("UPDATE") ?? 0) > 2);
  const messages = await eventually(() => outcomesOf("messages.mrt"), isWhole, "the end in BIRD's file");
  // BIRD writes what it receives.
  assert.equal(messages.get("OPEN"), 1);
  const updates = messages.get("UPDATE") ?? 0;
  assert.ok(updates > 2 && updates <= (captured.get("UPDATE") ?? 0), `${updates}`);
  const table = await outcomesOf("table.mrt");
  assert.equal(table.get("UPDATE"), ROUTES);
  await until(() => ours.status().state !== "Established", () => ours.status().state);
});
