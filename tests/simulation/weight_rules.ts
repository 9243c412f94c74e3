/**
 * What weights must not do while this process knows nothing of a destination yet: one that an earlier process gave is not
 * taken away, and none is given anew.
 */
import type { Config, ServiceConfig } from "../../src/config/config.ts";
import type { AgentEvent } from "../../src/events/event.ts";
import { type Change, describeChange } from "../../src/kernel/change.ts";
import {
  type Destination,
  destinationKey,
  type VirtualServiceId,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { destinationsOf } from "../../src/service/weights.ts";
import { type HostKernel, serviceAt } from "./host_kernel.ts";

/** What is judged here, by name. */
export type WeightRule = "nothing is cut that is not known" | "nothing goes to what is not known";

/** What is seen here. */
export interface WeightView {
  readonly nowMs: number;
  readonly kernel: HostKernel;
  readonly config: Config;
  isInService(service: string): boolean;
}

/** Until when something that happened to a service counts, and when something last happened to all. */
export interface Disturbances {
  serviceUntilMs(service: string): number;
  allMs(): number;
}

/** Judges the changes of one process. */
export class WeightRules {
  readonly #view: WeightView;
  readonly #disturbances: Disturbances;
  #beganMs = 0;
  /** Destinations of which this process has said something. */
  readonly #judged = new Set<string>();
  /** And those of which it has said that they failed. */
  readonly #failed = new Set<string>();
  /** It was told to run with something else. */
  #reloaded = false;
  /** It was told to give weights back as they were. */
  #undrained = false;

  constructor(view: WeightView, disturbances: Disturbances) {
    this.#view = view;
    this.#disturbances = disturbances;
  }

  /** A process begins. */
  begin(): void {
    this.#beganMs = this.#view.nowMs;
    this.#judged.clear();
    this.#failed.clear();
    this.#reloaded = false;
    this.#undrained = false;
  }

  event(event: AgentEvent): void {
    if (event.kind === "order" && event.order === "reload") this.#reloaded = true;
    if (event.kind === "undrained") this.#undrained = true;
    if (event.kind !== "verdict" || event.destination === undefined) return;
    this.#judged.add(event.destination);
    if (event.to === "unhealthy") this.#failed.add(event.destination);
  }

  /** What of a change that is about to be made is judged, and what is wrong with it. */
  change(change: Change): readonly { readonly rule: WeightRule; readonly wrong: string | undefined }[] {
    if (!("destination" in change) || this.#reloaded) return [];
    const service = serviceAt(this.#view.config, change.service);
    const found = destinationIn(service, change);
    if (service === undefined || found === undefined || found.checks.length === 0) return [];
    const weight = change.type === "delete-destination" ? 0 : change.destination.weight;
    const wrong = `${describeChange(change)} ${this.#view.nowMs - this.#beganMs} ms after the start`;
    if (this.#isCut(service, found, change.service, weight)) {
      // What its checks gave it is not known before their first verdict either.
      const known = weight > 0 ? this.#judged : this.#failed;
      const isKnown = known.has(nameOf(found)) || (isGiven(found) && this.#judged.has(nameOf(found)));
      return [{ rule: "nothing is cut that is not known", wrong: isKnown ? undefined : wrong }];
    }
    if (!this.#isNew(service, change.service, change.destination, weight)) return [];
    const isKnown = this.#judged.has(nameOf(found));
    return [{ rule: "nothing goes to what is not known", wrong: isKnown ? undefined : wrong }];
  }

  /** It loses what it has, though the service is in service. */
  #isCut(service: ServiceConfig, found: Found, id: VirtualServiceId, weight: number): boolean {
    const { nowMs } = this.#view;
    // It may have been out of service until now.
    if (!this.#view.isInService(service.name)) return false;
    if (nowMs < this.#disturbances.serviceUntilMs(service.name)) return false;
    if (isGiven(found) ? this.#isDisturbed : weight > 0 || found.weight === 0) return false;
    return weight < this.#weightOf(id, found);
  }

  /** It had none on any address, and gets some. */
  #isNew(service: ServiceConfig, id: VirtualServiceId, destination: Destination, weight: number): boolean {
    if (weight === 0 || this.#isDisturbed || this.#undrained) return false;
    const { kernel, config } = this.#view;
    return !kernel.services.some((each) =>
      each.port === id.port && each.protocol === id.protocol && serviceAt(config, each) === service &&
      this.#weightOf(each, destination) > 0
    );
  }

  /** Somebody has changed something since the process began. */
  get #isDisturbed(): boolean {
    return this.#disturbances.allMs() >= this.#beganMs;
  }

  #weightOf(id: VirtualServiceId, destination: Pick<Destination, "address" | "port">): number {
    const key = virtualServiceKey(id);
    return this.#view.kernel.services.find((each) => virtualServiceKey(each) === key)?.destinations
      .find((each) => destinationKey(each) === destinationKey(destination))?.weight ?? 0;
  }
}

/** A change of one destination. */
export type DestinationChange = Extract<Change, { readonly type: `${string}-destination` }>;

type Found = ServiceConfig["ports"][number]["destinations"][number];

/** The configured destination that a change is about. */
export function destinationIn(
  service: ServiceConfig | undefined,
  { service: { port, protocol, fwmark, address: { family } }, destination }: DestinationChange,
): Found | undefined {
  const own = service?.ports.find((each) =>
    each.fwmark === fwmark && each.port === port && each.protocol === protocol
  );
  const reached = own === undefined ? [] : destinationsOf(own, family);
  return reached.find((each) => destinationKey(each) === destinationKey(destination));
}

function isGiven({ checks }: Found): boolean {
  return checks.some((check) => check.type === "http" && check.weightHeader !== undefined);
}

/** As events call a destination. */
function nameOf({ address: { text }, port }: Pick<Destination, "address" | "port">): string {
  return `${text.includes(":") ? `[${text}]` : text}:${port}`;
}
