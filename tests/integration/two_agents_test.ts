/** Two agents as processes in one network namespace: the second one refuses, and takes over once the first has ended, however. */
import assert from "node:assert/strict";
import { AgentProcess } from "../support/agent.ts";
import { NetworkNamespace } from "../support/namespace.ts";
import { ensurePackages } from "../support/setup.ts";

/** Manages IPVS, which this host need not have: no service has ports. */
function configText(folder: string, name: string): string {
  return JSON.stringify({
    log: { format: "text", level: "info" },
    http: { listen: "" },
    control: { socket: `${folder}/${name}.sock` },
    state: { directory: `${folder}/${name}` },
    network: { setup: false, ipvs: true },
    bgp: {
      local: { routerID: "10.0.0.1", as: 65512, listenPort: -1 },
      peers: [{ address: "127.0.0.2", as: 65512, port: 9 }],
    },
    services: [{ name: "web", addresses: ["10.99.0.1"] }],
  });
}

Deno.test("the second agent of a kernel names the first, and takes over after SIGKILL and after a handover", async () => {
  const { advice } = await ensurePackages(["iproute2"], console.log);
  assert.equal(advice, undefined);
  await using stack = new AsyncDisposableStack();
  const namespace = stack.use(await NetworkNamespace.create("two"));
  const folder = Deno.makeTempDirSync();
  stack.defer(() => Deno.removeSync(folder, { recursive: true }));
  const within = ["ip", "netns", "exec", namespace.name];
  const start = (name: string) => {
    const file = `${folder}/${name}.json`;
    Deno.writeTextFileSync(file, configText(folder, name));
    return stack.use(new AgentProcess(["--config", file], { within }));
  };
  const first = start("one");
  await first.said("running");
  const second = start("two");
  assert.equal((await second.exited).code, 3);
  assert.match(
    second.lines.join("\n"),
    new RegExp(`process ${first.pid} of user \\d+ manages .* already, and is running: stop it`),
  );
  first.signal("SIGKILL");
  await first.exited;
  const third = start("three");
  await third.said("running");
  third.signal("SIGUSR2");
  const fourth = start("four");
  await fourth.said("running");
  assert.equal((await third.exited).code, 0);
  fourth.signal("SIGTERM");
  assert.equal((await fourth.exited).code, 0);
});
