/** From a configured check to the probe that carries it out: the one place that knows every kind. */
import type { Passage } from "../config/checks/base.ts";
import type { CheckConfigOf, CheckType } from "../config/checks/kinds.ts";
import { type Allowance, withinAllowance } from "./kinds/allowance.ts";
import { type HttpPorts, httpProbe } from "./kinds/http.ts";
import type { Icmp } from "./kinds/icmp.ts";
import { pingProbe } from "./kinds/ping.ts";
import type { Probe } from "./kinds/probe.ts";
import { type LocalAddresses, throughProbe } from "./kinds/through.ts";

/** What probes need of the outside. */
export interface ProbePorts extends HttpPorts {
  /** Undefined: this process may not use FFI, and ping checks say so. */
  readonly icmp: Icmp | undefined;
  /** For probes that open descriptors. */
  readonly slots: Allowance;
  readonly localAddresses: LocalAddresses;
}

/** A row for each kind that the configuration knows. */
const KINDS: { readonly [Type in CheckType]: (config: CheckConfigOf[Type], ports: ProbePorts) => Probe } = {
  http: (config, ports) => withinAllowance(httpProbe(config, ports), ports.slots),
  ping: (config, ports) => pingProbe(config, ports),
};

/** The probe of a configured check, or of each of its ways through the service. */
export function createProbe<Type extends CheckType>(
  config: CheckConfigOf[Type] & { readonly type: Type },
  ports: ProbePorts,
): Probe {
  const { through } = config;
  if (through.length === 0) return KINDS[config.type](config, ports);
  const ways = through.map(({ address, source, mark }) => {
    const straight = { ...config, address: address.text, source, through: [] };
    return { address, probe: KINDS[config.type](straight, marking(ports, mark)) };
  });
  return throughProbe(ways, ports.localAddresses);
}

/** The same ports, whose packets have that mark. */
function marking(ports: ProbePorts, mark: Passage["mark"]): ProbePorts {
  if (mark === undefined) return ports;
  const { streams } = ports;
  return {
    ...ports,
    streams: { connect: (to, signal, source) => streams.connect(to, signal, { ...source, mark }) },
  };
}
