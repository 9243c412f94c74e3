/** The way through the service: every address of it, over probes that answer as the test says. */
import assert from "node:assert/strict";
import { throughProbe, type Way } from "../../../src/health/kinds/through.ts";
import type { OutcomeKind, Probe, ProbeOutcome, Progress } from "../../../src/health/kinds/probe.ts";
import { address } from "../../support/bgp.ts";
import { settle } from "../../support/virtual_clock.ts";

const TEXTS = ["10.99.0.1", "2001:db8:99::1"] as const;
const here = { has: () => true };
const never = () => new AbortController().signal;

/** A way whose probe waits for the test, and ends when it is aborted. */
class ScriptedWay implements Way {
  readonly address;
  readonly probe: Probe;
  signal: AbortSignal | undefined;
  progress: Progress = () => {};
  #resolve: (outcome: ProbeOutcome) => void = () => {};
  reject: (error: Error) => void = () => {};

  constructor(text: string) {
    this.address = address(text);
    this.probe = {
      run: (signal, progress) => {
        [this.signal, this.progress] = [signal, progress];
        const { promise, resolve, reject } = Promise.withResolvers<ProbeOutcome>();
        [this.#resolve, this.reject] = [resolve, reject];
        signal.addEventListener("abort", () => resolve({ kind: "fail", detail: "aborted" }));
        return promise;
      },
    };
  }

  end(kind: OutcomeKind, detail: string): void {
    this.#resolve({ kind, detail });
  }
}

function rig() {
  const [four, six] = [new ScriptedWay(TEXTS[0]), new ScriptedWay(TEXTS[1])];
  const steps: string[] = [];
  const probe = throughProbe([four, six], here);
  return { four, six, steps, outcome: probe.run(never(), (step) => steps.push(step)) };
}

Deno.test("throughProbe() passes when every address has passed, and says how each did", async () => {
  const { four, six, steps, outcome } = rig();
  four.progress("connecting");
  six.progress("connecting");
  four.end("pass", "status 200");
  await settle();
  six.end("pass", "status 204");
  assert.deepEqual(await outcome, {
    kind: "pass",
    detail: "through 10.99.0.1: status 200; through 2001:db8:99::1: status 204",
  });
  assert.deepEqual(steps, [
    "connecting through 10.99.0.1",
    "connecting through 10.99.0.1, connecting through 2001:db8:99::1",
    "connecting through 2001:db8:99::1",
  ]);
});

Deno.test("throughProbe() fails with the first address that does, names it and waits for no other", async () => {
  const { four, six, outcome } = rig();
  six.end("fail", "connection refused");
  assert.deepEqual(await outcome, { kind: "fail", detail: "through 2001:db8:99::1: connection refused" });
  assert.equal(four.signal?.aborted, true);
});

Deno.test("throughProbe() says nothing of the service where something was short for one address and none has failed", async () => {
  for (const [other, kind] of [["pass", "unknown"], ["fail", "fail"]] as const) {
    const { four, six, outcome } = rig();
    four.end("unknown", "this process has too many open files");
    await settle();
    six.end(other, "status 200");
    assert.equal((await outcome).kind, kind);
  }
});

Deno.test("throughProbe() leaves nothing open where one way throws, and hands that on", async () => {
  const { four, six, outcome } = rig();
  const rejected = assert.rejects(outcome, /thrown/);
  four.reject(new Error("thrown"));
  await rejected;
  assert.equal(six.signal?.aborted, true);
});

Deno.test("throughProbe() sends nothing to an address that is not on this host: another one of the fleet would answer", async () => {
  const ways = TEXTS.map((text) => new ScriptedWay(text));
  const [four, six] = ways;
  const present = new Set<string>([TEXTS[1]]);
  const local = { has: ({ text }: { readonly text: string }) => present.has(text) };
  const probe = throughProbe(ways, local);
  const gone = await probe.run(never(), () => {});
  assert.deepEqual(gone, {
    kind: "fail",
    detail: "through 10.99.0.1: this host does not have the address now",
  });
  assert.deepEqual([four?.signal, six?.signal], [undefined, undefined]);
  present.add(TEXTS[0]);
  const back = probe.run(never(), () => {});
  for (const way of ways) way.end("pass", "status 200");
  assert.equal((await back).kind, "pass");
});

Deno.test("throughProbe() that cannot ask whether the address is here says nothing of the service", async () => {
  const short = Object.assign(new Error("socket: too many open files"), { code: "EMFILE" });
  const local = {
    has() {
      throw short;
    },
  };
  const { kind, detail } = await throughProbe([new ScriptedWay(TEXTS[0])], local).run(never(), () => {});
  assert.deepEqual([kind, detail], ["unknown", "through 10.99.0.1: this process has too many open files"]);
});
