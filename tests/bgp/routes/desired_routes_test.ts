// The whole of what should be announced: by whoever wants it, and by prefix.
import assert from "node:assert/strict";
import { DesiredRoutes, type RouteChanges } from "../../../src/bgp/routes/desired_routes.ts";
import type { Route } from "../../../src/bgp/routes/route.ts";
import { route } from "../../support/bgp.ts";
import { seeded } from "../../support/random.ts";

Deno.test("DesiredRoutes.replaceOf() replaces what one source wants, and leaves what others do", () => {
  const desired = new DesiredRoutes();
  const [a, b] = [route("10.99.0.1/32"), route("10.99.0.2/32")];
  assert.deepEqual(textsOf(desired.replaceOf(new Map([["a", [a]], ["b", [b]]]))), [[], [a, b].map(textOf)]);
  assert.deepEqual(textsOf(desired.replaceOf(new Map([["a", []]]))), [[textOf(a)], []]);
  assert.equal(desired.of(b.prefix, "r"), b);
  assert.deepEqual(
    textsOf(desired.replaceOf(new Map([["b", [{ ...b }]]]))),
    [[], []],
    "the same in other objects",
  );
  assert.deepEqual(textsOf(desired.replaceOf(new Map([["b", []], ["c", [b]]]))), [[], []], "it goes over");
  assert.deepEqual(textsOf(desired.replace([])), [[textOf(b)], []], "the whole is that of all sources");
});

Deno.test("DesiredRoutes looks at what one source has, however many routes others want", () => {
  const desired = new DesiredRoutes();
  let looks = 0;
  const counted = (text: string): Route => {
    const plain = route(text);
    return {
      ...plain,
      get prefix() {
        looks++;
        return plain.prefix;
      },
    };
  };
  const many = Array.from({ length: 1000 }, (_, index) => counted(`10.${index >> 8}.${index & 255}.1/32`));
  desired.replaceOf(new Map(many.map((each, index) => [`s${index}`, [each]])));
  looks = 0;
  desired.replaceOf(new Map([["s500", []]]));
  desired.replaceOf(new Map([["s500", [many[500] ?? route("10.0.0.1/32")]]]));
  assert.ok(looks > 0 && looks < 20, `${looks} looks`);
});

Deno.test("DesiredRoutes has the first route to each prefix after any changes of any sources, and tells what changed", () => {
  const random = seeded(8);
  const below = (end: number) => Math.floor(random() * end);
  const some = (): readonly Route[] =>
    Array.from({ length: below(4) }, () => ({
      ...route(`10.99.0.${below(6)}/32`, { med: below(2) }),
      peers: below(4) === 0 ? ["r"] : undefined,
    }));
  for (let run = 0; run < 300; run++) {
    const desired = new DesiredRoutes();
    const wanted = new Map<string, readonly Route[]>();
    const set = (source: string, routes: readonly Route[]) => {
      if (routes.length === 0) wanted.delete(source);
      else wanted.set(source, routes);
    };
    for (let change = 0; change < 12; change++) {
      const before = firstOf(wanted);
      const wasUnique = isUnique(wanted);
      const told = new Set<string>();
      if (below(6) === 0) {
        const routes = some();
        for (const source of [...wanted.keys()]) set(source, []);
        set("", routes);
        for (const { text } of allOf(desired.replace(routes))) told.add(text);
      } else {
        const part = new Map(Array.from({ length: 1 + below(2) }, () => [`s${below(3)}`, some()] as const));
        for (const [source, routes] of part) set(source, routes);
        for (const { text } of allOf(desired.replaceOf(part))) told.add(text);
      }
      const after = firstOf(wanted);
      assert.deepEqual(
        new Map([...desired.all()].map((route) => [route.prefix.text, wordsOf(route)])),
        after,
      );
      for (const text of new Set([...before.keys(), ...after.keys()])) {
        const changed = before.get(text) !== after.get(text);
        const mayBeTold = !wasUnique || !isUnique(wanted);
        assert.ok(changed ? told.has(text) : mayBeTold || !told.has(text), `${text} in run ${run}`);
      }
    }
  }
});

/** Has every prefix one route? */
function isUnique(wanted: ReadonlyMap<string, readonly Route[]>): boolean {
  const routes = [...wanted.values()].flat();
  return new Set(routes.map(textOf)).size === routes.length;
}

/** By prefix, in words, whatever the order. */
function firstOf(wanted: ReadonlyMap<string, readonly Route[]>): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const each of [...wanted.values()].flat()) {
    if (!first.has(each.prefix.text)) first.set(each.prefix.text, wordsOf(each));
  }
  return first;
}

function wordsOf(each: Route | undefined): string {
  return `${each?.attributes.med} ${each?.peers}`;
}

function allOf({ withdrawn, changed }: RouteChanges) {
  return [...withdrawn, ...changed];
}

function textOf({ prefix }: Pick<Route, "prefix">): string {
  return prefix.text;
}

function textsOf({ withdrawn, changed }: RouteChanges): readonly (readonly string[])[] {
  return [withdrawn, changed].map((each) => each.map(({ text }) => text));
}
