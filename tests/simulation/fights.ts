/**
 * Hands that undo every repair of one object of ours, for as long as they like, and what the agent has to make of that: what
 * rests on the object is not announced from one repair too many on until it was let alone.
 */
import type { Config } from "../../src/config/config.ts";
import { isOurs, type VirtualServiceId, virtualServiceKey } from "../../src/kernel/state.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { CONTENTION } from "./configurations.ts";
import type { Dice } from "./dice.ts";
import { isOfServices, restingOn, serviceAt } from "./host_kernel.ts";
import type { Inspector, View } from "./inspector.ts";
import { prefixOf } from "./prefixes.ts";

/** A hand looks so often whether its object is back. */
const STRIKE_MS = 40;
/** The pass that sees one repair too many, and the way to the router. */
const SLACK_MS = 300;
/** The process of the hand. */
const PORT = 4242;

/** What fights live in. */
export interface FightPorts {
  readonly clock: VirtualClock;
  readonly view: View;
  readonly inspector: Inspector;
  note(what: string): void;
}

/** What one hand is after. */
interface Target {
  readonly object: string;
  /** What rests on it now. */
  addresses(): readonly string[];
  /** Takes it away where it is there. */
  strike(): boolean;
}

/** How often an object was taken away. */
interface Strikes {
  readonly addresses: readonly string[];
  readonly timesMs: readonly number[];
  readonly contestedMs: number | undefined;
}

/** All fights of a run. */
export class Fights {
  readonly #ports: FightPorts;
  /** When each object was taken away, of this process and configuration. */
  readonly #strikes = new Map<string, Strikes>();
  #process: View["process"];
  #configuredMs = -Infinity;

  constructor(ports: FightPorts) {
    this.#ports = ports;
  }

  /** Somebody begins one. `goesOn`: it may. */
  begin(forMs: number, dice: Dice, goesOn: () => boolean): void {
    const { clock, note } = this.#ports;
    const target = this.#target(dice);
    if (target === undefined) return;
    note(`    over ${target.object}`);
    const untilMs = clock.now() + forMs;
    const strike = () => {
      if (!goesOn() || clock.now() > untilMs) return;
      if (target.strike()) this.#note(target);
      clock.at(clock.now() + STRIKE_MS, strike);
    };
    strike();
  }

  /** Looks at what every router has. */
  look(): void {
    const { view: { nowMs, routers, process, latencyMs }, inspector } = this.#ports;
    this.#follow();
    if (process === undefined || process.stalled) return;
    for (const { addresses, timesMs, contestedMs } of this.#strikes.values()) {
      const endMs = (timesMs.at(-1) ?? 0) + CONTENTION.holdMs;
      if (contestedMs === undefined || nowMs <= contestedMs + SLACK_MS + latencyMs || nowMs >= endMs) {
        continue;
      }
      for (const router of routers.filter((each) => !inspector.impeded(each))) {
        for (const address of addresses) {
          const route = router.routes.get(prefixOf(address));
          const isThere = route !== undefined && !route.stale;
          inspector.judge(
            "not announced while contested",
            isThere
              ? `${router.name} has ${prefixOf(address)}, taken away ${timesMs.length} times`
              : undefined,
          );
        }
      }
    }
  }

  /** Whether somebody fights over what an address rests on. */
  isFoughtOver(address: string): boolean {
    this.#follow();
    return [...this.#strikes.values()].some(({ addresses }) => addresses.includes(address));
  }

  #target(dice: Dice): Target | undefined {
    const { kernel } = this.#ports.view;
    const ofService = dice.chance(0.3);
    const services = kernel.services.filter(isOfServices);
    const links = kernel.interfaces.filter((link) => isOurs(link) && link.addresses.length > 0);
    if (ofService && services.length > 0) {
      const key = virtualServiceKey(dice.pick(services));
      const find = () => kernel.services.find((each) => virtualServiceKey(each) === key);
      const service = find();
      return {
        object: key,
        addresses: () => service === undefined ? [] : servedBy(this.#ports.view.config, service),
        strike() {
          const service = find();
          if (service !== undefined) kernel.delService(service);
          return service !== undefined;
        },
      };
    }
    if (links.length === 0) return undefined;
    const link = dice.pick(links);
    const address = dice.pick(link.addresses).address.text;
    return {
      object: `${address} on ${link.name}`,
      addresses: () => [address],
      strike() {
        const there = kernel.interfaces.find(({ name }) => name === link.name);
        const isThere = there !== undefined && isOurs(there) &&
          there.addresses.some((each) => each.address.text === address);
        if (!isThere) return false;
        there.addresses = there.addresses.filter((each) => each.address.text !== address);
        kernel.orphaned.add(address);
        kernel.notify({ index: there.index, address, port: PORT });
        return true;
      },
    };
  }

  #note(target: Target): void {
    const { view: { nowMs }, inspector } = this.#ports;
    // What is made by the first pass that can read is no repair.
    const isSeen = inspector.isKernelWell && inspector.isRunning;
    this.#follow();
    const { object } = target;
    inspector.disturb();
    inspector.kernelChanged(false);
    if (!isSeen) return;
    const before = this.#strikes.get(object);
    const timesMs = [...(before?.timesMs ?? []).filter((ms) => ms > nowMs - CONTENTION.windowMs), nowMs];
    // Between two of them it was repaired once.
    const isContested = timesMs.length - 1 > CONTENTION.limit;
    this.#strikes.set(object, {
      addresses: target.addresses(),
      timesMs,
      contestedMs: before?.contestedMs ?? (isContested ? nowMs : undefined),
    });
  }

  /** Another process knows nothing of what was before, and another configuration may want it otherwise. */
  #follow(): void {
    const { view: { process, configuredMs, nowMs } } = this.#ports;
    if (process !== this.#process || configuredMs !== this.#configuredMs) this.#strikes.clear();
    this.#process = process;
    this.#configuredMs = configuredMs;
    for (const [object, { timesMs, contestedMs }] of this.#strikes) {
      // What was let alone for long enough begins from nothing; the repair of its last blow may have been the one too many.
      const mayBeContested = contestedMs !== undefined || timesMs.length > CONTENTION.limit;
      const rememberedMs = mayBeContested ? CONTENTION.holdMs : CONTENTION.windowMs;
      if (nowMs > (timesMs.at(-1) ?? 0) + rememberedMs) this.#strikes.delete(object);
    }
  }
}

/** The addresses that a virtual service serves, where it is configured still. */
function servedBy(config: Config, id: VirtualServiceId): readonly string[] {
  const isWanted = serviceAt(config, id)?.ports.some(({ fwmark, port, protocol }) =>
    fwmark === id.fwmark && port === id.port && protocol === id.protocol
  );
  return isWanted === true ? restingOn(config, id) : [];
}
