/** When an object is contested: a property over all ways to be repaired, and that whoever fights is withdrawn in time. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  afterPass,
  type Contention,
  contentionEndMs,
  contestedIn,
  NO_CONTENTION,
  quietUntilMs,
} from "../../src/kernel/contested.ts";
import { type KernelObject, objectText } from "../../src/kernel/kernel_object.ts";
import { address } from "../support/bgp.ts";
import { bench, VIP, web } from "../support/reconciler_bench.ts";

const OTHER = address("10.99.0.2");

function link(name: string): KernelObject {
  return { kind: "interface", name, interface: name, address: undefined, virtualService: undefined };
}

const limits = fc.record({
  limit: fc.integer({ min: 1, max: 6 }),
  windowMs: fc.integer({ min: 1000, max: 60_000 }),
  holdMs: fc.integer({ min: 1000, max: 60_000 }),
});

Deno.test("afterPass(): contested is exactly what was repaired more often than the limit within the window, until the hold is over", () => {
  fc.assert(
    fc.property(
      limits,
      fc.array(fc.record({ gapMs: fc.integer({ min: 0, max: 30_000 }), who: fc.nat(2) }), { maxLength: 60 }),
      (limits, repairs) => {
        let contention: Contention = NO_CONTENTION;
        let now = 0;
        // The plain rule, over all that ever happened.
        const times = new Map<string, number[]>();
        const since = new Map<string, number>();
        for (const { gapMs, who } of repairs) {
          now += gapMs;
          const object = link(`web${who}`);
          const text = objectText(object);
          for (const [other, ms] of since) {
            if (other !== text && now >= (times.get(other)?.at(-1) ?? 0) + limits.holdMs) {
              since.delete(other);
              times.set(other, []);
            } else void ms;
          }
          const own = [...times.get(text) ?? [], now];
          times.set(text, own);
          const recent = own.filter((ms) => ms > now - limits.windowMs).length;
          if (!since.has(text) && recent > limits.limit) since.set(text, now);
          contention = afterPass(contention, {
            now,
            limits,
            repaired: [object],
            differing: new Set(),
            suspectOf: () => undefined,
          });
          assert.deepEqual(
            new Set(contestedIn(contention).map(({ object, sinceMs }) => `${object} ${sinceMs}`)),
            new Set([...since].map(([object, ms]) => `${object} ${ms}`)),
          );
          assert.ok(quietUntilMs(contention, text) <= now + 1000, "never put off for longer than a second");
          assert.equal(contentionEndMs(contention, limits) === Infinity, since.size === 0);
        }
        const ended = afterPass(contention, {
          now: now + 120_000,
          limits,
          repaired: [],
          differing: new Set(),
          suspectOf: () => undefined,
        });
        assert.equal(ended.size, 0, "nothing is kept for ever");
      },
    ),
    { seed: 20261126, numRuns: 300 },
  );
});

Deno.test("afterPass() does not let go what still differs, and is bounded in number", () => {
  const limits = { limit: 1, windowMs: 10_000, holdMs: 1000 };
  const pass = { limits, differing: new Set<string>(), suspectOf: () => undefined };
  const web = link("web");
  let contention = afterPass(NO_CONTENTION, { ...pass, now: 0, repaired: [web] });
  contention = afterPass(contention, { ...pass, now: 1, repaired: [web] });
  contention = afterPass(contention, {
    ...pass,
    now: 5000,
    repaired: [],
    differing: new Set([objectText(web)]),
  });
  assert.equal(contestedIn(contention).length, 1);
  const many = Array.from({ length: 20_000 }, (_, index) => link(`${index}`));
  contention = afterPass(contention, {
    ...pass,
    now: 5000,
    repaired: many,
    differing: new Set([objectText(web)]),
  });
  assert.ok(contention.size <= 16_384);
  assert.equal(contestedIn(contention).length, 1, "what is contested stays");
});

type Blow = {
  readonly do: "address" | "link" | "down" | "service" | "destination" | "weight";
  readonly waitMs: number;
};
const blows: fc.Arbitrary<readonly Blow[]> = fc.array(
  fc.record({
    do: fc.constantFrom("address", "link", "down", "service", "destination", "weight"),
    waitMs: fc.constantFrom(0, 1, 5, 12, 100, 1000, 5000, 6000),
  }),
  { minLength: 1, maxLength: 40 },
);

Deno.test("whatever a hand does to our objects: each that is repaired too often is contested at once, a bystander never, and all is over after quiet", async () => {
  await fc.assert(
    fc.asyncProperty(
      blows,
      fc.boolean(),
      async (script, isTold) => {
        const limits = { limit: 3, windowMs: 30_000, holdMs: 20_000 };
        await using at = bench({ contention: () => limits });
        const wanted = {
          ...web,
          interfaces: [...web.interfaces, { name: "api", service: "api", addresses: [OTHER] }],
          ownedAddresses: [VIP, OTHER],
        };
        await at.reconciler.want(wanted);
        for (const blow of script) {
          strike(at.kernel, blow.do, isTold);
          await at.clock.advance(blow.waitMs);
        }
        await at.clock.advance(6000);
        const times = new Map<string, number[]>();
        for (const { at: ms, repairs, contested } of at.reports) {
          for (const object of repairs) {
            const text = objectText(object);
            times.set(text, [...times.get(text) ?? [], ms]);
            const recent = times.get(text)?.filter((each) => each > ms - limits.windowMs) ?? [];
            const isContested = contested.some((each) => each.object === text);
            if (recent.length > limits.limit) assert.ok(isContested, `${text} at ${ms}`);
          }
          assert.ok(contested.every(({ object }) => !object.includes("api") && !object.includes(OTHER.text)));
        }
        await at.clock.advance(limits.holdMs);
        assert.deepEqual(at.reports.at(-1)?.contested, []);
        assert.equal(at.reports.at(-1)?.converged, true);
      },
    ),
    { seed: 20261127, numRuns: 200 },
  );
});

/** One blow at what `web` has, where it has it. */
function strike(kernel: ReturnType<typeof bench>["kernel"], what: Blow["do"], isTold: boolean): void {
  const link = kernel.interfaces.find(({ name }) => name === "web");
  const service = kernel.services[0];
  const destination = service?.destinations[0];
  switch (what) {
    case "address":
      if (link !== undefined) kernel.deleteAddress(link.index, VIP, 32);
      break;
    case "link":
      if (link !== undefined) kernel.deleteLink(link.index);
      break;
    case "down":
      if (link !== undefined) link.up = false;
      break;
    case "service":
      if (service !== undefined) kernel.delService(service);
      break;
    case "destination":
      if (service !== undefined && destination !== undefined) kernel.delDest(service, destination);
      break;
    case "weight":
      if (service !== undefined && destination !== undefined) {
        kernel.setDest(service, { ...destination, weight: 99 });
      }
      break;
  }
  if (isTold && link !== undefined) {
    kernel.notify({ index: link.index, address: what === "address" ? VIP.text : undefined, port: 1 });
  }
}
