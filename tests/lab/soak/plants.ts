/**
 * Violations that are made on purpose, `--plant=NAME`: one for each invariant, unnoted, so that the soak is seen to find it.
 * They are done in the second round, but for the last one.
 */
import { runOrThrow } from "../../support/process.ts";
import { pause } from "./agent_surface.ts";
import { badClients } from "./bad_clients.ts";
import { launchWith } from "../host.ts";
import { reloaded } from "./faults.ts";
import { soakConfig, soakTopology } from "./network.ts";
import type { Scene } from "./scene.ts";

/** When a plant is done: before the orders of a round, during one, or after the last stop. */
export type PlantMoment = "before orders" | "in an order" | "after the stop";

/** One plant. What it does is over when it resolves, but for what must last. */
export interface Plant {
  readonly moment: PlantMoment;
  plant(scene: Scene): Promise<void>;
}

/** Longer than any bound of a route. */
const LONG_MS = 16_000;

/** By name. */
export const PLANTS: Readonly<Record<string, Plant>> = {
  /** An agent that checks nothing announces what nobody serves. */
  unserved: {
    moment: "before orders",
    async plant(scene) {
      const host = first(scene);
      await withService(scene, { checks: [] }, async () => {
        const end = scene.notes.broken.begin({ node: host.name, how: "errors" });
        await scene.server(host.name).behave("errors");
        await pause(LONG_MS);
        await scene.server(host.name).behave("well");
        end();
      });
    },
  },
  /** A service that is switched off, and nobody noted that it was ordered. */
  unannounced: {
    moment: "before orders",
    plant: (scene) => withService(scene, { enabled: false }, () => pause(LONG_MS)),
  },
  foreign: {
    moment: "before orders",
    async plant(scene) {
      await runOrThrow("ip", ["-n", first(scene).name, "addr", "del", "192.0.2.7/24", "dev", "foreign0"]);
      await pause(4_000);
    },
  },
  lost: {
    moment: "in an order",
    async plant(scene) {
      await scene.server(first(scene).name).behave("errors");
      await pause(1_000);
      await scene.server(first(scene).name).behave("well");
    },
  },
  /** Clients that stay for good. */
  grown: {
    moment: "before orders",
    plant(scene) {
      for (let count = 0; count < 3; count++) badClients(scene, first(scene), "hung");
      return Promise.resolve();
    },
  },
  /** An event that the reader did not get. */
  causeless: {
    moment: "before orders",
    async plant(scene) {
      await pause(1_000);
      const { events } = scene.notes;
      events.splice(events.findLastIndex(({ host }) => host === first(scene).name) - 1, 1);
    },
  },
  left: {
    moment: "after the stop",
    async plant(scene) {
      const lines = "link add name left type dummy\nlink set left alias bgp-lb:left\n";
      await runOrThrow("ip", ["-n", first(scene).name, "-batch", "-"], { input: lines });
    },
  },
};

function first(scene: Scene): Scene["hosts"][number] {
  const [host] = scene.hosts;
  if (host === undefined) throw new Error("there is no host");
  return host;
}

/** Does `work` while the first service of the first host is configured otherwise. */
async function withService(
  scene: Scene,
  change: Readonly<Record<string, unknown>>,
  work: () => Promise<void>,
): Promise<void> {
  const host = first(scene);
  const config = soakConfig(soakTopology, host.node, scene.folder);
  const services = config.services.map((service, index) => index === 0 ? { ...service, ...change } : service);
  host.rewrite(launchWith({ ...config, services }));
  await reloaded(host);
  await work();
  host.rewrite(host.launch);
  await reloaded(host);
}
