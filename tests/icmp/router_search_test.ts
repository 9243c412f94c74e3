/** The search for the router on a link, on a clock of its own. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  NEW_SEARCH,
  type RouterSearch,
  type SearchAction,
  searchDeadline,
  type SearchEvent,
  stepSearch,
} from "../../src/icmp/router_search.ts";
import { address } from "../support/bgp.ts";

/** A link on which time passes, and what was sent when. */
class Scene {
  state: RouterSearch = NEW_SEARCH;
  now = 0;
  readonly sent: (readonly [SearchAction, number])[] = [];

  tell(event: SearchEvent): void {
    const { state, actions } = stepSearch(this.state, event, { now: this.now, random: () => 0.5 });
    this.state = state;
    for (const action of actions) this.sent.push([action, this.now]);
  }

  hear(...texts: readonly string[]): void {
    for (const text of texts) this.tell({ type: "advertised", from: address(text) });
  }

  /** Each of these answers a solicitation at once. */
  pass(ms: number, ...answering: readonly string[]): void {
    const end = this.now + ms;
    for (let at = searchDeadline(this.state); at <= end; at = searchDeadline(this.state)) {
      this.now = Math.max(this.now, at);
      const before = this.sent.length;
      this.tell({ type: "time" });
      if (this.sent.slice(before).some(([action]) => action === "solicit")) this.hear(...answering);
    }
    this.now = end;
  }

  times(action: SearchAction): readonly number[] {
    return this.sent.filter(([each]) => each === action).map(([, at]) => at);
  }

  get router(): string | undefined {
    return this.state.router?.address.text;
  }
}

function opened(): Scene {
  const scene = new Scene();
  scene.tell({ type: "opened" });
  return scene;
}

Deno.test("RouterSearch solicits 3 times in 4 s each, then once a minute; advertises 3 times in 3 s each, then in 10 s (RFC 4861 section 10)", () => {
  const scene = opened();
  scene.pass(130_000);
  assert.deepEqual(scene.times("solicit"), [0, 4000, 8000, 68_000, 128_000]);
  assert.deepEqual(scene.times("advertise").slice(0, 5), [0, 3000, 6000, 16_000, 26_000]);
  assert.equal(scene.state.unanswered, 5);
});

Deno.test("RouterSearch answers solicitations within 500 ms, and in 3 s once at most, however many there are (RFC 4861 section 6.2.6)", () => {
  const scene = opened();
  scene.pass(15_000);
  const before = scene.times("advertise").length;
  for (let count = 0; count < 1000; count++) {
    scene.tell({ type: "solicited" });
    scene.pass(9);
  }
  const answers = scene.times("advertise").slice(before);
  assert.ok(answers.length >= 3 && answers.length <= 4, `${answers}`);
  assert.ok(answers.every((at, index) => index === 0 || at - (answers[index - 1] ?? 0) >= 3000));
});

Deno.test("RouterSearch solicits nobody while its router is spoken with, and a round once that has ended", () => {
  const scene = opened();
  scene.hear("fe80::1");
  scene.tell({ type: "in-use", inUse: true });
  scene.pass(3_600_000);
  assert.deepEqual(scene.times("solicit"), []);
  assert.equal(scene.router, "fe80::1");
  scene.tell({ type: "in-use", inUse: false });
  scene.pass(9000);
  assert.deepEqual(scene.times("solicit"), [3_600_000, 3_604_000, 3_608_000]);
  assert.equal(scene.router, "fe80::1");
});

Deno.test("RouterSearch stays with a router that there was a session with while that answers, and asks once a minute at most", () => {
  const scene = opened();
  scene.hear("fe80::1");
  for (const inUse of [true, false]) scene.tell({ type: "in-use", inUse });
  scene.pass(20_000, "fe80::1");
  for (let count = 0; count < 600; count++) {
    scene.hear("fe80::2", "fe80::3");
    scene.pass(100, "fe80::1");
  }
  assert.equal(scene.router, "fe80::1");
  assert.deepEqual(scene.state.others.map(({ address }) => address.text), ["fe80::2", "fe80::3"]);
  assert.equal(scene.times("solicit").filter((at) => at >= 20_000 && at < 80_000).length, 3);
});

Deno.test("RouterSearch goes to a router that answers where the one before does not any more, as after a change of its address", () => {
  const scene = opened();
  scene.hear("fe80::1");
  for (const inUse of [true, false]) scene.tell({ type: "in-use", inUse });
  scene.pass(20_000);
  scene.hear("fe80::2");
  scene.pass(11_999, "fe80::2");
  assert.equal(scene.router, "fe80::1");
  scene.pass(1, "fe80::2");
  assert.equal(scene.router, "fe80::2");
  assert.deepEqual(scene.state.others, []);
});

Deno.test("RouterSearch goes from a router that no session comes up with to the others in turn, 30 s each, and stays where one does", () => {
  const scene = opened();
  const all = ["fe80::1", "fe80::2", "fe80::3"] as const;
  scene.hear(...all);
  const seen: (string | undefined)[] = [];
  for (let turn = 0; turn < 6; turn++) {
    seen.push(scene.router);
    scene.pass(29_999, ...all);
    assert.equal(scene.router, seen.at(-1));
    // Who is heard more often is not preferred.
    scene.hear("fe80::1");
    scene.pass(1, ...all);
  }
  assert.deepEqual(seen, [...all, ...all]);
  for (const inUse of [true, false]) scene.tell({ type: "in-use", inUse });
  scene.pass(600_000, ...all);
  assert.equal(scene.router, "fe80::1");
});

Deno.test("RouterSearch goes back to the router that there was a session with as soon as it is heard again", () => {
  const scene = opened();
  scene.hear("fe80::1", "fe80::2");
  for (const inUse of [true, false]) scene.tell({ type: "in-use", inUse });
  scene.pass(60_000, "fe80::2");
  scene.hear("fe80::2");
  scene.pass(200_000, "fe80::2");
  assert.equal(scene.router, "fe80::2");
  scene.hear("fe80::1");
  assert.equal(scene.router, "fe80::1");
  assert.deepEqual(scene.state.others.map(({ address }) => address.text), ["fe80::2"]);
});

Deno.test("RouterSearch stays with the only router that there is, though no session comes up", () => {
  const scene = opened();
  scene.pass(600_000, "fe80::1");
  assert.equal(scene.router, "fe80::1");
});

Deno.test("RouterSearch never leaves the router that it speaks with, whatever is advertised", () => {
  const scene = opened();
  scene.hear("fe80::1");
  scene.tell({ type: "in-use", inUse: true });
  for (let count = 0; count < 5000; count++) scene.hear(`fe80::${(count + 2).toString(16)}`);
  scene.pass(600_000, "fe80::2");
  assert.equal(scene.router, "fe80::1");
  assert.deepEqual(scene.times("solicit"), []);
  assert.ok(scene.state.others.length <= 8);
});

Deno.test("RouterSearch forgets a router that has not answered for 3 minutes, and finds it again", () => {
  const scene = opened();
  scene.hear("fe80::1");
  scene.pass(179_999);
  assert.equal(scene.router, "fe80::1");
  scene.pass(1);
  assert.equal(scene.router, undefined);
  scene.pass(60_000, "fe80::1");
  assert.equal(scene.router, "fe80::1");
});

Deno.test("RouterSearch sends nothing while it is closed, and begins anew where it is opened again", () => {
  const scene = opened();
  scene.hear("fe80::1");
  scene.pass(30_000);
  const before = scene.sent.length;
  scene.tell({ type: "closed" });
  scene.tell({ type: "solicited" });
  scene.tell({ type: "in-use", inUse: true });
  scene.tell({ type: "in-use", inUse: false });
  assert.equal(searchDeadline(scene.state), Infinity);
  scene.pass(30_000);
  assert.equal(scene.sent.length, before);
  scene.tell({ type: "opened" });
  scene.pass(0);
  assert.deepEqual(scene.sent.slice(before), [["solicit", 60_000], ["advertise", 60_000]]);
});

Deno.test("RouterSearch sends within its bounds whatever happens, and time always moves on", () => {
  const event = fc.oneof(
    fc.constantFrom<SearchEvent>(
      { type: "opened" },
      { type: "closed" },
      { type: "in-use", inUse: true },
      { type: "in-use", inUse: false },
      { type: "solicited" },
    ),
    fc.integer({ min: 1, max: 20 }).map((host): SearchEvent => ({
      type: "advertised",
      from: address(`fe80::${host.toString(16)}`),
    })),
  );
  fc.assert(fc.property(fc.array(fc.tuple(event, fc.nat({ max: 20_000 })), { maxLength: 60 }), (story) => {
    const scene = new Scene();
    for (const [happens, ms] of story) {
      scene.tell(happens);
      scene.pass(ms);
      assert.ok(searchDeadline(scene.state) > scene.now);
      assert.ok(scene.state.others.length <= 8);
    }
    for (const [action, apartMs] of [["solicit", 4000], ["advertise", 3000]] as const) {
      const times = scene.times(action);
      assert.ok(times.every((at, index) => index === 0 || at - (times[index - 1] ?? 0) >= apartMs), action);
    }
  }));
});
