/** From a configured check to the probe that carries it out: the one place that knows every kind. */
import type { CheckConfigOf, CheckType } from "../config/checks/kinds.ts";
import { type Allowance, withinAllowance } from "./kinds/allowance.ts";
import { type HttpPorts, httpProbe } from "./kinds/http.ts";
import type { Icmp } from "./kinds/icmp.ts";
import { pingProbe } from "./kinds/ping.ts";
import type { Probe } from "./kinds/probe.ts";
import { tlsProbe } from "./kinds/tls.ts";

/** What probes need of the outside. */
export interface ProbePorts extends HttpPorts {
  /** Undefined: this process may not use FFI, and ping checks say so. */
  readonly icmp: Icmp | undefined;
  /** For probes that open descriptors. */
  readonly slots: Allowance;
}

/** A row for each kind that the configuration knows. */
const KINDS: { readonly [Type in CheckType]: (config: CheckConfigOf[Type], ports: ProbePorts) => Probe } = {
  http: (config, ports) => withinAllowance(httpProbe(config, ports), ports.slots),
  ping: (config, ports) => pingProbe(config, ports.icmp),
  tls: (config, ports) => withinAllowance(tlsProbe(config, ports), ports.slots),
};

/** The probe of a configured check. */
export function createProbe<Type extends CheckType>(
  config: CheckConfigOf[Type] & { readonly type: Type },
  ports: ProbePorts,
): Probe {
  return KINDS[config.type](config, ports);
}
