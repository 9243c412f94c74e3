// planText(): the whole plan for people, in colours that somebody else puts on.
import assert from "node:assert/strict";
import type { Plan } from "../../src/status/plan.ts";
import { planText } from "../../src/status/plan_text.ts";

const EMPTY: Plan = {
  action: "reload",
  changes: [],
  sessions: [],
  routes: { announced: [], changed: [], withdrawn: [] },
  kernel: [],
  restart: [],
  warnings: [],
};

const FULL: Plan = {
  action: "reload",
  changes: [
    "peer tor-1: password changed, its session is reset (6/6)",
    "service web: address 10.0.0.1 removed",
  ],
  sessions: [
    { peer: "tor-1", address: "10.1.0.1", consequence: "reset", why: "password changed: Cease (6/6)" },
    { peer: "10.1.0.2", address: "10.1.0.2", consequence: "established anew", why: "a new peer" },
    { peer: "tor-3", address: "10.1.0.3", consequence: "ended", why: "no peer any more: Cease (6/3)" },
    { peer: "tor-4", address: "10.1.0.4", consequence: "other next time", why: "connectRetryTime changed" },
  ],
  routes: {
    announced: [{
      prefix: "10.0.0.2/32",
      service: "web",
      to: { communities: ["no-export", "65512:1"], med: 5 },
      when: "when healthy",
    }],
    changed: [{
      prefix: "10.0.0.3/32",
      service: "mail",
      toPeers: ["tor-1", "tor-4"],
      from: { med: 100, communities: ["no-export"] },
      to: { med: 50 },
      when: "at once",
    }],
    withdrawn: [{ prefix: "10.0.0.1/32", service: "web", when: "in order" }],
  },
  kernel: [
    {
      step: 1,
      stage: "before anything is announced",
      changes: ["add address 10.0.0.2/32 to web", "set destination x of y"],
    },
    { step: 2, stage: "after the withdrawal", changes: ["delete address 10.0.0.1/32 from web"] },
  ],
  restart: ["network.ipvs"],
  warnings: ["a.yaml:1:1: warning: services: odd\u001b[2J"],
};

Deno.test("planText() says what it comes to, then everything in its order", () => {
  assert.equal(
    planText(FULL, (line) => line),
    `A reload would come to 3 sessions touched, 1 route announced, 1 route changed, 1 route withdrawn, 3 changes in the kernel.

Configuration:
  ~ peer tor-1: password changed, its session is reset (6/6)
  ~ service web: address 10.0.0.1 removed

Sessions:
  ~ tor-1 (10.1.0.1) reset: password changed: Cease (6/6)
  + 10.1.0.2 established anew: a new peer
  - tor-3 (10.1.0.3) ended: no peer any more: Cease (6/3)
  ~ tor-4 (10.1.0.4) other next time: connectRetryTime changed

Routes:
  - 10.0.0.1/32 of web withdrawn from every peer in order
  ~ 10.0.0.3/32 of mail changed for tor-1, tor-4 at once: med 100 → 50, communities no-export → none
  + 10.0.0.2/32 of web announced to every peer when healthy: communities no-export 65512:1, med 5

Kernel, in this order:
  1. before anything is announced
     add address 10.0.0.2/32 to web
     set destination x of y
  2. after the withdrawal
     delete address 10.0.0.1/32 from web

Needs a restart:
  ! network.ipvs takes effect with the next restart

Warnings:
  ! a.yaml:1:1: warning: services: odd\\u001b[2J
`,
  );
});

Deno.test("planText() paints whole lines, by what they say, and nothing where there is nothing", () => {
  const painted = planText(FULL, (line, tone) => `<${tone}>${line}</>`).split("\n");
  assert.equal(painted[1], "");
  for (
    const line of [
      "<strong>Sessions:</>",
      "<bad>  ~ tor-1 (10.1.0.1) reset: password changed: Cease (6/6)</>",
      "<good>  + 10.1.0.2 established anew: a new peer</>",
      "<good>     add address 10.0.0.2/32 to web</>",
      "<changing>     set destination x of y</>",
      "<bad>     delete address 10.0.0.1/32 from web</>",
      "  2. after the withdrawal",
    ]
  ) assert.ok(painted.includes(line), line);
});

Deno.test("planText() of a plan that changes nothing says so, of a start too", () => {
  const text = (plan: Partial<Plan>) => planText({ ...EMPTY, ...plan }, (line) => line).split("\n")[0];
  assert.equal(text({}), "A reload would change nothing.");
  assert.equal(text({ action: "start" }), "A start would change nothing.");
  assert.equal(
    text({ changes: ["log: level changed"] }),
    "A reload would touch no session, no route and nothing in the kernel.",
  );
});

Deno.test("planText() is the same of a plan that went through JSON", () => {
  assert.equal(planText(JSON.parse(JSON.stringify(FULL)), (line) => line), planText(FULL, (line) => line));
});
