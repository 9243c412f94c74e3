/**
 * The http check: GET over a connection of its own, so that a server which accepts no more is found out. Any 2xx
 * passes; a redirect is not followed and fails. The body is not read: its connection is closed instead.
 */
import type { HttpCheckConfig } from "../config/config.ts";
import { parseAddress } from "../net/address.ts";
import { describeFailure } from "./failure.ts";
import type { Probe, ProbeOutcome } from "./probe.ts";

const HEADERS = { "user-agent": "bgp-lb", accept: "*/*" };

/** A client of fetch; disposing closes it. */
export type HttpClient = Deno.HttpClient;

/**
 * The client that all http probes share; whoever opens it disposes it. It keeps no connection. Like every client it
 * takes HTTP_PROXY and its kin from the environment as of now: see PROXY_VARIABLES.
 */
export function openHttpClient(): HttpClient {
  return Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
}

/**
 * Environment variables that lead fetch through a proxy. A probe must go straight to its target, so the root removes
 * them before it opens the client.
 */
export const PROXY_VARIABLES = [
  "HTTP_PROXY",
  "http_proxy",
  "HTTPS_PROXY",
  "https_proxy",
  "ALL_PROXY",
  "all_proxy",
] as const;

/** A probe by fetch. */
export function fetchProbe(config: HttpCheckConfig, client: HttpClient): Probe {
  const url = urlOf(config);
  return {
    async run(signal) {
      try {
        const response = await fetch(url, { client, signal, redirect: "manual", headers: HEADERS });
        // The status is the answer; that the rest could not be thrown away politely changes nothing.
        response.body?.cancel().catch(() => {});
        return outcomeOf(response.status, response.headers.get("location"));
      } catch (error) {
        return { pass: false, detail: describeFailure(error) };
      }
    },
  };
}

/** The URL that a check asks for. */
export function urlOf(config: HttpCheckConfig): string {
  const host = parseAddress(config.address)?.family === 6 ? `[${config.address}]` : config.address;
  const path = config.path.startsWith("/") ? config.path : `/${config.path}`;
  return new URL(`${config.scheme}://${host}:${config.port}${path}`).href;
}

/** What a status says: any 2xx passes. */
export function outcomeOf(status: number, location: string | null | undefined): ProbeOutcome {
  const pass = status >= 200 && status <= 299;
  const redirect = !pass && location !== null && location !== undefined;
  return { pass, detail: `status ${status}${redirect ? `, a redirect to ${location}: not followed` : ""}` };
}
