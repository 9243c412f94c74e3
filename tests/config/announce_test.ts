// announce: which attributes an unhealthy service has, and what is warned of.
import assert from "node:assert/strict";
import { differ } from "../../src/config/difference.ts";
import { renderConfig } from "../../src/config/render.ts";
import { configOf, issuesOf } from "./text.ts";

const PEERS = "{address: 10.0.0.2, as: 65512, name: inside}, {address: 10.0.0.3, as: 65001, name: outside}";

function fileOf(announce: string): string {
  return `bgp: {local: {routerID: 10.0.0.1, as: 65512}, peers: [${PEERS}]}\n` +
    `services: [{name: web, addresses: [10.99.0.1], announce: {${announce}}}]\n`;
}

function announceOf(text: string) {
  const [service] = configOf(fileOf(text)).services;
  return service?.announce ?? assert.fail();
}

Deno.test("announce.whenUnhealthy stands key by key in place of what is beside it (CONTRACT services.announce)", () => {
  const announce = announceOf(
    'med: 10, localPreference: 200, communities: ["65512:1", "rt:65512:1"], extendedCommunities: ["ro:65512:2"], ' +
      'asPathPrepend: 1, whenUnhealthy: {med: 1000, communities: ["65512:6"]}',
  );
  const { whenUnhealthy, peers: _, ...own } = announce;
  const rendered = renderConfig(configOf(fileOf("whenUnhealthy: withdraw, med: 10")));
  assert.ok(JSON.stringify(rendered).includes('"whenUnhealthy":"withdraw"'));
  const [, second] = own.extendedCommunities;
  assert.deepEqual(whenUnhealthy, {
    ...own,
    med: 1000,
    communities: [65512 * 65536 + 6],
    // The extended one of `communities` goes with that list.
    extendedCommunities: [second],
  });
});

Deno.test("announce.whenUnhealthy is withdraw by default", () => {
  assert.equal(announceOf("med: 10").whenUnhealthy, "withdraw");
  assert.equal(announceOf("whenUnhealthy: withdraw").whenUnhealthy, "withdraw");
});

/** What is warned of, without the place. */
function warningsOf(announce: string): readonly string[] {
  const issues = issuesOf(fileOf(announce));
  assert.ok(issues.every((issue) => issue.includes(": warning: ")), issues.join("\n"));
  return issues.map((issue) => issue.replace(/.*: warning: [^ ]* /, ""));
}

const WARNINGS: readonly (readonly [announce: string, ...warnings: readonly string[]])[] = [
  ["whenUnhealthy: {med: 1}"],
  ["med: 100, whenUnhealthy: {med: 101}"],
  ['whenUnhealthy: {communities: ["65512:6"]}'],
  ["whenUnhealthy: {localPreference: 50, asPathPrepend: 3}"],
  ["peers: [inside], whenUnhealthy: {localPreference: 50}"],
  ["peers: [outside], whenUnhealthy: {asPathPrepend: 1}"],
  ["whenUnhealthy: {localPreference: 50}", "outside localPreference eBGP"],
  ["whenUnhealthy: {asPathPrepend: 3}", "inside asPathPrepend iBGP"],
  ["med: 5, whenUnhealthy: {med: 5}", "inside, outside"],
];

Deno.test("announce.whenUnhealthy is warned of where it tells a peer nothing else", () => {
  for (const [announce, ...expected] of WARNINGS) {
    const warnings = expected.map((words) => {
      const [, who, key, kind] = /^(.*?)(?: (\w+) (\wBGP))?$/.exec(words) ?? [];
      const why = key === undefined
        ? "it has the attributes of a healthy one"
        : `${key} is not for ${kind} peers`;
      return `tells ${who} of an unhealthy service what it tells of a healthy one: ${why}`;
    });
    assert.deepEqual(warningsOf(announce), warnings, announce);
  }
});

Deno.test("announce.whenUnhealthy is warned of by the AS that a peer sees: with localAS it may be eBGP", () => {
  const file = fileOf("peers: [inside], whenUnhealthy: {localPreference: 50}");
  assert.deepEqual(issuesOf(file), []);
  const shown = file.replace("name: inside", "name: inside, localAS: 65099");
  assert.notEqual(shown, file);
  assert.match(issuesOf(shown).join(), /localPreference is not for eBGP peers/);
});

/** The keys of announce that a reload from one to the other is said to change. */
function changedIn(from: string, to: string): readonly string[] {
  return differ(configOf(fileOf(from)), configOf(fileOf(to))).flatMap((change) =>
    change.of === "service" && change.change === "changed"
      ? change.parts.flatMap((part) => part.of === "announce" ? part.keys : [])
      : []
  );
}

Deno.test("differ() names announce.whenUnhealthy where it is another one itself, and not where it follows what is beside it", () => {
  const worse = "whenUnhealthy: {localPreference: 50}";
  const rows: readonly (readonly [from: string, to: string, keys: readonly string[]])[] = [
    ["", worse, ["whenUnhealthy"]],
    [worse, "whenUnhealthy: withdraw", ["whenUnhealthy"]],
    [worse, "whenUnhealthy: {localPreference: 40}", ["whenUnhealthy"]],
    [worse, `med: 5, ${worse}`, ["med"]],
    [`med: 5, ${worse}`, "med: 5, whenUnhealthy: {localPreference: 50, med: 9}", ["whenUnhealthy"]],
    ["whenUnhealthy: {med: 5}", "med: 5, whenUnhealthy: {med: 5}", ["med", "whenUnhealthy"]],
    [worse, worse, []],
  ];
  for (const [from, to, keys] of rows) assert.deepEqual(changedIn(from, to), keys, `${from} → ${to}`);
});
