/** From a configured check to the probe that carries it out: the one place that knows every kind. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import { type HttpClient, httpProbe } from "./kinds/http.ts";
import type { Icmp } from "./kinds/icmp.ts";
import { pingProbe } from "./kinds/ping.ts";
import type { Probe } from "./kinds/probe.ts";

/** What probes need of the outside. */
export interface ProbePorts {
  /** Shared by all http probes (`openHttpClient()`); they do not close it. */
  readonly http: HttpClient;
  /** Undefined: this process may not use FFI, and ping checks fail with that reason. */
  readonly icmp: Icmp | undefined;
}

/** The probe of a configured check. */
export function createProbe(config: CheckConfig, ports: ProbePorts): Probe {
  switch (config.type) {
    case "http":
      return httpProbe(config, ports.http);
    case "ping":
      return pingProbe(config, ports.icmp);
    default:
      return config satisfies never;
  }
}
