/**
 * The metric families that are read off the status document at each scrape, one row of this table for each: so they
 * cannot disagree with it. Pure.
 */
import { OBJECT_KINDS } from "../kernel/kernel_object.ts";
import { endpoint } from "../status/destinations_text.ts";
import type { JournalStatus, ServerStatus, Status } from "../status/status.ts";
import type { Sample } from "./exposition.ts";
import { type Family, flag, moment, oneOf } from "./family.ts";
import { PEER_FAMILIES } from "./peer_families.ts";
import { SERVICE_FAMILIES } from "./service_families.ts";

const AGENT_STATES = ["starting", "running", "stopping", "stopped"] as const;

/** Every family of the status. */
export const FAMILIES: readonly Family[] = [
  {
    name: "bgp_lb_path_advertisement",
    help: "Whether the prefix is announced with this next hop to at least one peer.",
    type: "gauge",
    samples: pathAdvertisements,
  },
  {
    name: "bgp_lb_build_info",
    help: "Always 1; the version is a label.",
    type: "gauge",
    samples: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    name: "bgp_lb_local_info",
    help: "Always 1; the BGP Identifier and the AS of this host are labels.",
    type: "gauge",
    samples: ({ routerID, as }) => [{ labels: { router_id: routerID, as: String(as) }, value: 1 }],
  },
  {
    name: "bgp_lb_agent_state",
    help: "1 for what the agent is doing.",
    type: "gauge",
    samples: ({ state }) => oneOf("state", AGENT_STATES, state, {}),
  },
  {
    name: "bgp_lb_listener_listening",
    help: "Whether peers can reach this address: the listener is there.",
    type: "gauge",
    // One address may be listened on for several VRFs.
    samples: ({ listeners }) =>
      [...Map.groupBy(listeners, ({ address, port }) => endpoint(address, port))].map(([listener, all]) => {
        return { labels: { listener }, value: flag(all.every(({ fault }) => fault === undefined)) };
      }),
  },
  ...PEER_FAMILIES,
  ...SERVICE_FAMILIES,
  ofServer(
    "bgp_lb_server_listening",
    "gauge",
    "Whether the server listens.",
    ({ state }) => flag(state === "listening"),
  ),
  ofServer("bgp_lb_server_clients", "gauge", "Clients that are connected.", ({ clients }) => clients),
  ofServer(
    "bgp_lb_server_requests_total",
    "counter",
    "Requests that were answered.",
    ({ requests }) => requests,
  ),
  ofServer(
    "bgp_lb_server_refused_total",
    "counter",
    "Clients that were one too many.",
    ({ refused }) => refused,
  ),
  {
    name: "bgp_lb_kernel_converged",
    help: "Whether the kernel has all that it should have.",
    type: "gauge",
    samples: ({ kernel }) => [{ labels: {}, value: flag(kernel.converged || !kernel.managed) }],
  },
  {
    name: "bgp_lb_kernel_read_timestamp_seconds",
    help: "When the kernel was read last.",
    type: "gauge",
    samples: ({ kernel }) => moment(kernel.at),
  },
  {
    name: "bgp_lb_kernel_contested",
    help: "Kernel objects of ours that somebody else changes again and again.",
    type: "gauge",
    samples: ({ kernel }) =>
      OBJECT_KINDS.map((object) => ({
        labels: { object },
        value: kernel.contested.filter(({ kind }) => kind === object).length,
      })),
  },
  {
    name: "bgp_lb_leaving_objects",
    help: "Kernel objects of the service that are wanted no more and go in order.",
    type: "gauge",
    samples: ({ leaving }) =>
      [...Map.groupBy(leaving, ({ service }) => service)].map(([service, rows]) => ({
        labels: { service },
        value: rows.reduce((sum, { what }) => sum + what.length, 0),
      })),
  },
  {
    name: "bgp_lb_config_last_reload_successful",
    help: "Whether the last attempt at another configuration succeeded; 1 where there was none.",
    type: "gauge",
    samples: ({ config }) => [{ labels: {}, value: flag(config.lastReload?.successful ?? true) }],
  },
  {
    name: "bgp_lb_config_last_reload_success_timestamp_seconds",
    help: "When the configuration was last read with success.",
    type: "gauge",
    samples: ({ config: { lastReload, loadedAt } }) =>
      moment(lastReload?.successful === true ? lastReload.at : loadedAt),
  },
  {
    name: "bgp_lb_config_info",
    help: "Always 1; the hash of the configuration in force is a label.",
    type: "gauge",
    samples: ({ config: { hash } }) => [{ labels: { hash }, value: 1 }],
  },
  {
    name: "bgp_lb_config_restart_needed",
    help: "Changed keys that take effect with the next restart.",
    type: "gauge",
    samples: ({ config }) => [{ labels: {}, value: config.restart.length }],
  },
  ofJournal(
    "bgp_lb_journal_events",
    "gauge",
    "Events that are kept.",
    ({ newest, dropped }) => newest - dropped,
  ),
  ofJournal(
    "bgp_lb_journal_dropped_total",
    "counter",
    "Events that were kept and are no more, as there came others.",
    ({ dropped }) => dropped,
  ),
  ofJournal(
    "bgp_lb_event_readers",
    "gauge",
    "Clients that follow the events.",
    ({ readers }) => readers,
  ),
  ofJournal(
    "bgp_lb_event_readers_cut_total",
    "counter",
    "Clients that followed the events too slowly, and were cut off.",
    ({ cut }) => cut,
  ),
];

/** A family of one sample about the events that are kept. */
function ofJournal(
  name: string,
  type: Family["type"],
  help: string,
  value: (journal: JournalStatus) => number,
): Family {
  return { name, help, type, samples: ({ journal }) => [{ labels: {}, value: value(journal) }] };
}

/** A family with one sample for each server that is not turned off. */
function ofServer(
  name: string,
  type: Family["type"],
  help: string,
  value: (server: ServerStatus) => number,
): Family {
  return {
    name,
    help,
    type,
    samples: ({ servers }) =>
      Object.entries(servers).flatMap(([server, status]) =>
        status === undefined ? [] : [{ labels: { server }, value: value(status) }]
      ),
  };
}

/** The reference's own metric: 1 where some peer was sent the prefix with this next hop, 0 where none was. */
function* pathAdvertisements({ services, routerID }: Status): Generator<Sample> {
  for (const { prefix, peers } of services.flatMap(({ routes }) => routes)) {
    const [address = "", length = ""] = prefix.split("/");
    const nextHops = new Set(peers.map(({ nextHop }) => nextHop));
    const value = nextHops.size === 0 ? 0 : 1;
    for (const nextHop of nextHops.size === 0 ? [routerID] : nextHops) {
      yield { labels: { prefix: address, prefix_length: length, next_hop: nextHop }, value };
    }
  }
}
