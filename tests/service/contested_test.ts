/** Which addresses rest on what others change: by object, service, family and mark. */
import assert from "node:assert/strict";
import type { Contested } from "../../src/kernel/contested.ts";
import { UNSPECIFIED } from "../../src/net/address.ts";
import { contestedBy, contestedText, contestedUnder } from "../../src/service/contested.ts";
import { address } from "../support/bgp.ts";
import { PLAIN_PORT, serviceConfig } from "../support/config.ts";

const [ONE, TWO, SIX] = ["10.99.0.1", "10.99.0.2", "2001:db8:99::1"].map(address);
if (ONE === undefined || TWO === undefined || SIX === undefined) throw new Error("no address");
const web = serviceConfig({ name: "web", interface: "web", addresses: [ONE, TWO, SIX] });
const marked = serviceConfig({
  name: "marked",
  interface: "marked",
  addresses: [address("10.99.1.1"), address("2001:db8:99::2")],
  ports: [{ ...PLAIN_PORT, port: 0, protocol: "tcp", destinations: [], fwmark: 7, families: [4, 6] }],
});
const NOTHING = { interface: undefined, address: undefined, virtualService: undefined };

function contested(object: Partial<Contested>): Contested {
  return { kind: "address", object: "x", repairs: 6, sinceMs: 0, suspect: undefined, ...NOTHING, ...object };
}

Deno.test("what is contested shuts what rests on it and nothing else", () => {
  const by80 = { protocol: "tcp", port: 80, fwmark: 0 } as const;
  const rows: readonly (readonly [Partial<Contested>, readonly string[], readonly string[]])[] = [
    [{ kind: "interface", interface: "web" }, [ONE.text, TWO.text, SIX.text], []],
    [{ kind: "address", interface: "web", address: TWO }, [TWO.text], []],
    [{ kind: "local route", interface: "web", address: SIX }, [SIX.text], []],
    [{ kind: "address", interface: "web", address: address("10.66.0.1") }, [], []],
    [{ kind: "address", interface: "eth0", address: ONE }, [], []],
    [{ kind: "virtual service", virtualService: { ...by80, address: ONE } }, [ONE.text], []],
    [{ kind: "destination", virtualService: { ...by80, address: SIX } }, [SIX.text], []],
    [{ kind: "virtual service", virtualService: { ...by80, port: 81, address: ONE } }, [], []],
    [
      {
        kind: "virtual service",
        virtualService: { protocol: "tcp", address: UNSPECIFIED[6], port: 0, fwmark: 7 },
      },
      [],
      ["2001:db8:99::2"],
    ],
  ];
  for (const [object, ofWeb, ofMarked] of rows) {
    const of = contestedBy([contested(object)]);
    const shut = (config: typeof web) =>
      config.addresses.filter((each) => contestedUnder(of(config), each).length > 0).map(({ text }) => text);
    assert.deepEqual([shut(web), shut(marked)], [ofWeb, ofMarked], JSON.stringify(object.kind));
  }
});

Deno.test("contestedText() names object, number and suspect", () => {
  assert.equal(
    contestedText(contested({ object: "interface web" })),
    "interface web is changed again and again: repaired 6 times",
  );
  assert.equal(
    contestedText(contested({ object: "interface web", suspect: "ip (process 7)" })),
    "interface web is changed again and again, most likely by ip (process 7): repaired 6 times",
  );
});
