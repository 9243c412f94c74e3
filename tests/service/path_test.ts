/** What is said where checks straight to what serves pass and those through the data plane do not. */
import assert from "node:assert/strict";
import type { Verdict } from "../../src/health/threshold.ts";
import { healthOf } from "../../src/service/gates.ts";
import type { DestinationState, PortState } from "../../src/service/port_state.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig, serviceConfig } from "../support/config.ts";

const THROUGH = [{ address: address("10.99.0.1"), source: undefined, mark: undefined }];

const DRAIN = { reason: "a new disk", limits: { shiftMs: 0, convergeMs: 0, quiesceMs: 0 } };

/** A port whose destinations have these verdicts. */
function portOf(...verdicts: readonly Verdict[]): ReadonlyMap<string, PortState> {
  const destinations = new Map(verdicts.map((verdict, at): [string, DestinationState] => [`d${at}`, {
    checks: new Map([["alive", { verdict, cause: "x", weight: undefined }]]),
    inherited: undefined,
    live: true,
    sinceMs: 0,
    served: 1,
    slow: false,
    growsSinceMs: -Infinity,
  }]));
  return new Map([["tcp 80", { destinations, families: new Map() }]]);
}

function causeOf(
  { through, straight, destinations = [], inverted = false, drained = false }: {
    readonly through: Verdict;
    readonly straight?: Verdict;
    readonly destinations?: readonly Verdict[];
    readonly inverted?: boolean;
    readonly drained?: boolean;
  },
): string {
  const drain = drained ? DRAIN : undefined;
  const phase = { name: drained ? "down" : "serving", sinceMs: 0, deadlineMs: Infinity, drain } as const;
  const checks = [
    ...straight === undefined ? [] : [httpCheckConfig({ name: "straight", invert: inverted })],
    httpCheckConfig({ name: "through", through: THROUGH }),
  ];
  const verdicts = new Map([
    ["through", { verdict: through, cause: "through 10.99.0.1: refused" }],
    ...straight === undefined ? [] : [["straight", { verdict: straight, cause: "status 200" }] as const],
  ]);
  return healthOf({ config: serviceConfig({ checks }), verdicts, ports: portOf(...destinations), phase })
    .cause;
}

const BROKEN = "backend well, path broken: through: through 10.99.0.1: refused";
const FAILED = "through: through 10.99.0.1: refused";

for (
  const [what, facts, cause] of [
    ["the local check passes", { through: "unhealthy", straight: "healthy" }, BROKEN],
    ["all destinations pass", { through: "unhealthy", destinations: ["healthy", "healthy"] }, BROKEN],
    ["both pass", { through: "unhealthy", straight: "healthy", destinations: ["healthy"] }, BROKEN],
    ["nothing is asked straight", { through: "unhealthy" }, FAILED],
    ["one destination fails", {
      through: "unhealthy",
      straight: "healthy",
      destinations: ["healthy", "unhealthy"],
    }, FAILED],
    ["nothing is known of a destination yet", { through: "unhealthy", destinations: ["unknown"] }, FAILED],
    ["what passes is inverted", { through: "unhealthy", straight: "healthy", inverted: true }, FAILED],
    ["it is drained", { through: "unhealthy", straight: "healthy", drained: true }, FAILED],
    ["nothing is known of the way", { through: "unknown", straight: "healthy" }, FAILED],
  ] as const
) {
  Deno.test(`healthOf() says ${cause === BROKEN ? "that the path is broken" : "what failed"} where ${what}`, () => {
    assert.equal(causeOf(facts), cause);
  });
}

Deno.test("healthOf() speaks of no path where all is well", () => {
  assert.equal(causeOf({ through: "healthy", straight: "healthy" }), "all 2 checks pass");
});
