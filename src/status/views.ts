/** What can be asked of a running agent: each view is a part of the status document, as text and as JSON. Pure. */
import type { Style } from "../text/style.ts";
import { escapeUnprintable } from "../text/escapes.ts";
import { nearest } from "../text/nearest.ts";
import { peersText } from "./peers_text.ts";
import { routesText } from "./routes_text.ts";
import { servicesText } from "./services_text.ts";
import type { Status } from "./status.ts";
import { statusText } from "./status_text.ts";

/** The views by name. */
export type ViewName = "status" | "peers" | "services" | "routes";

/** One view. */
export interface View {
  /**
   * The status with only what `name` names.
   * @throws {UnknownNameError} where it names nothing
   */
  only(status: Status, name: string): Status;
  json(status: Status): unknown;
  text(status: Status, now: Date, style?: Style): string;
}

/** So many of the names that there are stand in a refusal. */
const SHOWN_NAMES = 10;

/** A name that nothing of the running configuration has; the one that was meant, most likely, is named first. */
export class UnknownNameError extends Error {
  override readonly name = "UnknownNameError";

  constructor(subject: string, name: string, known: readonly string[]) {
    const guess = nearest(name, known);
    const shown = known.slice(0, SHOWN_NAMES).join(", ");
    const more = known.length > SHOWN_NAMES ? ` and ${known.length - SHOWN_NAMES} more` : "";
    const meant = guess === undefined ? "; " : `, did you mean ${guess}? `;
    const there = `there is ${shown === "" ? "none" : shown}${more}`;
    super(escapeUnprintable(`no ${subject} ${name}${meant}${there}`));
  }
}

/** Every view. */
export const VIEWS: Readonly<Record<ViewName, View>> = {
  status: { only: onlyService, json: (status) => status, text: statusText },
  peers: { only: onlyPeer, json: ({ peers }) => peers, text: peersText },
  services: {
    only: onlyService,
    json: ({ services, leaving }) => ({ services, leaving }),
    text: servicesText,
  },
  routes: {
    only: onlyService,
    json: ({ services }) =>
      services.flatMap(({ name: service, routes }) => routes.map((route) => ({ service, ...route }))),
    text: routesText,
  },
};

/** Whether a view has this name. */
export function isViewName(name: string): name is ViewName {
  return Object.hasOwn(VIEWS, name);
}

/** Only one peer, by name or address. @throws {UnknownNameError} */
export function onlyPeer(status: Status, wanted: string): Status {
  const peers = status.peers.filter(({ name, address }) => name === wanted || address === wanted);
  if (peers.length === 0) throw new UnknownNameError("peer", wanted, status.peers.map(({ name }) => name));
  return { ...status, peers };
}

/** Only one service, and what is left of it. @throws {UnknownNameError} */
export function onlyService(status: Status, wanted: string): Status {
  const services = status.services.filter(({ name }) => name === wanted);
  const leaving = status.leaving.filter(({ service }) => service === wanted);
  if (services.length > 0) return { ...status, services, leaving };
  throw new UnknownNameError("service", wanted, status.services.map(({ name }) => name));
}
