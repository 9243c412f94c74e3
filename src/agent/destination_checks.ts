/**
 * The checks of all destinations. Those that are the same but for their names are one, whose verdict is for every port of
 * every service that has it: so many as share a target, it is probed once. They are known by what they are across reloads.
 */
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { DestinationConfig, ServiceConfig } from "../config/config.ts";
import type { Check } from "../health/check.ts";
import { destinationKey } from "../kernel/state.ts";
import { type DestinationPlace, portName } from "../service/port_state.ts";
import type { Loop } from "../time/loop.ts";
import { checkIdentity } from "./check_identity.ts";
import { leavesHost } from "./leaves_host.ts";
import { type CheckSurroundings, type Said, toldCheck } from "./told_check.ts";

/** What the checks of destinations are made of. */
export interface DestinationChecksOptions extends CheckSurroundings {
  /** A check has said something of these places, by service. */
  readonly onSaid: (places: ReadonlyMap<string, readonly DestinationPlace[]>, said: Said) => void;
}

/** Who wants to hear what a check says. */
interface Listener {
  readonly service: string;
  readonly place: DestinationPlace;
}

/** What a service asks of a check. */
interface Question {
  /** Of the check. */
  readonly identity: string;
  readonly config: CheckConfig;
  readonly destination: DestinationConfig;
  readonly listener: Listener;
}

interface Asked extends Pick<Question, "config" | "destination"> {
  readonly listeners: Listener[];
}

/** A check that runs. */
interface Made {
  readonly config: CheckConfig;
  readonly check: Check;
  listeners: readonly Listener[];
}

/** Every check of destinations of one agent. */
export class DestinationChecks {
  readonly #options: DestinationChecksOptions;
  /** By what they are. */
  #checks: ReadonlyMap<string, Made> = new Map();
  /** What was prepared and is not in force yet: it goes on, whoever goes meanwhile. */
  #coming: ReadonlyMap<string, Made> = new Map();
  /** There may be thousands: a service that is the same asks the same. */
  readonly #questions = new WeakMap<ServiceConfig, readonly Question[]>();

  constructor(options: DestinationChecksOptions) {
    this.#options = options;
  }

  /**
   * Makes the checks that there are not yet, and gives what goes over to them: those of services in `leaving` go on.
   * @param first how many other checks share the beat
   * @throws {Error} where one cannot be made; nothing has changed then
   */
  prepare(services: readonly ServiceConfig[], first: number): (leaving: ReadonlySet<string>) => void {
    const asked = this.#askedOf(services);
    const count = first + asked.size;
    let index = first;
    const next = new Map([...asked].map(([identity, each]) => {
      const spread = { index: index++, count };
      const { check } = this.#checks.get(identity) ?? { check: this.#create(identity, each, spread) };
      return [identity, { config: each.config, check, listeners: each.listeners }];
    }));
    const configured = new Set(services.map(({ name }) => name));
    this.forget();
    this.#coming = next;
    return (leaving) => {
      this.#coming = new Map();
      this.#goOver(next, ({ service }) => leaving.has(service) && !configured.has(service));
    };
  }

  /** What was prepared does not come into force. */
  forget(): void {
    for (const [identity, { check }] of this.#coming) {
      if (this.#checks.get(identity)?.check !== check) check.stop();
    }
    this.#coming = new Map();
  }

  /** Services that were on their way out have gone: those alone are left for which `isThere`. */
  retain(isThere: (service: string) => boolean): void {
    const kept = [...this.#checks].map(([identity, { listeners, ...made }]): [string, Made] => {
      return [identity, { ...made, listeners: listeners.filter(({ service }) => isThere(service)) }];
    });
    this.#goOver(new Map(kept.filter(([, { listeners }]) => listeners.length > 0)), () => false);
  }

  /** What a check has said that is the same as this one; undefined: nothing. */
  saidOf(config: CheckConfig): Said | undefined {
    const status = this.#checks.get(checkIdentity(config))?.check.status();
    if (status === undefined || status.verdict === "unknown") return undefined;
    const { verdict, cause, weight } = status;
    return { verdict, cause, weight };
  }

  /** Each by the first place that it is for, which no other check of its name is for. */
  loops(): readonly Loop[] {
    return [...this.#checks.values()].map(({ check: { name, dueMs }, listeners: [first] }) => {
      const { port = "", destination = "" } = first?.place ?? {};
      return { name: `check ${first?.service}/${port}/${destination}/${name}`, dueMs };
    });
  }

  /** Every one of them. */
  get all(): readonly Check[] {
    return [...this.#checks.values()].map(({ check }) => check);
  }

  /** Those whose destinations are not on this host's loopback. */
  get leavingHost(): readonly Check[] {
    return [...this.#checks.values()].filter(({ config }) => leavesHost(config)).map(({ check }) => check);
  }

  /** Those of these services, each once, and which of the services have any. */
  of(
    services: ReadonlySet<string>,
  ): { readonly checks: readonly Check[]; readonly having: ReadonlySet<string> } {
    const having = new Set<string>();
    const checks = [...this.#checks.values()].filter(({ listeners }) => {
      const asked = listeners.filter(({ service }) => services.has(service));
      for (const { service } of asked) having.add(service);
      return asked.length > 0;
    }).map(({ check }) => check);
    return { checks, having };
  }

  /** Ends for good. */
  stop(): void {
    this.forget();
    for (const { check } of this.#checks.values()) check.stop();
  }

  #goOver(next: Map<string, Made>, isLeaving: (listener: Listener) => boolean): void {
    const before = this.#checks;
    for (const [identity, { config, check, listeners }] of before) {
      const leaving = listeners.filter(isLeaving);
      const stays = next.get(identity);
      if (stays !== undefined) stays.listeners = [...stays.listeners, ...leaving];
      else if (leaving.length > 0) next.set(identity, { config, check, listeners: leaving });
      else if (this.#coming.get(identity)?.check !== check) check.stop();
    }
    this.#checks = next;
    for (const [identity, { check, listeners }] of next) {
      this.#introduce(check, before.get(identity), listeners);
    }
  }

  /** Whoever listens now and did not before is told what is known. */
  #introduce(check: Check, before: Made | undefined, listeners: readonly Listener[]): void {
    const { verdict, cause, weight } = check.status();
    const isSame = before?.listeners.length === listeners.length &&
      listeners.every((listener, index) => listener === before.listeners[index]);
    if (verdict === "unknown" || isSame) return;
    const known = new Set(before?.listeners.map(listenerKey));
    const added = listeners.filter((listener) => !known.has(listenerKey(listener)));
    if (added.length > 0) this.#options.onSaid(placesOf(added), { verdict, cause, weight });
  }

  #askedOf(services: readonly ServiceConfig[]): ReadonlyMap<string, Asked> {
    const asked = new Map<string, Asked>();
    for (const service of services) {
      const questions = this.#questions.get(service) ?? questionsOf(service);
      this.#questions.set(service, questions);
      for (const { identity, config, destination, listener } of questions) {
        const known = asked.get(identity);
        if (known !== undefined) known.listeners.push(listener);
        else asked.set(identity, { config, destination, listeners: [listener] });
      }
    }
    return asked;
  }

  #create(
    identity: string,
    { config, destination, listeners }: Asked,
    spread: { index: number; count: number },
  ) {
    const { address, port } = destination;
    const [{ service } = { service: "" }] = listeners;
    return toldCheck({
      target: { type: "destination", service, address, port },
      config,
      spread,
      tell: (said) => {
        this.#options.onSaid(placesOf(this.#checks.get(identity)?.listeners ?? []), said);
      },
    }, this.#options);
  }
}

function questionsOf({ name: service, ports }: ServiceConfig): readonly Question[] {
  return ports.flatMap((port) =>
    port.destinations.flatMap((destination) =>
      destination.checks.map((config) => {
        const place = {
          port: portName(port),
          destination: destinationKey(destination),
          check: config.name,
        };
        return { identity: checkIdentity(config), config, destination, listener: { service, place } };
      })
    )
  );
}

function listenerKey({ service, place }: Listener): string {
  return JSON.stringify([service, place.port, place.destination, place.check]);
}

function placesOf(listeners: readonly Listener[]): ReadonlyMap<string, readonly DestinationPlace[]> {
  const places = new Map<string, DestinationPlace[]>();
  for (const { service, place } of listeners) {
    const own = places.get(service);
    if (own === undefined) places.set(service, [place]);
    else own.push(place);
  }
  return places;
}
