/** What can be asked of a running agent: each view is a part of the status document, as text and as JSON. Pure. */
import { escapeUnprintable } from "../text/escapes.ts";
import { nearest } from "../text/nearest.ts";
import { peersText } from "./peers_text.ts";
import { routesText } from "./routes_text.ts";
import type { Status } from "./status.ts";
import { statusText } from "./status_text.ts";

/** The views by name. */
export type ViewName = "status" | "peers" | "routes";

/** One view. */
export interface View {
  /**
   * The status with only what `name` names.
   * @throws {UnknownNameError} where it names nothing
   */
  only(status: Status, name: string): Status;
  json(status: Status): unknown;
  text(status: Status, now: Date): string;
}

/** So many of the names that there are stand in a refusal. */
const SHOWN_NAMES = 10;

/** A name that nothing of the running configuration has; the one that was meant, most likely, is named first. */
export class UnknownNameError extends Error {
  override readonly name = "UnknownNameError";

  constructor(subject: string, name: string, known: readonly string[]) {
    const meant = nearest(name, known);
    const ordered = meant === undefined ? known : [meant, ...known.filter((each) => each !== meant)];
    const shown = ordered.slice(0, SHOWN_NAMES).join(", ");
    const more = known.length > SHOWN_NAMES ? ` and ${known.length - SHOWN_NAMES} more` : "";
    super(escapeUnprintable(`no ${subject} ${name}; there is ${shown === "" ? "none" : shown}${more}`));
  }
}

/** Every view. */
export const VIEWS: Readonly<Record<ViewName, View>> = {
  status: { only: onlyService, json: (status) => status, text: statusText },
  peers: { only: onlyPeer, json: ({ peers }) => peers, text: peersText },
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

/** By name or address. */
function onlyPeer(status: Status, wanted: string): Status {
  const peers = status.peers.filter(({ name, address }) => name === wanted || address === wanted);
  if (peers.length === 0) throw new UnknownNameError("peer", wanted, status.peers.map(({ name }) => name));
  return { ...status, peers };
}

function onlyService(status: Status, wanted: string): Status {
  const services = status.services.filter(({ name }) => name === wanted);
  if (services.length > 0) return { ...status, services };
  throw new UnknownNameError("service", wanted, status.services.map(({ name }) => name));
}
