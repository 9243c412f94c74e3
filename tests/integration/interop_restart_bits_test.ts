/**
 * What BIRD, FRR and GoBGP read in the OPENs of an announce-only agent about a restart (RFC 4724 4.1): R and F are said of what
 * is known of the process before, and of nothing else (faults B8).
 */
import assert from "node:assert/strict";
import { seal, unseal } from "../../src/bytes/sealed.ts";
import { LOCALS, RestartScene, type RunningAgent, SESSIONS } from "../support/restart_scene.ts";
import { RouteWatch } from "../support/route_watch.ts";
import { eventually } from "../support/until.ts";

const ROUTES = ["10.99.20.1/32", "2001:db8:20::1/128"] as const;
const [IPV4] = ROUTES;

/** R and the families with F, as each of the three shows them; `-` where neither is set. */
const READERS: readonly ((words: string) => string)[] = [
  (words) => {
    const theirs = words.slice(words.indexOf("Neighbor capabilities"));
    const preserved = /AF preserved:(.*)/.exec(theirs)?.[1] ?? "";
    return bits(theirs.includes("Restart recovery"), preserved.includes("ipv4"), preserved.includes("ipv6"));
  },
  (words) => {
    const text = words.replaceAll(/\s/g, "");
    const preserved = (family: string) => text.includes(`"${family}Unicast":{"fBit":true`);
    return bits(text.includes('"rBit":true'), preserved("ipv4"), preserved("ipv6"));
  },
  (words) => {
    const theirs = /Remote: restart time[^\n]*\n((\s+ipv.*\n)*)/.exec(words)?.[0] ?? "";
    const preserved = (family: string) => theirs.includes(`${family}-unicast, forward flag set`);
    return bits(theirs.includes("restart flag set"), preserved("ipv4"), preserved("ipv6"));
  },
];

function bits(restarting: boolean, ipv4: boolean, ipv6: boolean): string {
  return `${restarting ? "R " : ""}${ipv4 ? "4" : ""}${ipv6 ? "6" : ""}`.trim() || "-";
}

Deno.test("BIRD, FRR and GoBGP are told of a restart what is known of it (RFC 4724 4.1, faults B8)", async (t) => {
  await using scene = await RestartScene.open();
  const state = `${scene.folder}/state`;
  const record = `${state}/sessions`;
  const both = await scene.configure({ services: [ROUTES], state });
  const four = await scene.configure({ services: [[IPV4]], state });
  // GoBGP 3.10 keeps routes by the graceful restart of the session before that one.
  const [bird] = LOCALS;
  const without = await scene.configure({ services: [ROUTES], state, without: [bird] });

  let agent: RunningAgent | undefined;
  const end = async (signal: Deno.Signal) => {
    agent?.process.signal(signal);
    await agent?.process.exited;
    await scene.lost();
  };
  /** Starts the next one; what the three of them read, once it is on the disk who of them keeps routes. */
  const begin = async (file: string, routes: readonly string[] = ROUTES) => {
    agent = await scene.start(file);
    await scene.everywhere(routes);
    await scene.recorded(state, file === without ? LOCALS.length - 1 : LOCALS.length);
    return await Promise.all(READERS.map(async (read, router) => read(await scene.words(router))));
  };
  const nothing = ["-", "-", "-"];
  const all = ["R 46", "R 46", "R 46"];

  await t.step("the first start ever: nothing", async () => {
    assert.deepEqual(await begin(both), nothing);
  });
  for (const signal of ["SIGKILL", "SIGUSR2"] as const) {
    await t.step(`after ${signal}: R, and F of both families, and no route is lost`, async () => {
      await using watch = new RouteWatch(scene.routers, ROUTES);
      await end(signal);
      assert.deepEqual(await begin(both), all);
      assert.deepEqual(watch.gaps, []);
    });
  }
  await t.step("after a stop: nothing", async () => {
    await end("SIGTERM");
    await scene.nowhere(ROUTES);
    assert.deepEqual(await begin(both), nothing);
  });
  await t.step(
    "after another boot of the machine: nothing",
    async () => {
      await end("SIGKILL");
      const content = unseal(SESSIONS, await Deno.readFile(record));
      await Deno.writeFile(record, seal(SESSIONS, { ...content, boot: "another" }));
      assert.deepEqual(await begin(both), nothing);
    },
  );
  await t.step("with a torn record: nothing", async () => {
    await end("SIGKILL");
    await Deno.writeFile(record, (await Deno.readFile(record)).subarray(0, 100));
    assert.deepEqual(await begin(both), nothing);
  });
  await t.step(
    "where no service has IPv6 any more: F of IPv4 alone, and the route of IPv6 goes",
    async () => {
      await end("SIGKILL");
      assert.deepEqual(await begin(four, [IPV4]), ["R 4", "R 4", "R 4"]);
      await scene.nowhere(ROUTES.slice(1));
    },
  );
  await t.step("a router without graceful restart before is told nothing, the others all", async () => {
    await end("SIGTERM");
    assert.deepEqual(await begin(without), nothing);
    await end("SIGKILL");
    const routes = () => scene.routers[0]?.routes(IPV4);
    await eventually(routes, (left) => left?.length === 0, "BIRD keeps nothing");
    assert.deepEqual(await begin(both), ["-", "R 46", "R 46"]);
  });
});
