/** Checks that go through the service: by which addresses, from where and with which mark, and where no way can be. */
import assert from "node:assert/strict";
import { renderConfig } from "../../src/config/render.ts";
import { issuesOf, parse } from "./text.ts";

const CHECK = { type: "http", port: 80, via: "service" } as const;
const TO_OTHERS = {
  port: 80,
  destinations: [{ address: "10.0.0.2", port: 80, forwarding: "droute" }, {
    address: "2001:db8::2",
    port: 80,
    forwarding: "droute",
  }],
};
const TO_OTHERS_443 = {
  port: 443,
  destinations: TO_OTHERS.destinations.map((each) => ({ ...each, port: 443 })),
};
const LOCAL = { routerID: "10.0.0.1", as: 65512, address6: "2001:db8::1" };

function file(
  service: Readonly<Record<string, unknown>>,
  local: Readonly<Record<string, unknown>> = LOCAL,
): string {
  return JSON.stringify({
    bgp: { local, peers: [{ address: "10.0.0.254", as: 65512 }] },
    services: [{ name: "web", addresses: ["10.99.0.1", "2001:db8:99::1"], checks: [CHECK], ...service }],
  });
}

/** `ADDRESS from SOURCE mark MARK` of each way of the first check. */
function waysOf(text: string): readonly string[] {
  const result = parse(text);
  assert.ok(result.ok, JSON.stringify(result));
  return result.config.services[0]?.checks[0]?.through.map(({ address, source, mark }) =>
    `${address.text} from ${source?.text ?? "any"} mark ${mark ?? "none"}`
  ) ?? [];
}

const MARKED4 = {
  family: 4,
  destinations: [{ address: "10.0.0.2", forwarding: "droute" }],
};
const MARKED = { fwmark: 7, destinations: TO_OTHERS.destinations.map(({ port: _, ...rest }) => rest) };

for (
  const [what, service, ways] of [
    ["of a service that listens itself", {}, [
      "10.99.0.1 from any mark none",
      "2001:db8:99::1 from any mark none",
    ]],
    ["to this host", { ports: [{ port: 80, targetPort: 8080 }] }, [
      "10.99.0.1 from any mark none",
      "2001:db8:99::1 from any mark none",
    ]],
    ["to real servers that have the address themselves", { ports: [TO_OTHERS] }, [
      "10.99.0.1 from 10.0.0.1 mark none",
      "2001:db8:99::1 from 2001:db8::1 mark none",
    ]],
    ["by another port than those", { ports: [{ port: 80, targetPort: 8080 }, TO_OTHERS_443] }, [
      "10.99.0.1 from any mark none",
      "2001:db8:99::1 from any mark none",
    ]],
    ["by a mark", { ports: [MARKED] }, [
      "10.99.0.1 from 10.0.0.1 mark 7",
      "2001:db8:99::1 from 2001:db8::1 mark 7",
    ]],
    ["by a mark of one family", { addresses: ["10.99.0.1"], ports: [{ fwmark: 7, ...MARKED4 }] }, [
      "10.99.0.1 from 10.0.0.1 mark 7",
    ]],
    ["by a port beside a mark", { ports: [MARKED, { port: 80, targetPort: 8080 }] }, [
      "10.99.0.1 from any mark none",
      "2001:db8:99::1 from any mark none",
    ]],
    ["from a source of its own", { checks: [{ ...CHECK, source: "2001:db8::9" }], ports: [TO_OTHERS] }, [
      "2001:db8:99::1 from 2001:db8::9 mark none",
    ]],
  ] as const
) {
  Deno.test(`parseConfig() finds the ways of a check via: service ${what} (CONTRACT services.checks)`, () => {
    assert.deepEqual(waysOf(file(service)), ways);
  });
}

for (
  const [service, local, issue] of [
    [
      { ports: [{ port: 443, targetPort: 443 }] },
      LOCAL,
      "checks[0].port: is no port of the service that it goes through (got 80)",
    ],
    [
      { ports: [TO_OTHERS] },
      { ...LOCAL, address6: undefined },
      'checks[0].via: needs source, or bgp.local.address6, for destinations with droute or tunnel over IPv6 (got "service")',
    ],
    [
      { addresses: ["10.99.0.1"], ports: [7, 8].map((fwmark) => ({ fwmark, ...MARKED4 })) },
      LOCAL,
      "checks[0].port: is not one of the service's ports, and it has several marks: none is known to lead there (got 80)",
    ],
  ] as const
) {
  Deno.test(`parseConfig() refuses ${issue}`, () => {
    const issues = issuesOf(file(service, local));
    assert.equal(issues.length, 1, issues.join("\n"));
    assert.ok(issues[0]?.endsWith(`services[0].${issue}`), issues[0]);
  });
}

Deno.test("parseConfig() calls a check that goes through the service so, and renderConfig() shows no address of its own", () => {
  const result = parse(file({ ports: [TO_OTHERS] }));
  assert.ok(result.ok);
  assert.equal(result.config.services[0]?.checks[0]?.name, "http service:80/");
  const printed = JSON.stringify(renderConfig(result.config));
  assert.match(printed, /"port":80,"via":"service"/);
  assert.deepEqual(issuesOf(printed), []);
});

Deno.test("parseConfig() takes every kind that connects through the service, and renderConfig() gives it back", () => {
  const kinds = [
    { type: "tcp" },
    { type: "udp", send: "x" },
    { type: "dns", name: "example.org" },
    { type: "grpc" },
    { type: "http", scheme: "https" },
  ];
  const checks = kinds.map((kind) => ({ ...kind, port: 80, via: "service" }));
  const result = parse(file({ checks }));
  assert.ok(result.ok, JSON.stringify(result));
  const made = result.config.services[0]?.checks ?? [];
  assert.deepEqual(made.map(({ through }) => through.length), kinds.map(() => 2));
  for (const { name } of made) assert.match(name, /\bservice:80/);
  const again = parse(JSON.stringify(renderConfig(result.config)));
  assert.ok(again.ok, JSON.stringify(again));
  assert.deepEqual(again.config.services[0]?.checks, made);
});
