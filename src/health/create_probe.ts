/** From a configured check to the probe that carries it out: the one place that knows every kind. */
import type { Passage } from "../config/checks/base.ts";
import type { CheckConfigOf, CheckType } from "../config/checks/kinds.ts";
import { type Allowance, withinAllowance } from "./kinds/allowance.ts";
import { type DnsPorts, dnsProbe } from "./kinds/dns.ts";
import { execProbe, type ExecSubject } from "./kinds/exec.ts";
import { fileProbe } from "./kinds/file.ts";
import { grpcProbe } from "./kinds/grpc.ts";
import { type HttpPorts, httpProbe } from "./kinds/http.ts";
import type { Icmp } from "./kinds/icmp.ts";
import { pingProbe } from "./kinds/ping.ts";
import { tcpProbe } from "./kinds/tcp.ts";
import { type UdpPorts, udpProbe } from "./kinds/udp.ts";
import type { Probe } from "./kinds/probe.ts";
import { type ProcessPorts, processProbe } from "./kinds/process.ts";
import { type LocalAddresses, throughProbe } from "./kinds/through.ts";
import { tlsProbe } from "./kinds/tls.ts";
import type { CheckTarget } from "./target.ts";

/** What probes need of the outside. */
export interface ProbePorts extends HttpPorts, UdpPorts, DnsPorts, ProcessPorts {
  /** Undefined: this process may not use FFI, and ping checks say so. */
  readonly icmp: Icmp | undefined;
  /** For probes that open descriptors. */
  readonly slots: Allowance;
  /** For those that run a program. */
  readonly programSlots: Allowance;
  readonly localAddresses: LocalAddresses;
}

type Kind<Config> = (config: Config, ports: ProbePorts, target: CheckTarget | undefined) => Probe;

/** A row for each kind that the configuration knows. */
const KINDS: { readonly [Type in CheckType]: Kind<CheckConfigOf[Type]> } = {
  http: (config, ports) => withinAllowance(httpProbe(config, ports), ports.slots),
  ping: (config, ports) => pingProbe(config, ports),
  tcp: (config, ports) => withinAllowance(tcpProbe(config, ports), ports.slots),
  udp: (config, ports) => withinAllowance(udpProbe(config, ports), ports.slots),
  exec: (config, ports, target) => running(execProbe(config, subjectOf(target), ports.startProgram), ports),
  file: (config, ports) => withinAllowance(fileProbe(config, ports.host, ports.clock), ports.slots),
  process: (config, ports) =>
    config.unit === undefined
      ? withinAllowance(processProbe(config, ports), ports.slots)
      : running(processProbe(config, ports), ports),
  dns: (config, ports) => withinAllowance(dnsProbe(config, ports), ports.slots),
  grpc: (config, ports) => withinAllowance(grpcProbe(config, ports), ports.slots),
  tls: (config, ports) => withinAllowance(tlsProbe(config, ports), ports.slots),
};

/** A probe that runs a program, which takes more of a host than a connection does. */
function running(probe: Probe, { slots, programSlots }: ProbePorts): Probe {
  const shortage = "not probed: as many programs as checks may run at once are running";
  return withinAllowance(withinAllowance(probe, programSlots, shortage), slots);
}

function subjectOf(target: CheckTarget | undefined): ExecSubject {
  return { service: target?.type === "service" ? target.service : undefined };
}

/** The probe of a configured check of `target`, or of each of its ways through the service. */
export function createProbe<Type extends CheckType>(
  config: CheckConfigOf[Type] & { readonly type: Type },
  ports: ProbePorts,
  target?: CheckTarget,
): Probe {
  const { through } = config;
  if (through.length === 0) return KINDS[config.type](config, ports, target);
  const ways = through.map(({ address, source, mark }) => {
    const straight = { ...config, address: address.text, source, through: [] };
    return { address, probe: KINDS[config.type](straight, marking(ports, mark), target) };
  });
  return throughProbe(ways, ports.localAddresses);
}

/** The same ports, whose packets have that mark. */
function marking(ports: ProbePorts, mark: Passage["mark"]): ProbePorts {
  if (mark === undefined) return ports;
  const { streams, datagrams } = ports;
  return {
    ...ports,
    streams: { connect: (to, signal, source) => streams.connect(to, signal, { ...source, mark }) },
    datagrams: datagrams && { open: (options) => datagrams.open({ ...options, mark }) },
  };
}
