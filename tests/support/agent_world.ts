/** The whole agent on a virtual clock: a kernel in memory, a network in memory, routers that are speakers of ours. */
import assert from "node:assert/strict";
import { Agent } from "../../src/agent/agent.ts";
import type { AgentPorts, Loaded } from "../../src/agent/ports.ts";
import type { Config, FamilyName, ServiceConfig } from "../../src/config/config.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { describeChange } from "../../src/kernel/change.ts";
import { address } from "./bgp.ts";
import { config, httpCheckConfig, internalPeer, serviceConfig } from "./config.ts";
import { linesOf, RecordedEvents } from "./events.ts";
import { FakeKernel } from "./fake_kernel.ts";
import { sidePorts } from "./side_ports.ts";
import { A, B, type End, Stage } from "./speakers.ts";
import { CONTENTION } from "./config.ts";

/** 10.0.0.3: the second router. */
const C = address("10.0.0.3");
const WITH_RESTART = { gracefulRestart: { restartTimeSeconds: 120 } };
const BOTH: readonly FamilyName[] = ["ipv4-unicast", "ipv6-unicast"];

/**
 * An agent at 10.0.0.1 with the service `web` under test for every router, and `other`, a bystander of both families with
 * checks of its own for the second router alone, that nothing but a stop may touch; and `off`, which is disabled. The
 * journal holds what happened in which order; `router` hears of `web` alone.
 */
export class World {
  readonly stage = new Stage();
  readonly kernel: FakeKernel;
  readonly side = sidePorts();
  readonly router: End;
  readonly second: End;
  readonly events: RecordedEvents;
  readonly journal: string[] = [];
  /** Of the agent; -1: it does not listen. */
  listenPort = -1;
  /** What of the kernel the configuration leaves to the agent. */
  network: Config["network"] = { setup: true, ipvs: true, contention: CONTENTION };
  /** Where drains are kept; undefined: nowhere. */
  stateDirectory: string | undefined;
  /** The boot that the host is in. */
  bootId = "first boot";
  /** What the file says when it is read again. */
  file: Loaded = { ok: false, problems: ["nobody wrote a file"] };
  /** What probes of `web` find. */
  outcome: ProbeOutcome = { kind: "pass", detail: "status 200" };
  #agent: Agent | undefined;

  constructor(kernel = new FakeKernel()) {
    this.kernel = kernel;
    this.kernel.beforeChange = (change) => void this.journal.push(`kernel: ${describeChange(change)}`);
    const peer = { as: 65512, passive: true, ...WITH_RESTART };
    this.router = this.stage.end(B, { peer, local: { as: 65512 } });
    this.second = this.stage.end(C, { peer: { ...peer, families: BOTH }, local: { as: 65512 } });
    this.router.speaker.start();
    this.second.speaker.start();
    this.events = new RecordedEvents(this.stage.clock);
    this.events.stream.subscribe("journal", (event) => {
      this.journal.push(...linesOf(event).filter((line) => /^(bgp|service):/.test(line)));
    });
  }

  /** What the agent logged, word for word. */
  get logged(): readonly string[] {
    return this.events.lines.map((line) => line.slice(line.indexOf(" ") + 1));
  }

  /** The configuration of the agent, with `service` as what `web` differs in. */
  config(service: Partial<ServiceConfig> = {}): Config {
    const { listenPort } = this;
    const address6 = address("2001:db8::1");
    const local = {
      ...config().bgp.local,
      routerID: A,
      address: A,
      address6,
      listenPort,
      listenAddresses: [A],
    };
    const fast = { intervalMs: 1000, fall: 2 };
    const { announce } = serviceConfig();
    const other = serviceConfig({
      name: "other",
      interface: "other",
      addresses: [address("10.99.1.1"), address("2001:db8:99::1")],
      announce: { ...announce, peers: ["r2"] },
      ports: [],
      stop: { shiftMs: 0, convergeMs: 1000, quiesceMs: 5000 },
      checks: [httpCheckConfig({ port: 1, ...fast }), httpCheckConfig({ port: 2, ...fast })],
    });
    const off = serviceConfig({
      name: "off",
      interface: "off",
      enabled: false,
      ports: [],
      addresses: [address("10.99.2.1")],
      checks: [],
    });
    return config({
      network: this.network,
      state: { directory: this.stateDirectory },
      http: { listen: { hostname: "", port: 8081 }, allowedHosts: [] },
      control: { socket: "/run/control.sock", group: undefined },
      bgp: {
        local,
        peers: [
          internalPeer({ address: B, ...WITH_RESTART }),
          internalPeer({ name: "r2", address: C, families: BOTH, ...WITH_RESTART }),
        ],
      },
      services: [
        serviceConfig({
          checks: [httpCheckConfig(fast)],
          stop: { shiftMs: 0, convergeMs: 1000, quiesceMs: 5000 },
          ...service,
        }),
        other,
        off,
      ],
    });
  }

  /** An agent that is not started yet; `ports` but for the probe of `web` are of all. */
  agent(service: Partial<ServiceConfig> = {}, ports: Partial<AgentPorts> = {}): Agent {
    const { probe = () => ({ run: () => Promise.resolve(this.outcome) }), ...rest } = ports;
    this.#agent = new Agent(
      this.config(service),
      {
        version: "test",
        clock: this.stage.clock,
        random: () => 0.5,
        events: this.events.stream,
        transport: this.stage.network.transport(A),
        kernel: this.kernel,
        probe(check, target) {
          const isOthers = check.type === "http" && check.port < 10;
          return isOthers
            ? { run: () => Promise.resolve({ kind: "pass", detail: "well" }) }
            : probe(check, target);
        },
        ...this.side,
        boot: () => ({ id: this.bootId, ms: this.stage.clock.now() }),
        load: () => this.file,
        processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
        ...rest,
      },
    );
    return this.#agent;
  }

  /** Where `text` stands in the journal. */
  at(text: string): number {
    const index = this.journal.findIndex((line) => line.includes(text));
    assert.ok(index >= 0, `${text} is not in\n${this.journal.join("\n")}`);
    return index;
  }

  /**
   * Nothing may be left running, and whatever happened to `web`, nobody but an operator withdrew the bystander, and no part
   * of the agent was at fault.
   */
  async close(): Promise<void> {
    assert.deepEqual(this.events.of("fault"), []);
    await this.closeWithFaults();
  }

  /** The same where faults were made. */
  async closeWithFaults(): Promise<void> {
    const withdrawals = this.events.of("route").filter(({ service, to }) =>
      service === "other" && to === "withdrawn"
    );
    assert.deepEqual(withdrawals.filter(({ cause }) => !/^(stopping|drained)/.test(cause)), []);
    const stopping = this.#agent?.stop("end of test");
    await this.stage.clock.advance(60_000);
    await stopping;
    await this.stage.close();
  }
}
