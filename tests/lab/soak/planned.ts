/** Orders that must cost nobody anything: how each is given, and when it is over. */
import { addressesOf } from "../topology.ts";
import type { OrderName } from "../../soak/schedule.ts";
import { waitFor } from "../../support/until.ts";
import type { Host } from "../host.ts";
import { order, pause } from "./agent_surface.ts";
import { reloaded } from "./faults.ts";
import { LATE, SERVICES } from "./network.ts";
import type { Scene } from "./scene.ts";

const LIMIT_MS = 40_000;
/** What is ordered is watched so long when nothing else says that it is over. */
const CALM_MS = 3_000;

/** Gives the order, and waits until its effect is there and gone again. */
export async function carryOut(scene: Scene, host: Host, name: OrderName): Promise<void> {
  const { notes } = scene;
  switch (name) {
    case "calm":
      return await pause(CALM_MS);
    case "check-now":
      await order(host.socket, "check-now");
      return await pause(CALM_MS);
    case "drain": {
      const service = SERVICES[1];
      if (service === undefined) return;
      await order(host.socket, "drain", { services: [service.name], reason: "planned" });
      const end = notes.drained.begin({ host: host.name, service: service.name });
      await untilTold(scene, host, service.name, "down");
      await order(host.socket, "undrain", { services: [service.name] });
      return end();
    }
    case "reload-weights":
      host.rewrite(scene.launch(host, { weight: 3 }));
      await reloaded(host);
      await waitFor("the weights of the kernel", LIMIT_MS, async () => {
        return (await host.kernel()).ipvs.filter((line) => / -w 3$/.test(line)).length > 1;
      }, 300);
      host.rewrite(host.launch);
      return await reloaded(host);
    case "reload-service":
      host.rewrite(scene.launch(host, { late: true }));
      await reloaded(host);
      await waitFor(
        `${LATE.name} is announced`,
        LIMIT_MS,
        () => addressesOf(LATE).every((address) => scene.nextHops("r1", address).length > 0),
        100,
      );
      host.rewrite(host.launch);
      return await reloaded(host);
    case "handover":
      return await awayAndBack(scene, host, () => host.handOver(LIMIT_MS));
    case "stop":
      return await awayAndBack(scene, host, () => host.stopAgent(LIMIT_MS));
  }
  name satisfies never;
}

async function awayAndBack(scene: Scene, host: Host, leave: () => Promise<number>): Promise<void> {
  const end = scene.notes.away.begin({ host: host.name, how: "planned" });
  const status = await leave();
  if (status !== 0) throw new Error(`${host.name}: the agent ended with ${status}`);
  await scene.startAgent(host);
  end();
}

/** The journal says that the service has come to that phase. */
async function untilTold(scene: Scene, host: Host, service: string, phase: string): Promise<void> {
  const sinceMs = Date.now();
  await waitFor(
    `${service} of ${host.name} is ${phase}`,
    LIMIT_MS,
    () =>
      scene.notes.events.some((event) =>
        event.atMs >= sinceMs - 1_000 && event.host === host.name && event.kind === "phase" &&
        event.service === service && event.to === phase
      ),
    100,
  );
}
