/**
 * The http check: GET over a connection of its own, so that a server which accepts no more is found out. Any 2xx
 * passes; a redirect is not followed and fails. The body is not read: the connection is closed instead. By fetch;
 * by node:http and node:https where fetch refuses (http_request.ts), loaded only then, for they take 11 MB.
 */
import type { HttpCheckConfig } from "../../config/checks/http.ts";
import { describeFailure } from "./failure.ts";
import { fetchCan, outcomeOf, REQUEST_HEADERS, urlOf } from "./http_request.ts";
import type { Probe, ProbeOutcome } from "./probe.ts";

/** A client of fetch; disposing closes it. */
export type HttpClient = Deno.HttpClient;

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

/** The client that all http probes share; it keeps no connection. It takes proxies from the environment as of now. */
export function openHttpClient(): HttpClient {
  return Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
}

/** The probe of an http check. */
export function httpProbe(config: HttpCheckConfig, client: HttpClient): Probe {
  const url = urlOf(config);
  const request = fetchCan(config)
    ? (signal: AbortSignal) => requestByFetch(url, client, signal)
    : (signal: AbortSignal) => requestByNode(url, config, signal);
  return {
    async run(signal) {
      try {
        return await request(signal);
      } catch (error) {
        return { pass: false, detail: describeFailure(error) };
      }
    },
  };
}

async function requestByFetch(url: URL, client: HttpClient, signal: AbortSignal): Promise<ProbeOutcome> {
  const response = await fetch(url, { client, signal, redirect: "manual", headers: REQUEST_HEADERS });
  // The status is the answer: how the rest ends changes nothing.
  response.body?.cancel().catch(() => {});
  return outcomeOf(response.status, response.headers.get("location"));
}

async function requestByNode(url: URL, config: HttpCheckConfig, signal: AbortSignal): Promise<ProbeOutcome> {
  const tls = config.scheme === "https";
  const { request } = tls ? await import("node:https") : await import("node:http");
  return await new Promise((resolve, reject) => {
    const options = {
      agent: false,
      signal,
      headers: REQUEST_HEADERS,
      rejectUnauthorized: !config.insecureSkipVerify,
    };
    const sent = request(url, options, (response) => {
      resolve(outcomeOf(response.statusCode ?? 0, response.headers.location));
      sent.destroy();
    });
    sent.on("error", reject);
    sent.end();
  });
}
