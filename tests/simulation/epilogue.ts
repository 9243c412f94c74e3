/**
 * What is played once all is well and still: a plan and then its reload, which does what the plan named and nothing else; a
 * reload of the running configuration, which does nothing; a drain that takes its time and no more; and at last the host is
 * as a fresh agent with that configuration makes an empty one.
 */
import type { Agent } from "../../src/agent/agent.ts";
import type { Config } from "../../src/config/config.ts";
import type { Plan } from "../../src/status/plan.ts";
import { actualKernel, endState, undecided } from "./end_state.ts";
import type { FakeRouter } from "./fake_router.ts";
import { prefixOf } from "./prefixes.ts";
import { BACKEND_PORTS, SORRY_NAME } from "./configurations.ts";
import type { Scenario } from "./steps.ts";
import { World } from "./world.ts";

/** What is ordered has had its time: phases, a session that is reset, first verdicts. */
const RELOAD_MS = 16_000;
const FRESH_MS = 15_000;
const STILL_MS = 6000;
const UNDRAIN_MS = 5000;
/** The way to routers and sockets, and the kernel's answers. */
const SLACK_MS = 300;

/** Plays it; what is wrong is kept by the world's inspector. */
export async function playEpilogue(world: World, scenario: Scenario): Promise<void> {
  const { reload, drain } = scenario.epilogue;
  await playReload(world, scenario.configs[reload] ?? world.config);
  await playReload(world, world.config);
  await playDrain(world, drain);
  if (world.inspector.violation !== undefined || !scenario.epilogue.compares) return;
  world.inspector.judge("as a fresh agent", await differsFromFresh(world, scenario));
}

/** Plans and then reloads `next`. */
async function playReload(world: World, next: Config): Promise<void> {
  const { agent, inspector, kernel, routers } = world;
  if (agent === undefined || inspector.violation !== undefined) return;
  const isSame = next === world.config;
  const isPeer = ({ name }: FakeRouter) =>
    [world.config, next].every(({ bgp }) => bgp.peers.some((peer) => peer.name === name));
  const peers = routers.filter(isPeer);
  world.note(`>>> plan and reload${isSame ? " of the same" : ""}`);
  const file = { ok: true, config: next, warnings: [] } as const;
  const plan = await world.plan(file);
  if (plan === undefined) return inspector.fail("a plan foretells", "there is no plan where all is well");
  const before = kernel.made.length;
  const since = world.journal.length;
  const told = new Map(routers.map((router) => [router.name, router.heard.length]));
  const ended = new Map(routers.map((router) => [router.name, router.sessions]));
  world.operator.reload(file);
  await world.pass(isSame ? STILL_MS : RELOAD_MS);
  const made = kernel.made.slice(before);
  // What a new check finds is news, and not the plan's.
  const judged = new Set(newlyJudged(world, since).map(prefixOf));
  const wrong = wrongKernel(plan, made, judgedDestinations(world, since)) ??
    peers.map((router) => {
      const heard = router.heard.slice(told.get(router.name));
      const isWhole = router.sessions === ended.get(router.name);
      if (!isWhole) return wrongSession(plan, router);
      return wrongRoutes(plan, router, heard, judged);
    }).find((each) => each !== undefined);
  inspector.judge("a plan foretells", wrong);
  if (isSame && wrong === undefined) {
    const heard = routers.find((router) => router.heard.length !== told.get(router.name));
    const much = made.length > 0 || heard !== undefined;
    inspector.judge(
      "stillness",
      much ? `a reload of the same: ${made.join(", ")} ${heard?.name}` : undefined,
    );
  }
  inspector.judge("ends as configured", endState(world));
}

/** Addresses of services of which a check has found something new. */
function newlyJudged({ journal, config }: World, since: number): readonly string[] {
  const names = journal.slice(since).flatMap(({ what }) =>
    typeof what !== "string" && (what.kind === "verdict" || what.kind === "destination") ? [what.service] : []
  );
  return config.services.filter(({ name }) => names.includes(name))
    .flatMap(({ addresses }) => addresses.map(({ text }) => text));
}

/** Destinations of which a check has found something new, and the sorry ones, which follow from that. */
function judgedDestinations({ journal }: World, since: number): ReadonlySet<string> {
  const names = journal.slice(since).flatMap(({ what }) =>
    typeof what !== "string" && (what.kind === "verdict" || what.kind === "destination")
      ? what.destination ?? []
      : []
  );
  return new Set(names.length === 0 ? [] : [...names, SORRY_NAME]);
}

function wrongKernel(plan: Plan, made: readonly string[], judged: ReadonlySet<string>): string | undefined {
  const foretold = plan.kernel.flatMap(({ changes }) => changes);
  const textOf = (changes: readonly string[]) =>
    changes.filter((change) => !judged.has(/^\w+ destination (\S+)/.exec(change)?.[1] ?? "")).toSorted().join(
      "\n",
    );
  const [should, is] = [textOf(foretold), textOf(withoutGrowth(made))];
  return should === is ? undefined : `the plan says\n${should}\nand the kernel got\n${is}`;
}

/** A weight that grows does so by time: its first step alone is foretold. */
function withoutGrowth(made: readonly string[]): readonly string[] {
  const weights = new Map<string, string>();
  return made.filter((change) => {
    const [, destination, at, weight, before] =
      /^\w+ destination (\S+) (?:of (.+) )?\(.*?weight (\d+)(?:, was (\d+))?/.exec(change) ?? [];
    const place = `${destination} ${at ?? change.split(" to ").at(-1)}`;
    const isStep = before !== undefined && weights.get(place) === before && Number(weight) > Number(before);
    if (weight !== undefined) weights.set(place, weight);
    return !isStep;
  });
}

function wrongSession({ sessions }: Plan, { name }: FakeRouter): string | undefined {
  return sessions.some(({ peer }) => peer === name)
    ? undefined
    : `the plan says nothing of ${name}, whose session ended`;
}

/** Everything that a router heard is in the plan, and everything in it that nothing else decides was heard. */
function wrongRoutes(
  { routes }: Plan,
  { name }: FakeRouter,
  heard: readonly string[],
  judged: ReadonlySet<string>,
): string | undefined {
  const isFor = ({ toPeers }: Plan["routes"]["announced"][number]) => toPeers?.includes(name) ?? true;
  const named = [...routes.announced, ...routes.changed, ...routes.withdrawn].filter(isFor);
  const extra = heard.find((prefix) =>
    !judged.has(prefix) && !named.some((route) => route.prefix === prefix)
  );
  if (extra !== undefined) return `${name} heard of ${extra}, which the plan does not name`;
  const missing = named.find(({ prefix, when }) => when !== "when healthy" && !heard.includes(prefix));
  return missing && `${name} did not hear of ${missing.prefix}, which the plan names`;
}

async function playDrain(world: World, services: readonly string[]): Promise<void> {
  const { agent, inspector, operator, config: { services: all } } = world;
  if (agent === undefined || inspector.violation !== undefined) return;
  const named = all.filter(({ name }) => services.includes(name) && !operator.isDrained(name));
  if (named.length > 0) {
    world.note(`>>> drain ${named.map(({ name }) => name)}`);
    operator.drain(named.map(({ name }) => name), undefined);
    const longest = Math.max(...named.map(({ stop }) => stop.shiftMs + stop.convergeMs));
    await world.pass(longest + 2 * world.latencyMs + SLACK_MS);
    inspector.judge("drains take their time", lateIn(agent, named.map(({ name }) => name)));
    await world.pass(STILL_MS);
    inspector.judge("ends as configured", endState(world));
  }
  operator.undrain([]);
  await world.pass(UNDRAIN_MS);
  inspector.judge("ends as configured", endState(world));
}

function lateIn(agent: Agent, names: readonly string[]): string | undefined {
  const late = agent.status().services.find(({ name, phase }) =>
    names.includes(name) && phase.name !== "down"
  );
  return late && `${late.name} is ${late.phase.name} still`;
}

/** What is otherwise than a new agent makes it of an empty host. */
async function differsFromFresh(world: World, scenario: Scenario): Promise<string | undefined> {
  const states = new Map(BACKEND_PORTS.map((port) => [port, world.backend(port)?.state ?? "up"]));
  const fresh = new World({ ...scenario, configs: [world.config], steps: [], finally: states });
  fresh.begin();
  fresh.calm();
  await fresh.pass(FRESH_MS);
  // It has never had what it takes to gain these.
  const open = undecided(fresh);
  const early = fresh.routers.flatMap(({ routes }) => [...routes.keys()]).find((prefix) => open.has(prefix));
  if (early !== undefined) return `a fresh one announces ${early}, and its quorum was never gained`;
  const [is, should] = [wordsOf(world), wordsOf(fresh)];
  await fresh.end("kill");
  return fresh.inspector.violation ??
    (is === should ? undefined : `there is\n${is}\na fresh one has\n${should}`);
}

function wordsOf(world: World): string {
  const open = undecided(world);
  const routes = world.routers.flatMap(({ name, routes }) =>
    [...routes].filter(([prefix]) => !open.has(prefix)).map(([prefix, { attributes }]) =>
      `${name} ${prefix} ${attributes}`
    )
  );
  return [...actualKernel(world), ...routes].sort().join("\n");
}
